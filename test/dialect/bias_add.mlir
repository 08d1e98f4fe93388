// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @bias_add(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.bias_add %[[X]], %[[B]] : tensor<?x17x8xf16>, tensor<8xf32> -> tensor<?x17x8xf32>
func.func @bias_add(%x: tensor<?x17x8xf16>, %b: tensor<8xf32>) -> tensor<?x17x8xf32> {
  %r = vit.bias_add %x, %b : tensor<?x17x8xf16>, tensor<8xf32> -> tensor<?x17x8xf32>
  return %r : tensor<?x17x8xf32>
}

// CHECK-LABEL: func.func @bias_add_of_weights(
// CHECK-SAME: %[[X:.*]]: tensor<17x8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.bias_add %[[X]], %[[B]] : tensor<17x8xf32>, tensor<8xf32> -> tensor<17x8xf32>
func.func @bias_add_of_weights(%x: tensor<17x8xf32>, %b: tensor<8xf32>) -> tensor<17x8xf32> {
  %r = vit.bias_add %x, %b : tensor<17x8xf32>, tensor<8xf32> -> tensor<17x8xf32>
  return %r : tensor<17x8xf32>
}
