// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @concat(
// CHECK-SAME: %[[X:.*]]: tensor<2x4xf32>, %[[Y:.*]]: tensor<1x4xf32>)
// CHECK: %[[R:.*]] = vit.concat %[[X]], %[[Y]], %[[X]] : (tensor<2x4xf32>, tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<5x4xf32>
func.func @concat(%x: tensor<2x4xf32>, %y: tensor<1x4xf32>) -> tensor<5x4xf32> {
  %r = vit.concat %x, %y, %x : (tensor<2x4xf32>, tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// CHECK-LABEL: func.func @concat_vectors(
// CHECK-SAME: %[[X:.*]]: tensor<2xf32>, %[[Y:.*]]: tensor<3xf32>)
// CHECK: %[[R:.*]] = vit.concat %[[X]], %[[Y]] : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
func.func @concat_vectors(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<5xf32> {
  %r = vit.concat %x, %y : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: func.func @concat_one(
// CHECK-SAME: %[[X:.*]]: tensor<2xf32>)
// CHECK: %[[R:.*]] = vit.concat %[[X]] : (tensor<2xf32>) -> tensor<2xf32>
func.func @concat_one(%x: tensor<2xf32>) -> tensor<2xf32> {
  %r = vit.concat %x : (tensor<2xf32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}
