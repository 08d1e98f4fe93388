// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: vit.kernel @fc1_gelu(
// CHECK-SAME: %[[X:.*]]: tensor<?x768xf16>, %[[W:.*]]: tensor<3072x768xf16>, %[[B:.*]]: tensor<3072xf32>) -> tensor<?x3072xf16>
// CHECK-SAME: schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>, #vit.gemm_schedule<batch = 65 to 256, tile = [64, 64, 32], warp = [32, 32], stages = 2>]
// CHECK: %[[L:.*]] = vit.linear %[[X]], %[[W]] :
// CHECK: %[[A:.*]] = vit.bias_add %[[L]], %[[B]] :
// CHECK: %[[G:.*]] = vit.gelu erf %[[A]] :
// CHECK: vit.yield %[[G]] : tensor<?x3072xf16>
vit.kernel @fc1_gelu(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [
      #vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>,
      #vit.gemm_schedule<batch = 65 to 256, tile = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK-LABEL: vit.kernel @rootless_with_two_results(
// CHECK-SAME: %[[X:.*]]: tensor<?x17x8xf16>, %[[Y:.*]]: tensor<?x17x8xf16>) -> (tensor<?x17x8xf16>, tensor<?x17x8xf32>)
// CHECK: %[[S:.*]] = vit.add %[[X]], %[[Y]] :
// CHECK: %[[R:.*]] = vit.relu %[[S]] :
// CHECK: vit.yield %[[S]], %[[R]] : tensor<?x17x8xf16>, tensor<?x17x8xf32>
vit.kernel @rootless_with_two_results(%x: tensor<?x17x8xf16>, %y: tensor<?x17x8xf16>)
    -> (tensor<?x17x8xf16>, tensor<?x17x8xf32>) {
  %0 = vit.add %x, %y : tensor<?x17x8xf16>, tensor<?x17x8xf16> -> tensor<?x17x8xf16>
  %1 = vit.relu %0 : tensor<?x17x8xf16> -> tensor<?x17x8xf32>
  vit.yield %0, %1 : tensor<?x17x8xf16>, tensor<?x17x8xf32>
}

// CHECK-LABEL: vit.kernel @two_linears_of_one_input(
// CHECK: %[[L:.*]] = vit.linear %[[X:.*]], %{{.*}} :
// CHECK: %[[R:.*]] = vit.linear %[[X]], %{{.*}} :
// CHECK: vit.mul %{{.*}}, %[[R]] :
vit.kernel @two_linears_of_one_input(%x: tensor<?x64xf16>, %w: tensor<96x64xf16>, %v: tensor<96x64xf16>)
    -> tensor<?x96xf16> {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<96x64xf16> -> tensor<?x96xf32>
  %1 = vit.silu %0 : tensor<?x96xf32> -> tensor<?x96xf32>
  %2 = vit.linear %x, %v : tensor<?x64xf16>, tensor<96x64xf16> -> tensor<?x96xf32>
  %3 = vit.mul %1, %2 : tensor<?x96xf32>, tensor<?x96xf32> -> tensor<?x96xf16>
  vit.yield %3 : tensor<?x96xf16>
}
