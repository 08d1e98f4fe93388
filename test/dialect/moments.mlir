// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @moments(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x96xf16>)
// CHECK: vit.moments %[[X]] group 32 : tensor<?x17x96xf16> -> tensor<?x17x6xf32>
func.func @moments(%x: tensor<?x17x96xf16>) -> tensor<?x17x6xf32> {
  %m = vit.moments %x group 32 : tensor<?x17x96xf16> -> tensor<?x17x6xf32>
  return %m : tensor<?x17x6xf32>
}

// CHECK-LABEL: func.func @moments_rows(
// CHECK-SAME: %[[X:.*]]: tensor<?x24xf32>)
// CHECK: vit.moments %[[X]] group 24 : tensor<?x24xf32> -> tensor<?x2xf32>
func.func @moments_rows(%x: tensor<?x24xf32>) -> tensor<?x2xf32> {
  %m = vit.moments %x group 24 : tensor<?x24xf32> -> tensor<?x2xf32>
  return %m : tensor<?x2xf32>
}
