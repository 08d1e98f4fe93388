// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @slice(
// CHECK-SAME: %[[X:.*]]: tensor<12x4xf32>)
// CHECK: %[[R:.*]] = vit.slice %[[X]] rows 8 : tensor<12x4xf32> -> tensor<4x4xf32>
func.func @slice(%x: tensor<12x4xf32>) -> tensor<4x4xf32> {
  %0 = vit.slice %x rows 8 : tensor<12x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// CHECK-LABEL: func.func @slice_vector(
// CHECK-SAME: %[[X:.*]]: tensor<12xbf16>)
// CHECK: %[[R:.*]] = vit.slice %[[X]] rows 0 : tensor<12xbf16> -> tensor<4xbf16>
func.func @slice_vector(%x: tensor<12xbf16>) -> tensor<4xbf16> {
  %r = vit.slice %x rows 0 : tensor<12xbf16> -> tensor<4xbf16>
  return %r : tensor<4xbf16>
}

// CHECK-LABEL: func.func @slice_one_row(
// CHECK-SAME: %[[X:.*]]: tensor<12x4xf32>)
// CHECK: %[[R:.*]] = vit.slice %[[X]] rows 11 : tensor<12x4xf32> -> tensor<4xf32>
func.func @slice_one_row(%x: tensor<12x4xf32>) -> tensor<4xf32> {
  %r = vit.slice %x rows 11 : tensor<12x4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}
