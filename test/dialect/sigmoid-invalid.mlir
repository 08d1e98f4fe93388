// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @sigmoid_c1(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.sigmoid' op expected a result of shape ?x17x8, but got ?x17x9}}
  %0 = vit.sigmoid %x : tensor<?x17x8xf32> -> tensor<?x17x9xf32>
  return
}
