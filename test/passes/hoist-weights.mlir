// RUN: vitc-opt %s --vit-hoist-weights --split-input-file --verify-diagnostics | FileCheck %s

// CHECK:       func.func @prepare() -> (tensor<32x32xf16>, tensor<32xf32>) {
// CHECK-NEXT:    %[[W:.*]] = vit.weight "w" aliases ["v"] : tensor<32x32xf32>
// CHECK-NEXT:    %[[C:.*]] = vit.cast %[[W]]
// CHECK-NEXT:    %[[B:.*]] = vit.weight "b"
// CHECK-NEXT:    return %[[C]], %[[B]]
// CHECK-LABEL: func.func @forward(
// CHECK-NEXT:    %[[P0:.*]] = vit.prepared 0 : tensor<32x32xf16>
// CHECK-NEXT:    %[[P1:.*]] = vit.prepared 1 : tensor<32xf32>
// CHECK-NEXT:    %[[A:.*]] = vit.linear %{{.*}}, %[[P0]]
// CHECK-NEXT:    %[[D:.*]] = vit.bias_add %[[A]], %[[P1]]
// CHECK-NEXT:    vit.linear %[[D]], %[[P0]]
func.func @forward(%x: tensor<?x32xf16>) -> tensor<?x32xf32> {
  %w = vit.weight "w" aliases ["v"] : tensor<32x32xf32>
  %c = vit.cast %w : tensor<32x32xf32> -> tensor<32x32xf16>
  %unused = vit.weight "unused" : tensor<32xf32>
  %a = vit.linear %x, %c : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %b = vit.weight "b" : tensor<32xf32>
  %d = vit.bias_add %a, %b : tensor<?x32xf16>, tensor<32xf32> -> tensor<?x32xf16>
  // The same arithmetic once more is not done twice.
  %w2 = vit.weight "w" aliases ["v"] : tensor<32x32xf32>
  %c2 = vit.cast %w2 : tensor<32x32xf32> -> tensor<32x32xf16>
  %e = vit.linear %d, %c2 : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  return %e : tensor<?x32xf32>
}

// -----

// Equal shapes under different names are different; so are different slices.
// CHECK:         func.func @prepare() -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>)
// CHECK:           vit.slice {{.*}} rows 0
// CHECK:           vit.slice {{.*}} rows 16
// CHECK:           vit.weight "v"
func.func @forward(%x: tensor<?x32xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) {
  %w = vit.weight "w" : tensor<32x32xf32>
  %s0 = vit.slice %w rows 0 : tensor<32x32xf32> -> tensor<16x32xf32>
  %s1 = vit.slice %w rows 16 : tensor<32x32xf32> -> tensor<16x32xf32>
  %v = vit.weight "v" : tensor<16x32xf32>
  %a = vit.linear %x, %s0 : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
  %b = vit.linear %x, %s1 : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
  %c = vit.linear %x, %v : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
  return %a, %b, %c : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// Nothing to do, also when it was done before.
// CHECK:       func.func @prepare
// CHECK-NEXT:    vit.weight
// CHECK:       func.func @forward
// CHECK-NEXT:    vit.prepared 0
func.func @prepare() -> tensor<32xf32> {
  %b = vit.weight "b" : tensor<32xf32>
  return %b : tensor<32xf32>
}
func.func @forward(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %b = vit.prepared 0 : tensor<32xf32>
  %d = vit.bias_add %x, %b : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  return %d : tensor<?x32xf32>
}

// -----

// expected-error @below {{expected a module without @prepare, because weights are left that would go there}}
func.func @prepare() {
  return
}
func.func @refuses_second_prepare(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %b = vit.weight "b" : tensor<32xf32>
  %d = vit.bias_add %x, %b : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  return %d : tensor<?x32xf32>
}
