// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @factor(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.scale %[[X]] by 5.000000e-01 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
func.func @factor(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf16> {
  %r = vit.scale %x by 5.0e-01 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}

// CHECK-LABEL: func.func @columns(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[C:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.scale %[[X]] columns %[[C]] : tensor<8xf32> by 5.000000e-01 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
func.func @columns(%x: tensor<?x17x8xf16>, %c: tensor<8xf32>) -> tensor<?x17x8xf16> {
  %r = vit.scale %x columns %c : tensor<8xf32> by 5.0e-01 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}
