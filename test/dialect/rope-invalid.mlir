// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @rope_c1(%x: tensor<?x17x24xf32>, %t: tensor<16x4xf32>) {
  // expected-error @below {{'vit.rope' op expected a table of even width with a row for each token of input, ?x17x24, but got 16x4}}
  %0 = vit.rope %x, %t columns 24 : tensor<?x17x24xf32>, tensor<16x4xf32> -> tensor<?x17x24xf32>
  return
}

// -----

func.func @rope_c1_odd(%x: tensor<?x17x24xf32>, %t: tensor<17x3xf32>) {
  // expected-error @below {{'vit.rope' op expected a table of even width with a row for each token of input, ?x17x24, but got 17x3}}
  %0 = vit.rope %x, %t columns 24 : tensor<?x17x24xf32>, tensor<17x3xf32> -> tensor<?x17x24xf32>
  return
}

// -----

func.func @rope_c1_token(%x: tensor<?x24xf32>, %t: tensor<17x4xf32>) {
  // expected-error @below {{'vit.rope' op expected a table of even width with a row for each token of input, ?x24, but got 17x4}}
  %0 = vit.rope %x, %t columns 24 : tensor<?x24xf32>, tensor<17x4xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x17x24xf32>, %t: tensor<17x4xf32>) {
  // expected-error @below {{'vit.rope' op expected columns in multiples of 4, the width of table, within an even width of input, but got 6 of 24}}
  %0 = vit.rope %x, %t columns 6 : tensor<?x17x24xf32>, tensor<17x4xf32> -> tensor<?x17x24xf32>
  return
}

// -----

func.func @rope_c2_beyond(%x: tensor<?x17x24xf32>, %t: tensor<17x4xf32>) {
  // expected-error @below {{'vit.rope' op expected columns in multiples of 4, the width of table, within an even width of input, but got 28 of 24}}
  %0 = vit.rope %x, %t columns 28 : tensor<?x17x24xf32>, tensor<17x4xf32> -> tensor<?x17x24xf32>
  return
}

// -----

func.func @rope_c2_none(%x: tensor<?x17x24xf32>, %t: tensor<17x4xf32>) {
  // expected-error @below {{'vit.rope' op expected columns in multiples of 4, the width of table, within an even width of input, but got 0 of 24}}
  %0 = vit.rope %x, %t columns 0 : tensor<?x17x24xf32>, tensor<17x4xf32> -> tensor<?x17x24xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x17x24xf32>, %t: tensor<17x4xf32>) {
  // expected-error @below {{'vit.rope' op expected a result of shape ?x17x24, but got ?x17x20}}
  %0 = vit.rope %x, %t columns 24 : tensor<?x17x24xf32>, tensor<17x4xf32> -> tensor<?x17x20xf32>
  return
}
