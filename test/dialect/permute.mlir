// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @permute(
// CHECK-SAME: %[[X:.*]]: tensor<12x2x32x64xf32>)
// CHECK: %[[R:.*]] = vit.permute %[[X]] [0, 2, 1, 3] : tensor<12x2x32x64xf32> -> tensor<12x32x2x64xf32>
func.func @permute(%x: tensor<12x2x32x64xf32>) -> tensor<12x32x2x64xf32> {
  %r = vit.permute %x [0, 2, 1, 3] : tensor<12x2x32x64xf32> -> tensor<12x32x2x64xf32>
  return %r : tensor<12x32x2x64xf32>
}
