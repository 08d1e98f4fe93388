// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @gelu_c1(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.gelu' op expected a result of shape ?x17x8, but got ?x17x9}}
  %0 = vit.gelu erf %x : tensor<?x17x8xf32> -> tensor<?x17x9xf32>
  return
}

// -----

func.func @gelu_form(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{custom op 'vit.gelu' expected one of [erf, tanh, quick]}}
  // expected-error @below {{custom op 'vit.gelu' failed to parse}}
  %0 = vit.gelu sigmoid %x : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  return
}
