// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @layer_norm(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[G:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.layer_norm %[[X]], %[[G]], %[[B]] eps 5.000000e-01 : tensor<?x17x8xf16>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xbf16>
func.func @layer_norm(%x: tensor<?x17x8xf16>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x17x8xbf16> {
  %r = vit.layer_norm %x, %g, %b eps 5.0e-01 : tensor<?x17x8xf16>, tensor<8xf32>, tensor<8xf32> -> tensor<?x17x8xbf16>
  return %r : tensor<?x17x8xbf16>
}

// CHECK-LABEL: func.func @layer_norm_of_one_token(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.layer_norm %[[X]], %[[G]], %[[B]] eps 9.9999999999999998E-13 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
func.func @layer_norm_of_one_token(%x: tensor<?x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %r = vit.layer_norm %x, %g, %b eps 9.9999999999999998E-13 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @layer_norm_heads(
// CHECK: vit.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 5.000000e-01 groups 2 : tensor<?x17x8xf16>, tensor<4xf32>, tensor<4xf32> -> tensor<?x17x8xf16>
func.func @layer_norm_heads(%x: tensor<?x17x8xf16>, %g: tensor<4xf32>) -> tensor<?x17x8xf16> {
  %r = vit.layer_norm %x, %g, %g eps 5.0e-01 groups 2 : tensor<?x17x8xf16>, tensor<4xf32>, tensor<4xf32> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}
