// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.*]]: tensor<?x197x768xf16>, %[[W:.*]]: tensor<3072x768xf16>)
// CHECK: %[[R:.*]] = vit.linear %[[X]], %[[W]] : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
func.func @linear(%x: tensor<?x197x768xf16>, %w: tensor<3072x768xf16>) -> tensor<?x197x3072xf16> {
  %r = vit.linear %x, %w : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
  return %r : tensor<?x197x3072xf16>
}

// CHECK-LABEL: func.func @linear_of_one_token(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xbf16>, %[[W:.*]]: tensor<10x8xbf16>)
// CHECK: %[[R:.*]] = vit.linear %[[X]], %[[W]] : tensor<?x8xbf16>, tensor<10x8xbf16> -> tensor<?x10xf32>
func.func @linear_of_one_token(%x: tensor<?x8xbf16>, %w: tensor<10x8xbf16>) -> tensor<?x10xf32> {
  %r = vit.linear %x, %w : tensor<?x8xbf16>, tensor<10x8xbf16> -> tensor<?x10xf32>
  return %r : tensor<?x10xf32>
}
