// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @select_c1(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.select' op expected input of rank 3, but got rank 2}}
  %0 = vit.select %x token 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @select_c2(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.select' op expected one of the 17 tokens of input, but got 17}}
  %0 = vit.select %x token 17 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @select_c2_negative(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.select' op expected one of the 17 tokens of input, but got -1}}
  %0 = vit.select %x token -1 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @select_c3(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.select' op expected a result of shape ?x8, but got ?x1x8}}
  %0 = vit.select %x token 0 : tensor<?x17x8xf32> -> tensor<?x1x8xf32>
  return
}
