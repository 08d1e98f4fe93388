// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @select(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.select %[[X]] token 16 : tensor<?x17x8xf16> -> tensor<?x8xf16>
func.func @select(%x: tensor<?x17x8xf16>) -> tensor<?x8xf16> {
  %r = vit.select %x token 16 : tensor<?x17x8xf16> -> tensor<?x8xf16>
  return %r : tensor<?x8xf16>
}
