// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @rope_table(
// CHECK: vit.rope_table grid [2, 3] origin [5.000000e-01, 0.000000e+00] step [1.000000e+00, 2.000000e+00] rows [1.000000e+00, 0.000000e+00] columns [0.000000e+00, 1.000000e+00] lead 1 : tensor<7x4xf32>
func.func @rope_table() -> tensor<7x4xf32> {
  %r = vit.rope_table grid [2, 3] origin [5.000000e-01, 0.000000e+00] step [1.000000e+00, 2.000000e+00] rows [1.000000e+00, 0.000000e+00] columns [0.000000e+00, 1.000000e+00] lead 1 : tensor<7x4xf32>
  return %r : tensor<7x4xf32>
}
