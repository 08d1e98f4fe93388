// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @cast_c1(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.cast' op expected a result of shape ?x17x8, but got ?x17x9}}
  %0 = vit.cast %x : tensor<?x17x8xf32> -> tensor<?x17x9xf32>
  return
}

// -----

func.func @cast_type(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{result #0 must be batch tensor or static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values, but got 'tensor<?x17x8xi8>'}}
  %0 = vit.cast %x : tensor<?x17x8xf32> -> tensor<?x17x8xi8>
  return
}
