// RUN: vitc-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expected 'vit.any_size' to be {max_tokens = N, patch = array<i64: H, W>}, all positive, but got {max_tokens = 0 : i64, patch = array<i64: 16, 16>}}}
func.func @no_tokens(%x: tensor<?x3x16x16xf32>) -> tensor<?x3x16x16xf32> attributes {vit.any_size = {max_tokens = 0 : i64, patch = array<i64: 16, 16>}} {
  return %x : tensor<?x3x16x16xf32>
}

// -----

vit.kernel @relu(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
func.func @image_places(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  // expected-error @below {{expected 1 image_places, one for each result, but got 2}}
  %y = vit.launch @relu(%x) places [0] image_places [0, 0] : (tensor<?x32xf16>) -> tensor<?x32xf16>
  return %y : tensor<?x32xf16>
}

// -----

func.func @over() -> tensor<4x2xf32> {
  // expected-error @below {{expected over of four finite numbers, but got [}}
  %t = vit.rope_table grid [2, 2] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0] columns [0.0] over [1.0] : tensor<4x2xf32>
  return %t : tensor<4x2xf32>
}
