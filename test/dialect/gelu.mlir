// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @erf(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.gelu erf %[[X]] : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
func.func @erf(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf32> {
  %r = vit.gelu erf %x : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
  return %r : tensor<?x17x8xf32>
}

// CHECK-LABEL: func.func @tanh(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.gelu tanh %[[X]] : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
func.func @tanh(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf32> {
  %r = vit.gelu tanh %x : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
  return %r : tensor<?x17x8xf32>
}

// CHECK-LABEL: func.func @quick(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>)
// CHECK: %[[R:.*]] = vit.gelu quick %[[X]] : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
func.func @quick(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf32> {
  %r = vit.gelu quick %x : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
  return %r : tensor<?x17x8xf32>
}
