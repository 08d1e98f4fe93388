// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @mean_tokens_c1(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.mean_tokens' op expected input of rank 3, but got rank 2}}
  %0 = vit.mean_tokens %x from 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @mean_tokens_c2(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.mean_tokens' op expected one of the 17 tokens of input, but got 17}}
  %0 = vit.mean_tokens %x from 17 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @mean_tokens_c2_negative(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.mean_tokens' op expected one of the 17 tokens of input, but got -1}}
  %0 = vit.mean_tokens %x from -1 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @mean_tokens_c3(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.mean_tokens' op expected a result of shape ?x8, but got ?x17x8}}
  %0 = vit.mean_tokens %x from 0 : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}
