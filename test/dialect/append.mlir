// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @append(
// CHECK-SAME: %[[X:.*]]: tensor<?x16x8xf16>, %[[T:.*]]: tensor<2x8xf32>)
// CHECK: vit.append %[[X]], %[[T]] : tensor<?x16x8xf16>, tensor<2x8xf32> -> tensor<?x18x8xf32>
func.func @append(%x: tensor<?x16x8xf16>, %t: tensor<2x8xf32>) -> tensor<?x18x8xf32> {
  %r = vit.append %x, %t : tensor<?x16x8xf16>, tensor<2x8xf32> -> tensor<?x18x8xf32>
  return %r : tensor<?x18x8xf32>
}
