// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @broadcast_c1(%t: tensor<2x8xf32>) {
  // expected-error @below {{'vit.broadcast' op expected a result with tokens of shape 2x8, but got ?x3x8}}
  %0 = vit.broadcast %t : tensor<2x8xf32> -> tensor<?x3x8xf32>
  return
}

// -----

func.func @broadcast_c1_rank_2(%t: tensor<2x8xf32>) {
  // expected-error @below {{'vit.broadcast' op expected a result with tokens of shape 2x8, but got ?x8}}
  %0 = vit.broadcast %t : tensor<2x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @broadcast_c1_width(%t: tensor<1x8xf32>) {
  // expected-error @below {{'vit.broadcast' op expected a result with tokens of shape 1x8, but got ?x9}}
  %0 = vit.broadcast %t : tensor<1x8xf32> -> tensor<?x9xf32>
  return
}
