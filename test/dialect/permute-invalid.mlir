// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @permute_c1(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.permute' op expected an order with each of the 2 dimensions of input once, but got [0, 2]}}
  %0 = vit.permute %w [0, 2] : tensor<12x4xf32> -> tensor<12x4xf32>
  return
}

// -----

func.func @permute_c1_twice(%w: tensor<4x4xf32>) {
  // expected-error @below {{'vit.permute' op expected an order with each of the 2 dimensions of input once, but got [1, 1]}}
  %0 = vit.permute %w [1, 1] : tensor<4x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @permute_c1_few(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.permute' op expected an order with each of the 2 dimensions of input once, but got [0]}}
  %0 = vit.permute %w [0] : tensor<12x4xf32> -> tensor<12x4xf32>
  return
}

// -----

func.func @permute_c2(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.permute' op expected a result of shape 4x12, but got 12x4}}
  %0 = vit.permute %w [1, 0] : tensor<12x4xf32> -> tensor<12x4xf32>
  return
}

// -----

func.func @permute_c3(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.permute' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.permute %w [1, 0] : tensor<12x4xf32> -> tensor<4x12xf16>
  return
}
