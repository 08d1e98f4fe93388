// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @quantize_panels_c1(%w: tensor<40x10xf32>) {
  // expected-error @below {{'vit.quantize_panels' op expected a result of shape 2x20x32, but got 1x20x32}}
  %0 = vit.quantize_panels %w : tensor<40x10xf32> -> tensor<1x20x32xi8>
  return
}
