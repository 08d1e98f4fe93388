// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @prepare
func.func @prepare() -> (tensor<2xf32>, tensor<4x2xf16>) {
  %a = vit.weight "a" : tensor<2xf32>
  %b = vit.weight "b" : tensor<4x2xf16>
  return %a, %b : tensor<2xf32>, tensor<4x2xf16>
}

// CHECK-LABEL: func.func @prepared(
// CHECK: %[[A:.*]] = vit.prepared 1 : tensor<4x2xf16>
// CHECK: %[[B:.*]] = vit.prepared 0 : tensor<2xf32>
func.func @prepared() -> (tensor<4x2xf16>, tensor<2xf32>) {
  %a = vit.prepared 1 : tensor<4x2xf16>
  %b = vit.prepared 0 : tensor<2xf32>
  return %a, %b : tensor<4x2xf16>, tensor<2xf32>
}
