// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @quantize(
// CHECK: vit.quantize %{{.*}} : tensor<?x17x10xf32> -> tensor<?x17x20xi8>
// CHECK: vit.linear %{{.*}}, %{{.*}} : tensor<?x17x20xi8>, tensor<2x20x32xi8> -> tensor<?x17x40xf32>
func.func @quantize(%x: tensor<?x17x10xf32>, %w: tensor<2x20x32xi8>) -> tensor<?x17x40xf32> {
  %0 = vit.quantize %x : tensor<?x17x10xf32> -> tensor<?x17x20xi8>
  %1 = vit.linear %0, %w : tensor<?x17x20xi8>, tensor<2x20x32xi8> -> tensor<?x17x40xf32>
  return %1 : tensor<?x17x40xf32>
}
