// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @slice_tokens_c1(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected input of rank 3, but got rank 2}}
  %0 = vit.slice_tokens %x from 0 : tensor<?x8xf32> -> tensor<?x1x8xf32>
  return
}

// -----

func.func @slice_tokens_c2(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected tokens within the 17 of input, but got 16 from 2}}
  %0 = vit.slice_tokens %x from 2 : tensor<?x17x8xf32> -> tensor<?x16x8xf32>
  return
}

// -----

func.func @slice_tokens_c2_negative(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected tokens within the 17 of input, but got 16 from -1}}
  %0 = vit.slice_tokens %x from -1 : tensor<?x17x8xf32> -> tensor<?x16x8xf32>
  return
}

// -----

func.func @slice_tokens_c2_grid(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected tokens within the 17 of input, but got 18 from 0}}
  %0 = vit.slice_tokens %x from 0 : tensor<?x17x8xf32> -> tensor<?x3x6x8xf32>
  return
}

// -----

func.func @slice_tokens_c3(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected a result of rank 3 or 4 with 8 columns, the width of input, but got ?x16x7}}
  %0 = vit.slice_tokens %x from 1 : tensor<?x17x8xf32> -> tensor<?x16x7xf32>
  return
}

// -----

func.func @slice_tokens_c3_rank(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.slice_tokens' op expected a result of rank 3 or 4 with 8 columns, the width of input, but got ?x8}}
  %0 = vit.slice_tokens %x from 1 : tensor<?x17x8xf32> -> tensor<?x8xf32>
  return
}
