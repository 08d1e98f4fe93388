// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x48xf16>)
// CHECK: %[[R:.*]] = vit.attention %[[X]], %[[X]], %[[X]] heads 2 head_dim 8 scale 5.000000e-01 axis tokens offsets [0, 16, 32] : tensor<?x17x48xf16>, tensor<?x17x48xf16>, tensor<?x17x48xf16> -> tensor<?x17x16xf16>
func.func @packed(%x: tensor<?x17x48xf16>) -> tensor<?x17x16xf16> {
  %r = vit.attention %x, %x, %x heads 2 head_dim 8 scale 5.0e-01 axis tokens offsets [0, 16, 32] : tensor<?x17x48xf16>, tensor<?x17x48xf16>, tensor<?x17x48xf16> -> tensor<?x17x16xf16>
  return %r : tensor<?x17x16xf16>
}

// CHECK-LABEL: func.func @one_query(
// CHECK-SAME: %[[Q:.*]]: tensor<?x16xf16>, %[[K:.*]]: tensor<?x17x32xf16>)
// CHECK: %[[R:.*]] = vit.attention %[[Q]], %[[K]], %[[K]] heads 2 head_dim 8 scale 5.000000e-01 axis tokens offsets [0, 0, 16] : tensor<?x16xf16>, tensor<?x17x32xf16>, tensor<?x17x32xf16> -> tensor<?x16xf16>
func.func @one_query(%q: tensor<?x16xf16>, %k: tensor<?x17x32xf16>) -> tensor<?x16xf16> {
  %r = vit.attention %q, %k, %k heads 2 head_dim 8 scale 5.0e-01 axis tokens offsets [0, 0, 16] : tensor<?x16xf16>, tensor<?x17x32xf16>, tensor<?x17x32xf16> -> tensor<?x16xf16>
  return %r : tensor<?x16xf16>
}

// CHECK-LABEL: func.func @cross(
// CHECK-SAME: %[[Q:.*]]: tensor<?x3x16xf32>, %[[K:.*]]: tensor<?x17x16xf32>)
// CHECK: %[[R:.*]] = vit.attention %[[Q]], %[[K]], %[[K]] heads 2 head_dim 8 scale 5.000000e-01 axis tokens offsets [0, 0, 0] : tensor<?x3x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x3x16xf32>
func.func @cross(%q: tensor<?x3x16xf32>, %k: tensor<?x17x16xf32>) -> tensor<?x3x16xf32> {
  %r = vit.attention %q, %k, %k heads 2 head_dim 8 scale 5.0e-01 axis tokens offsets [0, 0, 0] : tensor<?x3x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x3x16xf32>
  return %r : tensor<?x3x16xf32>
}

// CHECK-LABEL: func.func @over_the_batch(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x16xf32>)
// CHECK: %[[R:.*]] = vit.attention %[[X]], %[[X]], %[[X]] heads 2 head_dim 8 scale 5.000000e-01 axis batch offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
func.func @over_the_batch(%x: tensor<?x17x16xf32>) -> tensor<?x17x16xf32> {
  %r = vit.attention %x, %x, %x heads 2 head_dim 8 scale 5.0e-01 axis batch offsets [0, 0, 0] : tensor<?x17x16xf32>, tensor<?x17x16xf32>, tensor<?x17x16xf32> -> tensor<?x17x16xf32>
  return %r : tensor<?x17x16xf32>
}

// CHECK-LABEL: func.func @over_the_batch_of_one_token(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>)
// CHECK: %[[R:.*]] = vit.attention %[[X]], %[[X]], %[[X]] heads 2 head_dim 8 scale 5.000000e-01 axis batch offsets [0, 0, 0] : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
func.func @over_the_batch_of_one_token(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %r = vit.attention %x, %x, %x heads 2 head_dim 8 scale 5.0e-01 axis batch offsets [0, 0, 0] : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @attention_windows(
// CHECK: vit.attention %{{.*}}, %{{.*}}, %{{.*}} bias %{{.*}} : tensor<4x2x8xf32> heads 2 head_dim 4 scale 5.000000e-01 axis tokens offsets [0, 0, 0] windows <grid = [4, 4], size = [2, 2], shift = [1, 0]> : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
func.func @attention_windows(%x: tensor<?x16x8xf16>, %b: tensor<4x2x8xf32>) -> tensor<?x16x8xf16> {
  %r = vit.attention %x, %x, %x bias %b : tensor<4x2x8xf32> heads 2 head_dim 4 scale 5.000000e-01 axis tokens offsets [0, 0, 0]
      windows <grid = [4, 4], size = [2, 2], shift = [1, 0]> : tensor<?x16x8xf16>, tensor<?x16x8xf16>, tensor<?x16x8xf16> -> tensor<?x16x8xf16>
  return %r : tensor<?x16x8xf16>
}
