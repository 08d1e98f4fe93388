// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @concat_c1(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.concat' op expected a result with 24 rows, the sum of the operands', but got 25x4}}
  %0 = vit.concat %w, %w : (tensor<12x4xf32>, tensor<12x4xf32>) -> tensor<25x4xf32>
  return
}

// -----

func.func @concat_c2(%w: tensor<12x4xf32>, %v: tensor<2x3xf32>) {
  // expected-error @below {{'vit.concat' op expected operands that agree with the result 'tensor<14x4xf32>' in all but rows, but got 'tensor<2x3xf32>'}}
  %0 = vit.concat %w, %v : (tensor<12x4xf32>, tensor<2x3xf32>) -> tensor<14x4xf32>
  return
}

// -----

func.func @concat_c2_element_type(%w: tensor<12x4xf32>, %v: tensor<2x4xf16>) {
  // expected-error @below {{'vit.concat' op expected operands that agree with the result 'tensor<14x4xf32>' in all but rows, but got 'tensor<2x4xf16>'}}
  %0 = vit.concat %w, %v : (tensor<12x4xf32>, tensor<2x4xf16>) -> tensor<14x4xf32>
  return
}
