// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @position_c1(%x: tensor<?x8xf32>, %t: tensor<1x8xf32>) {
  // expected-error @below {{'vit.position' op expected input of rank 3, but got rank 2}}
  %0 = vit.position %x, %t : tensor<?x8xf32>, tensor<1x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @position_c2(%x: tensor<?x17x8xf32>, %t: tensor<16x8xf32>) {
  // expected-error @below {{'vit.position' op expected a table with the tokens and width of input, ?x17x8, but got 16x8}}
  %0 = vit.position %x, %t : tensor<?x17x8xf32>, tensor<16x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @position_c3(%x: tensor<?x17x8xf32>, %t: tensor<17x8xf32>) {
  // expected-error @below {{'vit.position' op expected a result of shape ?x17x8, but got ?x16x8}}
  %0 = vit.position %x, %t : tensor<?x17x8xf32>, tensor<17x8xf32> -> tensor<?x16x8xf32>
  return
}
