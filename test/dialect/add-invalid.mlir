// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @add_c1(%x: tensor<?x17x8xf32>, %y: tensor<?x8xf32>) {
  // expected-error @below {{'vit.add' op expected operands of shape ?x17x8, but got ?x8}}
  %0 = vit.add %x, %y : tensor<?x17x8xf32>, tensor<?x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @add_c1_lhs(%x: tensor<?x17x8xf32>, %y: tensor<?x8xf32>) {
  // expected-error @below {{'vit.add' op expected operands of shape ?x8, but got ?x17x8}}
  %0 = vit.add %x, %y : tensor<?x17x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}
