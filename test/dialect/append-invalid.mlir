// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @append_c1(%x: tensor<?x8xf32>, %t: tensor<2x8xf32>) {
  // expected-error @below {{'vit.append' op expected input of rank 3, but got rank 2}}
  %0 = vit.append %x, %t : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x3x8xf32>
  return
}

// -----

func.func @append_c2(%x: tensor<?x16x8xf32>, %t: tensor<2x7xf32>) {
  // expected-error @below {{'vit.append' op expected tokens with 8 columns, the width of input, but got 7}}
  %0 = vit.append %x, %t : tensor<?x16x8xf32>, tensor<2x7xf32> -> tensor<?x18x8xf32>
  return
}

// -----

func.func @append_c3(%x: tensor<?x16x8xf32>, %t: tensor<2x8xf32>) {
  // expected-error @below {{'vit.append' op expected a result of shape ?x18x8, but got ?x17x8}}
  %0 = vit.append %x, %t : tensor<?x16x8xf32>, tensor<2x8xf32> -> tensor<?x17x8xf32>
  return
}
