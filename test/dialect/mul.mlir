// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @mul(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[Y:.*]]: tensor<?x17x8xf32>)
// CHECK: %[[R:.*]] = vit.mul %[[X]], %[[Y]] : tensor<?x17x8xf16>, tensor<?x17x8xf32> -> tensor<?x17x8xf16>
func.func @mul(%x: tensor<?x17x8xf16>, %y: tensor<?x17x8xf32>) -> tensor<?x17x8xf16> {
  %r = vit.mul %x, %y : tensor<?x17x8xf16>, tensor<?x17x8xf32> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}
