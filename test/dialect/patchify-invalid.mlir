// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @patchify_c1(%x: tensor<?x32x32xf32>) {
  // expected-error @below {{'vit.patchify' op expected input of rank 4, but got rank 3}}
  %0 = vit.patchify %x conv [8, 8] : tensor<?x32x32xf32> -> tensor<?x16x64xf32>
  return
}

// -----

func.func @patchify_c2(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that divide the image 32x48, but got [8, 20]}}
  %0 = vit.patchify %x unfold [8, 20] : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c2_height(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that divide the image 32x48, but got [24, 8]}}
  %0 = vit.patchify %x unfold [24, 8] : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c2_zero(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that divide the image 32x48, but got [0, 8]}}
  %0 = vit.patchify %x unfold [0, 8] : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c2_one_size(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that divide the image 32x48, but got [8]}}
  %0 = vit.patchify %x unfold [8] : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c3(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a result with 24 tokens, but got ?x25x192}}
  %0 = vit.patchify %x conv [8, 8] : tensor<?x3x32x48xf32> -> tensor<?x25x192xf32>
  return
}

// -----

func.func @patchify_c3_lead(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a result with 26 tokens, but got ?x24x192}}
  %0 = vit.patchify %x conv [8, 8] lead 2 : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c3_rank(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a result with 24 tokens, but got ?x192}}
  %0 = vit.patchify %x conv [8, 8] : tensor<?x3x32x48xf32> -> tensor<?x192xf32>
  return
}

// -----

func.func @patchify_c4(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a result with at least 192 columns, but got 191}}
  %0 = vit.patchify %x conv [8, 8] : tensor<?x3x32x48xf32> -> tensor<?x24x191xf32>
  return
}

// -----

func.func @patchify_c5(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected lead to be at least 0, but got -1}}
  %0 = vit.patchify %x conv [8, 8] lead -1 : tensor<?x3x32x48xf32> -> tensor<?x23x192xf32>
  return
}

// -----

func.func @patchify_c2_large(%x: tensor<?x3x32x48xf32>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that fit into the image 32x48, but got [40, 8]}}
  %0 = vit.patchify %x conv [40, 8] : tensor<?x3x32x48xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c2_bytes(%x: tensor<?x32x48x3xui8>) {
  // expected-error @below {{'vit.patchify' op expected a patch of two sizes that fit into the image 32x48, but got [8, 49]}}
  %0 = vit.patchify %x bytes [8, 49] : tensor<?x32x48x3xui8> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c6(%x: tensor<?x32x48x3xf32>) {
  // expected-error @below {{'vit.patchify' op expected input of ui8 values for the order bytes, but got 'f32'}}
  %0 = vit.patchify %x bytes [8, 8] : tensor<?x32x48x3xf32> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @patchify_c6_conv(%x: tensor<?x3x32x48xui8>) {
  // expected-error @below {{'vit.patchify' op expected input of float values for the order conv, but got 'ui8'}}
  %0 = vit.patchify %x conv [8, 8] : tensor<?x3x32x48xui8> -> tensor<?x24x192xf32>
  return
}

// -----

func.func @bytes_elsewhere(%x: tensor<?x32x48xui8>) {
  // expected-error @below {{'vit.relu' op operand #0 must be batch tensor}}
  %0 = vit.relu %x : tensor<?x32x48xui8> -> tensor<?x32x48xf32>
  return
}
