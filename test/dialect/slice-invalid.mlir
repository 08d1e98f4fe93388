// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @slice_c1(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected rows within the 12 of input, but got 4 from 9}}
  %0 = vit.slice %w rows 9 : tensor<12x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @slice_c1_negative(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected rows within the 12 of input, but got 4 from -1}}
  %0 = vit.slice %w rows -1 : tensor<12x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @slice_c1_overflow(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected rows within the 12 of input, but got 4 from 9223372036854775807}}
  %0 = vit.slice %w rows 9223372036854775807 : tensor<12x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @slice_c1_one_row(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected rows within the 12 of input, but got 1 from 12}}
  %0 = vit.slice %w rows 12 : tensor<12x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @slice_c2(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected a result with the columns of input, 12x4, but got 4x3}}
  %0 = vit.slice %w rows 0 : tensor<12x4xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @slice_c2_one_row(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected a result with the columns of input, 12x4, but got 3}}
  %0 = vit.slice %w rows 0 : tensor<12x4xf32> -> tensor<3xf32>
  return
}

// -----

func.func @slice_c3(%w: tensor<12x4xf32>) {
  // expected-error @below {{'vit.slice' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.slice %w rows 0 : tensor<12x4xf32> -> tensor<4x4xf16>
  return
}
