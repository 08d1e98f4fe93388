// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @pad_c1(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.pad' op expected a result that extends 'tensor<12x4xf32>', but got 'tensor<16x3xf32>'}}
  %0 = vit.pad %w : tensor<12x4xf32> -> tensor<16x3xf32>
  return
}

// -----

func.func @pad_c1_rank(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.pad' op expected a result that extends 'tensor<12x4xf32>', but got 'tensor<48xf32>'}}
  %0 = vit.pad %w : tensor<12x4xf32> -> tensor<48xf32>
  return
}

// -----

func.func @pad_c1_element_type(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.pad' op expected a result that extends 'tensor<12x4xf32>', but got 'tensor<12x8xf16>'}}
  %0 = vit.pad %w : tensor<12x4xf32> -> tensor<12x8xf16>
  return
}
