// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x24xf16>, %[[T:.*]]: tensor<17x4xf32>)
// CHECK: vit.rope %[[X]], %[[T]] columns 16 : tensor<?x17x24xf16>, tensor<17x4xf32> -> tensor<?x17x24xf32>
func.func @rope(%x: tensor<?x17x24xf16>, %t: tensor<17x4xf32>) -> tensor<?x17x24xf32> {
  %r = vit.rope %x, %t columns 16 : tensor<?x17x24xf16>, tensor<17x4xf32> -> tensor<?x17x24xf32>
  return %r : tensor<?x17x24xf32>
}

// CHECK-LABEL: func.func @rope_token(
// CHECK-SAME: %[[X:.*]]: tensor<?x24xf16>, %[[T:.*]]: tensor<1x4xf32>)
// CHECK: vit.rope %[[X]], %[[T]] columns 24 : tensor<?x24xf16>, tensor<1x4xf32> -> tensor<?x24xf16>
func.func @rope_token(%x: tensor<?x24xf16>, %t: tensor<1x4xf32>) -> tensor<?x24xf16> {
  %r = vit.rope %x, %t columns 24 : tensor<?x24xf16>, tensor<1x4xf32> -> tensor<?x24xf16>
  return %r : tensor<?x24xf16>
}
