// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.*]]: tensor<?x3x32x32xf32>)
// CHECK: %[[R:.*]] = vit.patchify %[[X]] conv [8, 8] : tensor<?x3x32x32xf32> -> tensor<?x16x192xf32>
func.func @conv(%x: tensor<?x3x32x32xf32>) -> tensor<?x16x192xf32> {
  %r = vit.patchify %x conv [8, 8] : tensor<?x3x32x32xf32> -> tensor<?x16x192xf32>
  return %r : tensor<?x16x192xf32>
}

// CHECK-LABEL: func.func @unfold_not_square(
// CHECK-SAME: %[[X:.*]]: tensor<?x1x32x48xf32>)
// CHECK: %[[R:.*]] = vit.patchify %[[X]] unfold [8, 16] : tensor<?x1x32x48xf32> -> tensor<?x12x128xf16>
func.func @unfold_not_square(%x: tensor<?x1x32x48xf32>) -> tensor<?x12x128xf16> {
  %r = vit.patchify %x unfold [8, 16] : tensor<?x1x32x48xf32> -> tensor<?x12x128xf16>
  return %r : tensor<?x12x128xf16>
}

// CHECK-LABEL: func.func @lead_and_columns_to_fill(
// CHECK-SAME: %[[X:.*]]: tensor<?x1x10x10xf32>)
// CHECK: %[[R:.*]] = vit.patchify %[[X]] conv [5, 5] lead 1 : tensor<?x1x10x10xf32> -> tensor<?x5x32xf16>
func.func @lead_and_columns_to_fill(%x: tensor<?x1x10x10xf32>) -> tensor<?x5x32xf16> {
  %r = vit.patchify %x conv [5, 5] lead 1 : tensor<?x1x10x10xf32> -> tensor<?x5x32xf16>
  return %r : tensor<?x5x32xf16>
}

// CHECK-LABEL: func.func @patchify_rest(
// CHECK: vit.patchify %{{.*}} conv [8, 8] : tensor<?x3x20x33xf32> -> tensor<?x8x192xf32>
func.func @patchify_rest(%x: tensor<?x3x20x33xf32>) -> tensor<?x8x192xf32> {
  %r = vit.patchify %x conv [8, 8] : tensor<?x3x20x33xf32> -> tensor<?x8x192xf32>
  return %r : tensor<?x8x192xf32>
}

// CHECK-LABEL: func.func @bytes(
// CHECK: vit.patchify %{{.*}} bytes [8, 4] lead 1 : tensor<?x16x12x3xui8> -> tensor<?x7x96xf16>
func.func @bytes(%x: tensor<?x16x12x3xui8>) -> tensor<?x7x96xf16> {
  %r = vit.patchify %x bytes [8, 4] lead 1 : tensor<?x16x12x3xui8> -> tensor<?x7x96xf16>
  return %r : tensor<?x7x96xf16>
}
