// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @slice_tokens(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: vit.slice_tokens %[[X]] from 1 : tensor<?x17x8xf16> -> tensor<?x16x8xf16>
func.func @slice_tokens(%x: tensor<?x17x8xf16>) -> tensor<?x16x8xf16> {
  %r = vit.slice_tokens %x from 1 : tensor<?x17x8xf16> -> tensor<?x16x8xf16>
  return %r : tensor<?x16x8xf16>
}

// CHECK-LABEL: func.func @slice_tokens_grid(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: vit.slice_tokens %[[X]] from 1 : tensor<?x17x8xf16> -> tensor<?x2x8x8xf16>
func.func @slice_tokens_grid(%x: tensor<?x17x8xf16>) -> tensor<?x2x8x8xf16> {
  %r = vit.slice_tokens %x from 1 : tensor<?x17x8xf16> -> tensor<?x2x8x8xf16>
  return %r : tensor<?x2x8x8xf16>
}
