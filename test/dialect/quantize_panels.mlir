// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @quantize_panels(
// CHECK: %[[W:.*]] = vit.weight "w" : tensor<40x10xf32>
// CHECK: vit.quantize_panels %[[W]] : tensor<40x10xf32> -> tensor<2x20x32xi8>
func.func @quantize_panels() -> tensor<2x20x32xi8> {
  %w = vit.weight "w" : tensor<40x10xf32>
  %p = vit.quantize_panels %w : tensor<40x10xf32> -> tensor<2x20x32xi8>
  return %p : tensor<2x20x32xi8>
}
