// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @rms_norm(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[G:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]] = vit.rms_norm %[[X]], %[[G]] eps 5.000000e-01 : tensor<?x17x8xf16>, tensor<8xf32> -> tensor<?x17x8xbf16>
func.func @rms_norm(%x: tensor<?x17x8xf16>, %g: tensor<8xf32>) -> tensor<?x17x8xbf16> {
  %r = vit.rms_norm %x, %g eps 5.0e-01 : tensor<?x17x8xf16>, tensor<8xf32> -> tensor<?x17x8xbf16>
  return %r : tensor<?x17x8xbf16>
}

// CHECK-LABEL: func.func @rms_norm_heads(
// CHECK: vit.rms_norm %{{.*}} eps 5.000000e-01 groups 2 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
func.func @rms_norm_heads(%x: tensor<?x17x8xf16>) -> tensor<?x17x8xf16> {
  %r = vit.rms_norm %x eps 5.0e-01 groups 2 : tensor<?x17x8xf16> -> tensor<?x17x8xf16>
  return %r : tensor<?x17x8xf16>
}
