// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @normalize_c1(%p: tensor<?x17x64xf32>, %m: tensor<?x16x6xf32>) {
  // expected-error @below {{'vit.normalize' op expected moments with the rows of input, ?x17x64, and an even width, but got ?x16x6}}
  %0 = vit.normalize %p, %m group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x16x6xf32> -> tensor<?x17x64xf32>
  return
}

// -----

func.func @normalize_c1_odd(%p: tensor<?x17x64xf32>, %m: tensor<?x17x5xf32>) {
  // expected-error @below {{'vit.normalize' op expected moments with the rows of input, ?x17x64, and an even width, but got ?x17x5}}
  %0 = vit.normalize %p, %m group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x5xf32> -> tensor<?x17x64xf32>
  return
}

// -----

func.func @normalize_c1_type(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf16>) {
  // expected-error @below {{'vit.normalize' op expected moments of element type 'f32', but got 'f16'}}
  %0 = vit.normalize %p, %m group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x6xf16> -> tensor<?x17x64xf32>
  return
}

// -----

func.func @normalize_c2(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf32>, %c: tensor<32xf32>) {
  // expected-error @below {{'vit.normalize' op expected sums with 64 elements, the width of input, but got 32}}
  %0 = vit.normalize %p, %m, %c group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x6xf32>, tensor<32xf32> -> tensor<?x17x64xf32>
  return
}

// -----

func.func @normalize_c3(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf32>) {
  // expected-error @below {{'vit.normalize' op expected a result of shape ?x17x64, but got ?x17x32}}
  %0 = vit.normalize %p, %m group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x6xf32> -> tensor<?x17x32xf32>
  return
}

// -----

func.func @normalize_c4(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf32>) {
  // expected-error @below {{'vit.normalize' op expected a positive eps that f32 holds}}
  %0 = vit.normalize %p, %m group 32 eps 0.0 : tensor<?x17x64xf32>, tensor<?x17x6xf32> -> tensor<?x17x64xf32>
  return
}

// -----

func.func @normalize_c5(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf32>) {
  // expected-error @below {{'vit.normalize' op expected a positive group, but got 0}}
  %0 = vit.normalize %p, %m group 0 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x6xf32> -> tensor<?x17x64xf32>
  return
}
