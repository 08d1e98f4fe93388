// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @pad(
// CHECK-SAME: %[[X:.*]]: tensor<100x25xf32>)
// CHECK: %[[R:.*]] = vit.pad %[[X]] : tensor<100x25xf32> -> tensor<104x32xf32>
func.func @pad(%x: tensor<100x25xf32>) -> tensor<104x32xf32> {
  %r = vit.pad %x : tensor<100x25xf32> -> tensor<104x32xf32>
  return %r : tensor<104x32xf32>
}

// CHECK-LABEL: func.func @pad_nothing(
// CHECK-SAME: %[[X:.*]]: tensor<4xf16>)
// CHECK: %[[R:.*]] = vit.pad %[[X]] : tensor<4xf16> -> tensor<4xf16>
func.func @pad_nothing(%x: tensor<4xf16>) -> tensor<4xf16> {
  %r = vit.pad %x : tensor<4xf16> -> tensor<4xf16>
  return %r : tensor<4xf16>
}
