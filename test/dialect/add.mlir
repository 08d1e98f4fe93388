// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @add(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[Y:.*]]: tensor<?x17x8xf32>)
// CHECK: %[[R:.*]] = vit.add %[[X]], %[[Y]] : tensor<?x17x8xf16>, tensor<?x17x8xf32> -> tensor<?x17x8xf16>
func.func @add(%x: tensor<?x17x8xf16>, %y: tensor<?x17x8xf32>) -> tensor<?x17x8xf16> {
  %r = vit.add %x, %y : tensor<?x17x8xf16>, tensor<?x17x8xf32> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}

// CHECK-LABEL: func.func @add_of_weights(
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.add %[[X]], %[[Y]] : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
func.func @add_of_weights(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %r = vit.add %x, %y : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  return %r : tensor<8xf32>
}
