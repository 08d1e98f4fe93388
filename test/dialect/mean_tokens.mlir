// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @mean_tokens(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: vit.mean_tokens %[[X]] from 1 : tensor<?x17x8xf16> -> tensor<?x8xf32>
func.func @mean_tokens(%x: tensor<?x17x8xf16>) -> tensor<?x8xf32> {
  %r = vit.mean_tokens %x from 1 : tensor<?x17x8xf16> -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
