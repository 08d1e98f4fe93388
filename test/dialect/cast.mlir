// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @cast(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.cast %[[X]] : tensor<?x17x8xf16> -> tensor<?x17x8xbf16>
func.func @cast(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xbf16> {
  %r = vit.cast %x : tensor<?x17x8xf16> -> tensor<?x17x8xbf16>
  return %r : tensor<?x17x8xbf16>
}

// CHECK-LABEL: func.func @cast_of_a_weight(
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.cast %[[X]] : tensor<8xf32> -> tensor<8xf16>
func.func @cast_of_a_weight(%x: tensor<8xf32>) -> tensor<8xf16> {
  %r = vit.cast %x : tensor<8xf32> -> tensor<8xf16>
  return %r : tensor<8xf16>
}
