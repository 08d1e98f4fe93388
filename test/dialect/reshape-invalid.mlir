// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @reshape_c1(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.reshape' op expected a result with the 48 elements of input, but got 3x4x5}}
  %0 = vit.reshape %w : tensor<12x4xf32> -> tensor<3x4x5xf32>
  return
}

// -----

func.func @reshape_c2(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.reshape' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.reshape %w : tensor<12x4xf32> -> tensor<48xf16>
  return
}
