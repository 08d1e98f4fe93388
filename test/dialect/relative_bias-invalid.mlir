// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @relative_bias_c1(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a window of two positive sizes, but got [2, 3, 1]}}
  %0 = vit.relative_bias %t window [2, 3, 1] : tensor<15x4xf32> -> tensor<6x4x6xf32>
  return
}

// -----

func.func @relative_bias_c2(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected lead 0 or 1, but got 2}}
  %0 = vit.relative_bias %t window [2, 3] lead 2 : tensor<15x4xf32> -> tensor<8x4x8xf32>
  return
}

// -----

func.func @relative_bias_c3(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a table of shape 18x4, but got 15x4}}
  %0 = vit.relative_bias %t window [2, 3] lead 1 : tensor<15x4xf32> -> tensor<7x4x7xf32>
  return
}

// -----

func.func @relative_bias_c4(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a result with 6 queries, 4 heads and at least 6 keys, but got 6x4x5}}
  %0 = vit.relative_bias %t window [2, 3] : tensor<15x4xf32> -> tensor<6x4x5xf32>
  return
}

// -----

func.func @relative_bias_c5(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.relative_bias %t window [2, 3] : tensor<15x4xf32> -> tensor<6x4x6xf16>
  return
}

// -----

func.func @relative_bias_from_c1(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a grid of distances to resample from of two positive sizes, but got [15, 0]}}
  %0 = vit.relative_bias %t from [15, 0] window [2, 3] : tensor<15x4xf32> -> tensor<6x4x6xf32>
  return
}

// -----

func.func @relative_bias_from_c3(%t: tensor<15x4xf32>) {
  // expected-error @below {{'vit.relative_bias' op expected a table of shape 24x4, but got 15x4}}
  %0 = vit.relative_bias %t from [3, 7] window [2, 3] lead 1 : tensor<15x4xf32> -> tensor<7x4x7xf32>
  return
}
