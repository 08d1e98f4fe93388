// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @yield_parent(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.yield' op expects parent op 'vit.kernel'}}
  vit.yield %x : tensor<?x8xf32>
}

// -----

vit.kernel @yield_type(%w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-error @below {{'vit.yield' op operand #0 must be variadic of batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32, f32 or i8 values, but got 'tensor<8x8xf32>'}}
  vit.yield %w : tensor<8x8xf32>
}
