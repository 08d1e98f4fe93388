// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @scale_c1(%x: tensor<?x17x8xf32>, %c: tensor<7xf32>) {
  // expected-error @below {{'vit.scale' op expected columns with 8 elements, the width of input, but got 7}}
  %0 = vit.scale %x columns %c : tensor<7xf32> by 1.0 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @scale_c2(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.scale' op expected a result of shape ?x17x8, but got ?x8}}
  %0 = vit.scale %x by 1.0 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @scale_c3(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.scale' op expected a factor that f32 holds, 0 or 1.175494e-38 to 3.402823e+38 in magnitude, but got nan}}
  %0 = vit.scale %x by 0x7FF8000000000000 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @scale_c4(%x: tensor<?x17x8xf32>, %r: tensor<17xf32>) {
  // expected-error @below {{'vit.scale' op expected rows for a weight, one for each of its rows, but got 17 for ?x17x8}}
  %0 = vit.scale %x rows %r : tensor<17xf32> by 1.0 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @scale_c4_count(%x: tensor<17x8xf32>, %r: tensor<8xf32>) {
  // expected-error @below {{'vit.scale' op expected rows for a weight, one for each of its rows, but got 8 for 17x8}}
  %0 = vit.scale %x rows %r : tensor<8xf32> by 1.0 : tensor<17x8xf32> -> tensor<17x8xf32>
  return
}

// -----

func.func @scale_c4_both(%x: tensor<8x8xf32>, %r: tensor<8xf32>) {
  // expected-error @below {{'vit.scale' op expected rows or columns, but got both}}
  %0 = vit.scale %x columns %r : tensor<8xf32> rows %r : tensor<8xf32> by 1.0 : tensor<8x8xf32> -> tensor<8x8xf32>
  return
}

// -----

func.func @scale_rank(%x: tensor<f32>) {
  // expected-error @below {{'vit.scale' op expected input of rank 1 or more, but got rank 0}}
  %0 = vit.scale %x by 1.0 : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @scale_c3_large(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.scale' op expected a factor that f32 holds, 0 or 1.175494e-38 to 3.402823e+38 in magnitude, but got 1.000000e+300}}
  %0 = vit.scale %x by 1.0e300 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @scale_c3_small(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.scale' op expected a factor that f32 holds, 0 or 1.175494e-38 to 3.402823e+38 in magnitude, but got -1.000000e-300}}
  %0 = vit.scale %x by -1.0e-300 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}
