// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @rms_norm_c1(%x: tensor<?x17x8xf32>, %g: tensor<9xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected scale with 8 elements, the width of input, but got 9}}
  %0 = vit.rms_norm %x, %g eps 1.0e-6 : tensor<?x17x8xf32>, tensor<9xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected a result of shape ?x17x8, but got ?x16x8}}
  %0 = vit.rms_norm %x, %g eps 1.0e-6 : tensor<?x17x8xf32>, tensor<8xf32> -> tensor<?x16x8xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected a positive eps that f32 holds, 1.175494e-38 to 3.402823e+38, but got 0.000000e+00}}
  %0 = vit.rms_norm %x, %g eps 0.0 : tensor<?x17x8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @rms_norm_c3_tiny(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected a positive eps that f32 holds, 1.175494e-38 to 3.402823e+38, but got 1.000000e-300}}
  %0 = vit.rms_norm %x, %g eps 1.0e-300 : tensor<?x17x8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @rms_norm_c1_heads(%x: tensor<?x17x8xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected scale with 2 elements, the width of input, but got 4}}
  %0 = vit.rms_norm %x, %g eps 1.0e-6 groups 4 : tensor<?x17x8xf32>, tensor<4xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @rms_norm_c4(%x: tensor<?x17x8xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected groups that divide the 8 columns of input, but got 3}}
  %0 = vit.rms_norm %x, %g eps 1.0e-6 groups 3 : tensor<?x17x8xf32>, tensor<4xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @rms_norm_c5(%x: tensor<?x17x8xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{'vit.rms_norm' op expected columns of one group, at most the 8 of input, but got 3}}
  %0 = vit.rms_norm %x, %g eps 1.0e-6 groups 2 columns 3 : tensor<?x17x8xf32>, tensor<4xf32> -> tensor<?x17x8xf32>
  return
}
