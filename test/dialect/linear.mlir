// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[X:.*]]: tensor<?x197x768xf16>, %[[W:.*]]: tensor<3072x768xf16>)
// CHECK: vit.linear %[[X]], %[[W]] : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
func.func @linear(%x: tensor<?x197x768xf16>, %w: tensor<3072x768xf16>) -> tensor<?x197x3072xf16> {
  %0 = vit.linear %x, %w : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
  return %0 : tensor<?x197x3072xf16>
}
