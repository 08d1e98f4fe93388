// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @resample(
// CHECK-SAME: %[[T:.*]]: tensor<16x8xf32>)
// CHECK: vit.resample %[[T]] cubic [4, 4] to [3, 5] : tensor<16x8xf32> -> tensor<15x8xf32>
func.func @resample(%t: tensor<16x8xf32>) -> tensor<15x8xf32> {
  %r = vit.resample %t cubic [4, 4] to [3, 5] : tensor<16x8xf32> -> tensor<15x8xf32>
  return %r : tensor<15x8xf32>
}

// CHECK-LABEL: func.func @resample_antialias(
// CHECK-SAME: %[[T:.*]]: tensor<16x8xf16>)
// CHECK: vit.resample %[[T]] linear antialias [4, 4] to [2, 3] : tensor<16x8xf16> -> tensor<6x8xf16>
func.func @resample_antialias(%t: tensor<16x8xf16>) -> tensor<6x8xf16> {
  %r = vit.resample %t linear antialias [4, 4] to [2, 3] : tensor<16x8xf16> -> tensor<6x8xf16>
  return %r : tensor<6x8xf16>
}
