// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @bias_add_c1(%x: tensor<?x17x8xf32>, %b: tensor<7xf32>) {
  // expected-error @below {{'vit.bias_add' op expected bias with 8 elements, the width of input, but got 7}}
  %0 = vit.bias_add %x, %b : tensor<?x17x8xf32>, tensor<7xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @bias_add_c1_scalar(%x: tensor<f32>, %b: tensor<7xf32>) {
  // expected-error @below {{'vit.bias_add' op expected input of rank 1 or more, but got rank 0}}
  %0 = vit.bias_add %x, %b : tensor<f32>, tensor<7xf32> -> tensor<f32>
  return
}

// -----

func.func @bias_add_c2(%x: tensor<?x17x8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vit.bias_add' op expected a result of shape ?x17x8, but got ?x136}}
  %0 = vit.bias_add %x, %b : tensor<?x17x8xf32>, tensor<8xf32> -> tensor<?x136xf32>
  return
}
