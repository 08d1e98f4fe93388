// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @row_sums_c1(%w: tensor<64x96xf32>) {
  // expected-error @below {{'vit.row_sums' op expected a result of shape 64, but got 96}}
  %0 = vit.row_sums %w : tensor<64x96xf32> -> tensor<96xf32>
  return
}
