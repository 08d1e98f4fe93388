// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @row_sums(
// CHECK: %[[W:.*]] = vit.weight "w" : tensor<64x96xf32>
// CHECK: vit.row_sums %[[W]] : tensor<64x96xf32> -> tensor<64xf32>
func.func @row_sums() -> tensor<64xf32> {
  %w = vit.weight "w" : tensor<64x96xf32>
  %c = vit.row_sums %w : tensor<64x96xf32> -> tensor<64xf32>
  return %c : tensor<64xf32>
}
