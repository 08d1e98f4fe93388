// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @sigmoid(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.sigmoid %[[X]] : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
func.func @sigmoid(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf32> {
  %r = vit.sigmoid %x : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
  return %r : tensor<?x17x8xf32>
}

// CHECK-LABEL: func.func @sigmoid_of_one_token(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>)
// CHECK: %[[R:.*]] = vit.sigmoid %[[X]] : tensor<?x8xf32> -> tensor<?x8xf32>
func.func @sigmoid_of_one_token(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %r = vit.sigmoid %x : tensor<?x8xf32> -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
