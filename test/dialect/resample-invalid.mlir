// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @resample_c1(%t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.resample' op expected a grid to resample from of two positive sizes, but got [16]}}
  %0 = vit.resample %t cubic [16] to [2, 2] : tensor<16x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @resample_c1_to(%t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.resample' op expected a grid to resample to of two positive sizes, but got [0, 4]}}
  %0 = vit.resample %t cubic [4, 4] to [0, 4] : tensor<16x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @resample_c2(%t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.resample' op expected input of shape 15x8, but got 16x8}}
  %0 = vit.resample %t cubic [3, 5] to [2, 2] : tensor<16x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @resample_c3(%t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.resample' op expected a result of shape 4x8, but got 4x7}}
  %0 = vit.resample %t cubic [4, 4] to [2, 2] : tensor<16x8xf32> -> tensor<4x7xf32>
  return
}

// -----

func.func @resample_c4(%t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.resample' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.resample %t cubic [4, 4] to [2, 2] : tensor<16x8xf32> -> tensor<4x8xf16>
  return
}
