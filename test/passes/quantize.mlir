// RUN: vitc-opt %s --vit-pack-panels=products=i8 | FileCheck %s
// RUN: vitc-opt %s --vit-cpu-pipeline=dtype=i8 | FileCheck %s --check-prefix=KERNELS

// Rows that two products read are made once; the product whose result is returned stays f32.
// CHECK-LABEL: @quantizes
// CHECK:         %[[N:.*]] = vit.layer_norm
// CHECK-NEXT:    %[[Q:.*]] = vit.quantize %[[N]] : tensor<?x5x50xf32> -> tensor<?x5x60xi8>
// CHECK:         %[[W:.*]] = vit.quantize_panels %{{.*}} : tensor<40x50xf32> -> tensor<2x60x32xi8>
// CHECK:         vit.linear %[[Q]], %[[W]] : tensor<?x5x60xi8>, tensor<2x60x32xi8> -> tensor<?x5x40xf32>
// CHECK:         %[[V:.*]] = vit.quantize_panels
// CHECK:         vit.linear %[[Q]], %[[V]]
// CHECK-NOT:     vit.quantize
// CHECK:         vit.linear %{{.*}} : tensor<?x5x40xf32>, tensor<1x40x32xf32> -> tensor<?x5x7xf32>
//
// The norm makes them in its kernel.
// KERNELS:       vit.kernel @layer_norm_i8({{.*}} -> tensor<?x60xi8>
// KERNELS-NEXT:    vit.layer_norm
// KERNELS-NEXT:    vit.quantize
// KERNELS-NEXT:    vit.yield
func.func @quantizes(%x: tensor<?x5x50xf32> {vit.name = "x"}) -> (tensor<?x5x7xf32> {vit.name = "y"}) {
  %g = vit.weight "g" : tensor<50xf32>
  %b = vit.weight "b" : tensor<50xf32>
  %n = vit.layer_norm %x, %g, %b eps 1.0e-6 : tensor<?x5x50xf32>, tensor<50xf32>, tensor<50xf32> -> tensor<?x5x50xf32>
  %w = vit.weight "w" : tensor<40x50xf32>
  %0 = vit.linear %n, %w : tensor<?x5x50xf32>, tensor<40x50xf32> -> tensor<?x5x40xf32>
  %1 = vit.silu %0 : tensor<?x5x40xf32> -> tensor<?x5x40xf32>
  %v = vit.weight "v" : tensor<40x50xf32>
  %2 = vit.linear %n, %v : tensor<?x5x50xf32>, tensor<40x50xf32> -> tensor<?x5x40xf32>
  %3 = vit.mul %1, %2 : tensor<?x5x40xf32>, tensor<?x5x40xf32> -> tensor<?x5x40xf32>
  %h = vit.weight "h" : tensor<7x40xf32>
  %c = vit.weight "c" : tensor<7xf32>
  %4 = vit.linear %3, %h : tensor<?x5x40xf32>, tensor<7x40xf32> -> tensor<?x5x7xf32>
  %5 = vit.bias_add %4, %c : tensor<?x5x7xf32>, tensor<7xf32> -> tensor<?x5x7xf32>
  return %5 : tensor<?x5x7xf32>
}
