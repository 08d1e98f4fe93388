// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @layer_norm_c1(%x: tensor<?x17x8xf32>, %g: tensor<9xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected scale with 8 elements, the width of input, but got 9}}
  %0 = vit.layer_norm %x, %g, %b eps 1.0e-6 : tensor<?x17x8xf32>, tensor<9xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c1_shift(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>, %b: tensor<7xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected shift with 8 elements, the width of input, but got 7}}
  %0 = vit.layer_norm %x, %g, %b eps 1.0e-6 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<7xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected a result of shape ?x17x8, but got ?x16x8}}
  %0 = vit.layer_norm %x, %g, %b eps 1.0e-6 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x16x8xf32>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected a positive eps that f32 holds, 1.175494e-38 to 3.402823e+38, but got 0.000000e+00}}
  %0 = vit.layer_norm %x, %g, %b eps 0.0 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c3_infinite(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected a positive eps that f32 holds, 1.175494e-38 to 3.402823e+38, but got INF}}
  %0 = vit.layer_norm %x, %g, %b eps 0x7FF0000000000000 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_type(%x: tensor<?x8xf32>, %g: tensor<1x8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{operand #1 must be 1-D static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values, but got 'tensor<1x8xf32>'}}
  %0 = vit.layer_norm %x, %g, %b eps 1.0 : tensor<?x8xf32>, tensor<1x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return
}

// -----

// Zero in f32, so that a row of equal values would become NaN.
func.func @layer_norm_c3_tiny(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected a positive eps that f32 holds, 1.175494e-38 to 3.402823e+38, but got 1.000000e-300}}
  %0 = vit.layer_norm %x, %g, %g eps 1.0e-300 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c1_heads(%x: tensor<?x17x8xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected scale with 2 elements, the width of input, but got 4}}
  %0 = vit.layer_norm %x, %g, %g eps 1.0e-6 groups 4 : tensor<?x17x8xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c4(%x: tensor<?x17x8xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected groups that divide the 8 columns of input, but got 3}}
  %0 = vit.layer_norm %x, %g, %g eps 1.0e-6 groups 3 : tensor<?x17x8xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @layer_norm_c5(%x: tensor<?x17x8xf32>, %g: tensor<8xf32>) {
  // expected-error @below {{'vit.layer_norm' op expected columns of one group, at most the 8 of input, but got 9}}
  %0 = vit.layer_norm %x, %g, %g eps 1.0e-6 columns 9 : tensor<?x17x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xf32>
  return
}
