// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @relative_bias(
// CHECK-SAME: %[[T:.*]]: tensor<15x4xf32>)
// CHECK: vit.relative_bias %[[T]] window [2, 3] : tensor<15x4xf32> -> tensor<6x4x8xf32>
func.func @relative_bias(%t: tensor<15x4xf32>) -> tensor<6x4x8xf32> {
  %r = vit.relative_bias %t window [2, 3] : tensor<15x4xf32> -> tensor<6x4x8xf32>
  return %r : tensor<6x4x8xf32>
}

// CHECK-LABEL: func.func @relative_bias_lead(
// CHECK-SAME: %[[T:.*]]: tensor<18x4xf32>)
// CHECK: vit.relative_bias %[[T]] window [2, 3] lead 1 : tensor<18x4xf32> -> tensor<7x4x7xf32>
func.func @relative_bias_lead(%t: tensor<18x4xf32>) -> tensor<7x4x7xf32> {
  %r = vit.relative_bias %t window [2, 3] lead 1 : tensor<18x4xf32> -> tensor<7x4x7xf32>
  return %r : tensor<7x4x7xf32>
}

// CHECK-LABEL: func.func @relative_bias_from(
// CHECK-SAME: %[[T:.*]]: tensor<10x4xf32>)
// CHECK: vit.relative_bias %[[T]] from [7, 1] window [2, 3] lead 1 : tensor<10x4xf32> -> tensor<7x4x7xf32>
func.func @relative_bias_from(%t: tensor<10x4xf32>) -> tensor<7x4x7xf32> {
  %r = vit.relative_bias %t from [7, 1] window [2, 3] lead 1 : tensor<10x4xf32> -> tensor<7x4x7xf32>
  return %r : tensor<7x4x7xf32>
}
