// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1(%x: tensor<?x17x10xf32>) {
  // expected-error @below {{'vit.quantize' op expected a result of shape ?x17x20, but got ?x17x18}}
  %0 = vit.quantize %x : tensor<?x17x10xf32> -> tensor<?x17x18xi8>
  return
}

// -----

func.func @quantize_type(%x: tensor<?x17x10xf32>) {
  // expected-error @below {{result #0 must be batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of i8 values, but got 'tensor<?x17x20xf32>'}}
  %0 = vit.quantize %x : tensor<?x17x10xf32> -> tensor<?x17x20xf32>
  return
}
