// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @mul_c1(%x: tensor<?x17x8xf32>, %y: tensor<?x8xf32>) {
  // expected-error @below {{'vit.mul' op expected operands of shape ?x17x8, but got ?x8}}
  %0 = vit.mul %x, %y : tensor<?x17x8xf32>, tensor<?x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @mul_c1_lhs(%x: tensor<?x17x8xf32>, %y: tensor<?x8xf32>) {
  // expected-error @below {{'vit.mul' op expected operands of shape ?x8, but got ?x17x8}}
  %0 = vit.mul %x, %y : tensor<?x17x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// Weights are multiplied by vit.scale.
func.func @mul_weights(%w: tensor<4x8xf32>) {
  // expected-error @below {{'vit.mul' op operand #0 must be batch tensor}}
  %0 = vit.mul %w, %w : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
