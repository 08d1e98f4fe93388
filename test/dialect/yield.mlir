// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// A copy: what a kernel reads it may store at once.
// CHECK-LABEL: vit.kernel @copy(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK-NEXT: vit.yield %[[X]] : tensor<?x8xf32>
vit.kernel @copy(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  vit.yield %x : tensor<?x8xf32>
}
