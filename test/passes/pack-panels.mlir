// RUN: vitc-opt %s --vit-pack-panels | FileCheck %s
// RUN: vitc-opt %s --vit-cpu-pipeline | FileCheck %s --check-prefix=KERNELS

// A weight that two products read is packed once; 40 columns are two panels, with zeros behind.
// CHECK-LABEL: @packs
// CHECK:         %[[W:.*]] = vit.weight "w" : tensor<40x48xf32>
// CHECK-NEXT:    %[[P:.*]] = vit.pad %[[W]] : tensor<40x48xf32> -> tensor<64x48xf32>
// CHECK-NEXT:    %[[R:.*]] = vit.reshape %[[P]] : tensor<64x48xf32> -> tensor<2x32x48xf32>
// CHECK-NEXT:    %[[T:.*]] = vit.permute %[[R]] [0, 2, 1] : tensor<2x32x48xf32> -> tensor<2x48x32xf32>
// CHECK-NOT:     vit.permute
// CHECK:         vit.linear %{{.*}}, %[[T]] : tensor<?x5x48xf32>, tensor<2x48x32xf32> -> tensor<?x5x40xf32>
// CHECK:         vit.linear %{{.*}}, %[[T]]
//
// What is packed is made when weights are loaded, nothing is cast, and everything behind a product is
// in its kernel, which is one for both.
// KERNELS:       func.func @prepare() -> tensor<2x48x32xf32>
// KERNELS:       vit.kernel @{{.*}}(%arg0: tensor<?x48xf32>, %arg1: tensor<2x48x32xf32>) -> tensor<?x40xf32> {
// KERNELS-NEXT:    vit.linear
// KERNELS-NEXT:    vit.gelu
// KERNELS-NEXT:    vit.yield
// KERNELS-NOT:   vit.kernel
// KERNELS:       vit.launch {{.*}} places [-1]
// KERNELS:       vit.launch {{.*}} places [-2]
func.func @packs(%x: tensor<?x5x48xf32> {vit.name = "x"}, %y: tensor<?x5x48xf32> {vit.name = "y"})
    -> (tensor<?x5x40xf32> {vit.name = "a"}, tensor<?x5x40xf32> {vit.name = "b"}) {
  %w = vit.weight "w" : tensor<40x48xf32>
  %0 = vit.linear %x, %w : tensor<?x5x48xf32>, tensor<40x48xf32> -> tensor<?x5x40xf32>
  %1 = vit.gelu erf %0 : tensor<?x5x40xf32> -> tensor<?x5x40xf32>
  %2 = vit.linear %y, %w : tensor<?x5x48xf32>, tensor<40x48xf32> -> tensor<?x5x40xf32>
  %3 = vit.gelu erf %2 : tensor<?x5x40xf32> -> tensor<?x5x40xf32>
  return %1, %3 : tensor<?x5x40xf32>, tensor<?x5x40xf32>
}
