// RUN: vitc-opt %s -vit-fold-norm -split-input-file | FileCheck %s

// Between two products: the scale goes into the weight before that is rounded, the shift into the bias that follows,
// and the sums are those of the rounded weight.
// CHECK-LABEL: func.func @between(
func.func @between(%x: tensor<?x5x64xf16>) -> tensor<?x5x96xf32> {
  %w0 = vit.weight "w0" : tensor<64x64xf32>
  %r0 = vit.cast %w0 : tensor<64x64xf32> -> tensor<64x64xf16>
  %s = vit.weight "scale" : tensor<64xf32>
  %b = vit.weight "shift" : tensor<64xf32>
  %w1 = vit.weight "w1" : tensor<96x64xf32>
  %r1 = vit.cast %w1 : tensor<96x64xf32> -> tensor<96x64xf16>
  %b1 = vit.weight "b1" : tensor<96xf32>
  // CHECK: %[[X:.*]] = vit.add
  // CHECK: %[[M:.*]] = vit.moments %[[X]] group 32 : tensor<?x5x64xf16> -> tensor<?x5x4xf32>
  // CHECK: %[[S:.*]] = vit.scale %[[W:.*]] columns %{{.*}} : tensor<64xf32> by 1.000000e+00 : tensor<96x64xf32>
  // CHECK: %[[R:.*]] = vit.cast %[[S]] : tensor<96x64xf32> -> tensor<96x64xf16>
  // CHECK: %[[C:.*]] = vit.row_sums %[[R]] : tensor<96x64xf16> -> tensor<96xf32>
  // CHECK: %[[T:.*]] = vit.scale %[[W]] columns
  // CHECK: %[[D:.*]] = vit.row_sums %[[T]] : tensor<96x64xf32> -> tensor<96xf32>
  // CHECK: %[[P:.*]] = vit.linear %[[X]], %[[R]] : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf32>
  // CHECK: %[[Y:.*]] = vit.normalize %[[P]], %[[M]], %[[C]] group 32 eps 9.9999999999999995E-7 : {{.*}} -> tensor<?x5x96xf16>
  // CHECK: %[[B:.*]] = vit.add %{{.*}}, %[[D]] : tensor<96xf32>
  // CHECK: vit.bias_add %[[Y]], %[[B]]
  // CHECK-NOT: vit.layer_norm
  %p = vit.linear %x, %r0 : tensor<?x5x64xf16>, tensor<64x64xf16> -> tensor<?x5x64xf16>
  %a = vit.add %p, %x : tensor<?x5x64xf16>, tensor<?x5x64xf16> -> tensor<?x5x64xf16>
  %n = vit.layer_norm %a, %s, %b eps 1.0e-06 : tensor<?x5x64xf16>, tensor<64xf32>, tensor<64xf32> -> tensor<?x5x64xf16>
  %y = vit.linear %n, %r1 : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf16>
  %z = vit.bias_add %y, %b1 : tensor<?x5x96xf16>, tensor<96xf32> -> tensor<?x5x96xf32>
  return %z : tensor<?x5x96xf32>
}

// -----

// Of the root mean square nothing is subtracted; a stream in f32 is rounded for the product, and its moments are of
// what was not. Without a bias the shift would get one.
// CHECK-LABEL: func.func @root_mean_square(
func.func @root_mean_square(%x: tensor<?x5x64xbf16>) -> tensor<?x5x96xf32> {
  %w0 = vit.weight "w0" : tensor<64x64xbf16>
  %s = vit.weight "scale" : tensor<64xf32>
  %w1 = vit.weight "w1" : tensor<96x64xbf16>
  // CHECK: %[[A:.*]] = vit.linear
  // CHECK: %[[R:.*]] = vit.cast %[[A]] : tensor<?x5x64xf32> -> tensor<?x5x64xbf16>
  // CHECK: %[[M:.*]] = vit.moments %[[A]] group 32
  // CHECK: %[[P:.*]] = vit.linear %[[R]], %{{.*}} -> tensor<?x5x96xf32>
  // CHECK: vit.normalize %[[P]], %[[M]] group 32 eps
  // CHECK-NOT: vit.bias_add
  %a = vit.linear %x, %w0 : tensor<?x5x64xbf16>, tensor<64x64xbf16> -> tensor<?x5x64xf32>
  %n = vit.rms_norm %a, %s eps 1.0e-06 : tensor<?x5x64xf32>, tensor<64xf32> -> tensor<?x5x64xbf16>
  %y = vit.linear %n, %w1 : tensor<?x5x64xbf16>, tensor<96x64xbf16> -> tensor<?x5x96xf32>
  return %y : tensor<?x5x96xf32>
}

// -----

// Of a token that alone is multiplied, both are selected.
// CHECK-LABEL: func.func @token(
func.func @token(%x: tensor<?x5x64xf16>) -> (tensor<?x96xf32>, tensor<?x5x96xf32>) {
  %w0 = vit.weight "w0" : tensor<64x64xf16>
  %s = vit.weight "scale" : tensor<64xf32>
  %b = vit.weight "shift" : tensor<64xf32>
  %w1 = vit.weight "w1" : tensor<96x64xf16>
  // CHECK: %[[A:.*]] = vit.linear
  // CHECK: %[[M:.*]] = vit.moments %[[A]]
  // CHECK: %[[R:.*]] = vit.select %[[A]] token 2 : tensor<?x5x64xf16> -> tensor<?x64xf16>
  // CHECK: %[[T:.*]] = vit.select %[[M]] token 2 : tensor<?x5x4xf32> -> tensor<?x4xf32>
  // CHECK: %[[P:.*]] = vit.linear %[[R]]
  // CHECK: %[[Y:.*]] = vit.normalize %[[P]], %[[T]]
  // CHECK: vit.bias_add %[[Y]]
  // CHECK: %[[Q:.*]] = vit.linear %[[A]]
  // CHECK: vit.normalize %[[Q]], %[[M]]
  %a = vit.linear %x, %w0 : tensor<?x5x64xf16>, tensor<64x64xf16> -> tensor<?x5x64xf16>
  %n = vit.layer_norm %a, %s, %b eps 1.0e-06 : tensor<?x5x64xf16>, tensor<64xf32>, tensor<64xf32> -> tensor<?x5x64xf16>
  %t = vit.select %n token 2 : tensor<?x5x64xf16> -> tensor<?x64xf16>
  %y = vit.linear %t, %w1 : tensor<?x64xf16>, tensor<96x64xf16> -> tensor<?x96xf32>
  %z = vit.linear %n, %w1 : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf32>
  return %y, %z : tensor<?x96xf32>, tensor<?x5x96xf32>
}

// -----

// What stays: a norm that something else reads, of what no product makes, of groups, of no whole groups of 32 columns.
// CHECK-LABEL: func.func @kept(
func.func @kept(%x: tensor<?x5x64xf16>, %o: tensor<?x5x40xf16>) -> (tensor<?x5x64xf16>, tensor<?x5x96xf32>, tensor<?x5x96xf32>, tensor<?x5x96xf32>) {
  %w0 = vit.weight "w0" : tensor<64x64xf16>
  %w1 = vit.weight "w1" : tensor<96x64xf16>
  %w2 = vit.weight "w2" : tensor<96x40xf16>
  %w3 = vit.weight "w3" : tensor<40x40xf16>
  %s = vit.weight "scale" : tensor<64xf32>
  %h = vit.weight "half" : tensor<32xf32>
  %e = vit.weight "few" : tensor<40xf32>
  // CHECK-COUNT-4: vit.layer_norm
  // CHECK-NOT: vit.moments
  %a = vit.linear %x, %w0 : tensor<?x5x64xf16>, tensor<64x64xf16> -> tensor<?x5x64xf16>
  %n = vit.layer_norm %a, %s, %s eps 1.0e-06 : tensor<?x5x64xf16>, tensor<64xf32>, tensor<64xf32> -> tensor<?x5x64xf16>
  %y = vit.linear %n, %w1 : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf32>
  %i = vit.layer_norm %x, %s, %s eps 1.0e-06 : tensor<?x5x64xf16>, tensor<64xf32>, tensor<64xf32> -> tensor<?x5x64xf16>
  %z = vit.linear %i, %w1 : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf32>
  %g = vit.layer_norm %a, %h, %h eps 1.0e-06 groups 2 : tensor<?x5x64xf16>, tensor<32xf32>, tensor<32xf32> -> tensor<?x5x64xf16>
  %u = vit.linear %g, %w1 : tensor<?x5x64xf16>, tensor<96x64xf16> -> tensor<?x5x96xf32>
  %f = vit.linear %o, %w3 : tensor<?x5x40xf16>, tensor<40x40xf16> -> tensor<?x5x40xf16>
  %q = vit.layer_norm %f, %e, %e eps 1.0e-06 : tensor<?x5x40xf16>, tensor<40xf32>, tensor<40xf32> -> tensor<?x5x40xf16>
  %v = vit.linear %q, %w2 : tensor<?x5x40xf16>, tensor<96x40xf16> -> tensor<?x5x96xf32>
  %k = vit.add %u, %v : tensor<?x5x96xf32>, tensor<?x5x96xf32> -> tensor<?x5x96xf32>
  return %n, %y, %z, %k : tensor<?x5x64xf16>, tensor<?x5x96xf32>, tensor<?x5x96xf32>, tensor<?x5x96xf32>
}
