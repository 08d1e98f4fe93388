// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @weight(
// CHECK: %[[A:.*]] = vit.weight "fc1.weight" : tensor<8x4xf32>
// CHECK: %[[B:.*]] = vit.weight "fc2.weight" aliases ["mlp.weight", "head"] transposed ["mlp_w"] : tensor<4x8xf16>
// CHECK: %[[C:.*]] = vit.weight "conv.weight" file_shape [4, 3, 2, 2] : tensor<4x12xf32>
// CHECK: %[[D:.*]] = vit.weight "with \22quotes\22" : tensor<3xbf16>
func.func @weight() -> (tensor<8x4xf32>, tensor<4x8xf16>, tensor<4x12xf32>, tensor<3xbf16>) {
  %a = vit.weight "fc1.weight" : tensor<8x4xf32>
  %b = vit.weight "fc2.weight" aliases ["mlp.weight", "head"] transposed ["mlp_w"] : tensor<4x8xf16>
  %c = vit.weight "conv.weight" file_shape [4, 3, 2, 2] : tensor<4x12xf32>
  %d = vit.weight "with \22quotes\22" : tensor<3xbf16>
  return %a, %b, %c, %d : tensor<8x4xf32>, tensor<4x8xf16>, tensor<4x12xf32>, tensor<3xbf16>
}
