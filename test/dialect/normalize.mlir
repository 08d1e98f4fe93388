// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @normalize(
// CHECK-SAME: %[[P:.*]]: tensor<?x17x64xf32>, %[[M:.*]]: tensor<?x17x6xf32>, %[[C:.*]]: tensor<64xf32>)
// CHECK: vit.normalize %[[P]], %[[M]], %[[C]] group 32 eps 9.9999999999999995E-7 : tensor<?x17x64xf32>, tensor<?x17x6xf32>, tensor<64xf32> -> tensor<?x17x64xf16>
func.func @normalize(%p: tensor<?x17x64xf32>, %m: tensor<?x17x6xf32>, %c: tensor<64xf32>) -> tensor<?x17x64xf16> {
  %y = vit.normalize %p, %m, %c group 32 eps 1.0e-06 : tensor<?x17x64xf32>, tensor<?x17x6xf32>, tensor<64xf32> -> tensor<?x17x64xf16>
  return %y : tensor<?x17x64xf16>
}

// CHECK-LABEL: func.func @by_root_mean_square(
// CHECK-SAME: %[[P:.*]]: tensor<?x64xf32>, %[[M:.*]]: tensor<?x6xf32>)
// CHECK: vit.normalize %[[P]], %[[M]] group 32 eps 9.9999999999999995E-7 : tensor<?x64xf32>, tensor<?x6xf32> -> tensor<?x64xf32>
func.func @by_root_mean_square(%p: tensor<?x64xf32>, %m: tensor<?x6xf32>) -> tensor<?x64xf32> {
  %y = vit.normalize %p, %m group 32 eps 1.0e-06 : tensor<?x64xf32>, tensor<?x6xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
