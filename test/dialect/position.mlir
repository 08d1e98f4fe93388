// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @position(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[T:.*]]: tensor<17x8xf32>)
// CHECK: %[[R:.*]] = vit.position %[[X]], %[[T]] : tensor<?x17x8xf16>, tensor<17x8xf32> -> tensor<?x17x8xf16>
func.func @position(%x: tensor<?x17x8xf16>, %t: tensor<17x8xf32>) -> tensor<?x17x8xf16> {
  %r = vit.position %x, %t : tensor<?x17x8xf16>, tensor<17x8xf32> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}
