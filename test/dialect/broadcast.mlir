// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @tokens(
// CHECK-SAME: %[[T:.*]]: tensor<2x8xf32>)
// CHECK: %[[R:.*]] = vit.broadcast %[[T]] : tensor<2x8xf32> -> tensor<?x2x8xf16>
func.func @tokens(%t: tensor<2x8xf32>) -> tensor<?x2x8xf16> {
  %r = vit.broadcast %t : tensor<2x8xf32> -> tensor<?x2x8xf16>
  return %r : tensor<?x2x8xf16>
}

// CHECK-LABEL: func.func @single_token(
// CHECK-SAME: %[[T:.*]]: tensor<1x8xf32>)
// CHECK: %[[R:.*]] = vit.broadcast %[[T]] : tensor<1x8xf32> -> tensor<?x8xf32>
func.func @single_token(%t: tensor<1x8xf32>) -> tensor<?x8xf32> {
  %r = vit.broadcast %t : tensor<1x8xf32> -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @single_token_of_rank_3(
// CHECK-SAME: %[[T:.*]]: tensor<1x8xf32>)
// CHECK: %[[R:.*]] = vit.broadcast %[[T]] : tensor<1x8xf32> -> tensor<?x1x8xf32>
func.func @single_token_of_rank_3(%t: tensor<1x8xf32>) -> tensor<?x1x8xf32> {
  %r = vit.broadcast %t : tensor<1x8xf32> -> tensor<?x1x8xf32>
  return %r : tensor<?x1x8xf32>
}
