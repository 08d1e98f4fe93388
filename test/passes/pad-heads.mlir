// RUN: vitc-opt %s -vit-pad-heads -split-input-file | FileCheck %s

// Three heads of 7 columns, in a packed product with a bias: 9 groups get a column, and the linear behind 3.
// CHECK-LABEL: func.func @packed(
func.func @packed(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  // CHECK: %[[W:.*]] = vit.weight "qkv" : tensor<63x32xf32>
  // CHECK: %[[B:.*]] = vit.weight "bias" : tensor<63xf32>
  // CHECK: %[[P:.*]] = vit.weight "proj" : tensor<32x21xf32>
  %w = vit.weight "qkv" : tensor<63x32xf32>
  %b = vit.weight "bias" : tensor<63xf32>
  %p = vit.weight "proj" : tensor<32x21xf32>
  // CHECK: vit.reshape %[[W]] : tensor<63x32xf32> -> tensor<9x7x32xf32>
  // CHECK: vit.pad {{.*}} : tensor<9x7x32xf32> -> tensor<9x8x32xf32>
  // CHECK: vit.reshape {{.*}} : tensor<9x8x32xf32> -> tensor<72x32xf32>
  // CHECK: vit.linear {{.*}} -> tensor<?x5x72xf32>
  // CHECK: vit.reshape %[[B]] : tensor<63xf32> -> tensor<9x7xf32>
  // CHECK: vit.bias_add {{.*}} -> tensor<?x5x72xf32>
  // CHECK: vit.attention {{.*}} heads 3 head_dim 8 scale 3.000000e-01 axis tokens offsets [0, 24, 48] : {{.*}} -> tensor<?x5x24xf32>
  // CHECK: vit.reshape %[[P]] : tensor<32x21xf32> -> tensor<32x3x7xf32>
  // CHECK: vit.linear {{.*}} : tensor<?x5x24xf32>, tensor<32x24xf32> -> tensor<?x5x32xf32>
  %q = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<63x32xf32> -> tensor<?x5x63xf32>
  %s = vit.bias_add %q, %b : tensor<?x5x63xf32>, tensor<63xf32> -> tensor<?x5x63xf32>
  %a = vit.attention %s, %s, %s heads 3 head_dim 7 scale 0.3 axis tokens offsets [0, 21, 42] : tensor<?x5x63xf32>, tensor<?x5x63xf32>, tensor<?x5x63xf32> -> tensor<?x5x21xf32>
  %y = vit.linear %a, %p : tensor<?x5x21xf32>, tensor<32x21xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}

// -----

// What the caller gets stays as it is.
// CHECK-LABEL: func.func @output(
func.func @output(%x: tensor<?x5x32xf32>) -> tensor<?x5x21xf32> {
  %w = vit.weight "qkv" : tensor<63x32xf32>
  // CHECK: vit.attention {{.*}} heads 3 head_dim 7
  %q = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<63x32xf32> -> tensor<?x5x63xf32>
  %a = vit.attention %q, %q, %q heads 3 head_dim 7 scale 0.3 axis tokens offsets [0, 21, 42] : tensor<?x5x63xf32>, tensor<?x5x63xf32>, tensor<?x5x63xf32> -> tensor<?x5x21xf32>
  return %a : tensor<?x5x21xf32>
}
