// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @attention_c1(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x16x16xf32>) {
  // expected-error @below {{'vit.attention' op expected key and value with the same tokens, but got ?x17x16 and ?x16x16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x16x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<?x16xf32>, %k: tensor<?x16xf32>, %v: tensor<?x16xf32>) {
  // expected-error @below {{'vit.attention' op expected key and value with the same tokens, but got ?x16 and ?x16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x3x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a query with the tokens of key, ?x17x16, but got ?x3x16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis batch offsets [0, 0, 0] : tensor<?x3x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x3x16xf32>
  return
}

// -----

func.func @attention_c2_rank(%q: tensor<?x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a query with the tokens of key, ?x17x16, but got ?x16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis batch offsets [0, 0, 0] : tensor<?x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected 16 columns at offset 1, but got an operand with 16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 1, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c3_negative(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected 16 columns at offset -1, but got an operand with 16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, -1] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c3_count(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected 3 offsets, but got 2}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a result of shape ?x17x16, but got ?x17x8}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x8xf32>
  return
}

// -----

func.func @attention_c4_rows(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a result of shape ?x17x16, but got ?x16}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @attention_c4_rank(%q: tensor<?x2x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected query of rank 2 or 3, but got rank 4}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x2x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x2x17x16xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected positive heads and head_dim, but got 0 and 8}}
  %0 = vit.attention %q, %k, %v heads 0 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c5_head_dim(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected positive heads and head_dim, but got 2 and -8}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim -8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c7(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a scale that f32 holds, 0 or 1.175494e-38 to 1.701412e+38 in magnitude, but got INF}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0x7FF0000000000000 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c6(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf16>, %v: tensor<?x17x16xf16>) {
  // expected-error @below {{'vit.attention' op expected operands of element type 'f32', but got 'f16'}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf16>, tensor<?x17x16xf16> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c6_value(%q: tensor<?x17x16xf32>, %k: tensor<?x17x16xf32>, %v: tensor<?x17x16xf16>) {
  // expected-error @below {{'vit.attention' op expected operands of element type 'f32', but got 'f16'}}
  %0 = vit.attention %q, %k, %v heads 2 head_dim 8 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf16> -> tensor<?x17x16xf32>
  return
}

// -----

// Times log2 e it would be infinite in f32.
func.func @attention_c7_large(%q: tensor<?x17x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a scale that f32 holds, 0 or 1.175494e-38 to 1.701412e+38 in magnitude, but got 3.000000e+38}}
  %0 = vit.attention %q, %q, %q heads 2 head_dim 8 scale 3.0e38 axis tokens offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return
}

// -----

func.func @attention_c8(%x: tensor<?x16x8xf16>, %b: tensor<16x2x16xf32>) {
  // expected-error @below {{'vit.attention' op expected neither bias nor windows with axis batch}}
  %0 = vit.attention %x, %x, %x bias %b : tensor<16x2x16xf32> heads 2 head_dim 4 scale 0.5 axis batch offsets [0, 0, 0] : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
  return
}

// -----

func.func @attention_c9(%x: tensor<?x16x8xf16>) {
  // expected-error @below {{'vit.attention' op expected operands with the 24 tokens of the grid, but got ?x16x8}}
  %0 = vit.attention %x, %x, %x heads 2 head_dim 4 scale 0.5 axis tokens offsets [0, 0, 0] windows <grid = [4, 6], size = [2, 2], shift = [0, 0]> : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
  return
}

// -----

func.func @attention_c10(%x: tensor<?x16x8xf16>, %b: tensor<16x2x15xf32>) {
  // expected-error @below {{'vit.attention' op expected a bias of 16 queries, 2 heads and at least 16 keys, but got 16x2x15}}
  %0 = vit.attention %x, %x, %x bias %b : tensor<16x2x15xf32> heads 2 head_dim 4 scale 0.5 axis tokens offsets [0, 0, 0] : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
  return
}

// -----

func.func @attention_c10_windows(%x: tensor<?x16x8xf16>, %b: tensor<16x2x16xf32>) {
  // expected-error @below {{'vit.attention' op expected a bias of 4 queries, 2 heads and at least 4 keys, but got 16x2x16}}
  %0 = vit.attention %x, %x, %x bias %b : tensor<16x2x16xf32> heads 2 head_dim 4 scale 0.5 axis tokens offsets [0, 0, 0] windows <grid = [4, 4], size = [2, 2], shift = [0, 0]> : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
  return
}
