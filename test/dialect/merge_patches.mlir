// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @merge_patches(
// CHECK-SAME: %[[X:.*]]: tensor<?x24x8xf16>)
// CHECK: vit.merge_patches %[[X]] grid [4, 6] : tensor<?x24x8xf16> -> tensor<?x6x32xf16>
func.func @merge_patches(%x: tensor<?x24x8xf16>) -> tensor<?x6x32xf16> {
  %r = vit.merge_patches %x grid [4, 6] : tensor<?x24x8xf16> -> tensor<?x6x32xf16>
  return %r : tensor<?x6x32xf16>
}
