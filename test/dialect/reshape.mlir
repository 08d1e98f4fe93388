// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @reshape(
// CHECK-SAME: %[[X:.*]]: tensor<768x64xf32>)
// CHECK: %[[R:.*]] = vit.reshape %[[X]] : tensor<768x64xf32> -> tensor<12x2x32x64xf32>
func.func @reshape(%x: tensor<768x64xf32>) -> tensor<12x2x32x64xf32> {
  %r = vit.reshape %x : tensor<768x64xf32> -> tensor<12x2x32x64xf32>
  return %r : tensor<12x2x32x64xf32>
}
