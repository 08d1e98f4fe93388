// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @linear_c1(%x: tensor<?x17x8xf32>, %w: tensor<4x9xf32>) {
  // expected-error @below {{'vit.linear' op expected weight with K = 8 columns, as in input, but got 9}}
  %0 = vit.linear %x, %w : tensor<?x17x8xf32>, tensor<4x9xf32> -> tensor<?x17x4xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x17x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'vit.linear' op expected a result of shape ?x17x4, but got ?x17x8}}
  %0 = vit.linear %x, %w : tensor<?x17x8xf32>, tensor<4x8xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @linear_c2_tokens(%x: tensor<?x17x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'vit.linear' op expected a result of shape ?x17x4, but got ?x16x4}}
  %0 = vit.linear %x, %w : tensor<?x17x8xf32>, tensor<4x8xf32> -> tensor<?x16x4xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x17x8xf32>, %w: tensor<4x8xf16>) {
  // expected-error @below {{'vit.linear' op expected weight of element type 'f32', but got 'f16'}}
  %0 = vit.linear %x, %w : tensor<?x17x8xf32>, tensor<4x8xf16> -> tensor<?x17x4xf32>
  return
}

// -----

func.func @linear_type(%x: tensor<?x17x8xf32>, %w: tensor<?x8xf32>) {
  // expected-error @below {{operand #1 must be 2-D static tensor, or 3-D one of panels, (no size 0, 2^40 elements at most) of f16, bf16, tf32, f32 or, of panels, i8 values, but got 'tensor<?x8xf32>'}}
  %0 = vit.linear %x, %w : tensor<?x17x8xf32>, tensor<?x8xf32> -> tensor<?x17x4xf32>
  return
}

// -----

func.func @linear_batch_type(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{operand #0 must be batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32, f32 or i8 values, but got 'tensor<2x8xf32>'}}
  %0 = vit.linear %x, %w : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_no_columns(%x: tensor<?x17x0xf32>, %w: tensor<32x0xf32>) {
  // expected-error @below {{operand #0 must be batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32, f32 or i8 values, but got 'tensor<?x17x0xf32>'}}
  %0 = vit.linear %x, %w : tensor<?x17x0xf32>, tensor<32x0xf32> -> tensor<?x17x32xf32>
  return
}

// -----

func.func @linear_no_rows(%x: tensor<?x17x32xf32>, %w: tensor<0x32xf32>) {
  // expected-error @below {{operand #1 must be 2-D static tensor, or 3-D one of panels, (no size 0, 2^40 elements at most)}}
  %0 = vit.linear %x, %w : tensor<?x17x32xf32>, tensor<0x32xf32> -> tensor<?x17x0xf32>
  return
}

// -----

func.func @linear_no_tokens(%x: tensor<?x0x32xf32>, %w: tensor<32x32xf32>) {
  // expected-error @below {{operand #0 must be batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most)}}
  %0 = vit.linear %x, %w : tensor<?x0x32xf32>, tensor<32x32xf32> -> tensor<?x0x32xf32>
  return
}

// -----

func.func @linear_c2_panels(%x: tensor<?x17x32xf32>, %w: tensor<2x32x32xf32>) {
  // expected-error @below {{expected 3 panels of 32 for 65 columns of the result, but got 2}}
  %0 = vit.linear %x, %w : tensor<?x17x32xf32>, tensor<2x32x32xf32> -> tensor<?x17x65xf32>
  return
}
