// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @prepend(
// CHECK-SAME: %[[T:.*]]: tensor<2x8xf32>, %[[X:.*]]: tensor<?x16x8xf16>)
// CHECK: %[[R:.*]] = vit.prepend %[[T]], %[[X]] : tensor<2x8xf32>, tensor<?x16x8xf16> -> tensor<?x18x8xf16>
func.func @prepend(%t: tensor<2x8xf32>, %x: tensor<?x16x8xf16>) -> tensor<?x18x8xf16> {
  %r = vit.prepend %t, %x : tensor<2x8xf32>, tensor<?x16x8xf16> -> tensor<?x18x8xf16>
  return %r : tensor<?x18x8xf16>
}
