// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

vit.kernel @split(%x: tensor<?x8xf16>, %b: tensor<8xf32>) -> (tensor<?x8xf16>, tensor<?x8xf32>) {
  %0 = vit.bias_add %x, %b : tensor<?x8xf16>, tensor<8xf32> -> tensor<?x8xf16>
  %1 = vit.cast %0 : tensor<?x8xf16> -> tensor<?x8xf32>
  vit.yield %0, %1 : tensor<?x8xf16>, tensor<?x8xf32>
}

// One kernel serves tokens of an image and single rows.
// CHECK-LABEL: func.func @launch(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[Y:.*]]: tensor<?x8xf16>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %{{.*}}:2 = vit.launch @split(%[[X]], %[[B]]) places [0, -1] : (tensor<?x17x8xf16>, tensor<8xf32>) -> (tensor<?x17x8xf16>, tensor<?x17x8xf32>)
// CHECK: %{{.*}}:2 = vit.launch @split(%[[Y]], %[[B]]) : (tensor<?x8xf16>, tensor<8xf32>) -> (tensor<?x8xf16>, tensor<?x8xf32>)
func.func @launch(%x: tensor<?x17x8xf16>, %y: tensor<?x8xf16>, %b: tensor<8xf32>) -> (tensor<?x17x8xf32>, tensor<?x8xf32>) {
  %0:2 = vit.launch @split(%x, %b) places [0, -1] : (tensor<?x17x8xf16>, tensor<8xf32>) -> (tensor<?x17x8xf16>, tensor<?x17x8xf32>)
  %1:2 = vit.launch @split(%y, %b) : (tensor<?x8xf16>, tensor<8xf32>) -> (tensor<?x8xf16>, tensor<?x8xf32>)
  return %0#1, %1#1 : tensor<?x17x8xf32>, tensor<?x8xf32>
}
