// RUN: vitc-opt %s --vit-pad-widths=cpu | FileCheck %s

// Rows of 1024 values begin at multiples of 4096 bytes: one panel of zeros more between two linears.
// CHECK-LABEL: func.func @mlp(
// CHECK:         %[[W1:.*]] = vit.pad %{{.*}} : tensor<1024x48xf32> -> tensor<1056x48xf32>
// CHECK:         vit.linear %{{.*}}, %[[W1]] : tensor<?x5x48xf32>, tensor<1056x48xf32> -> tensor<?x5x1056xf32>
// CHECK:         vit.gelu erf %{{.*}} : tensor<?x5x1056xf32>
// CHECK:         %[[W2:.*]] = vit.pad %{{.*}} : tensor<40x1024xf32> -> tensor<40x1056xf32>
// CHECK:         vit.linear %{{.*}}, %[[W2]] : {{.*}} -> tensor<?x5x40xf32>
func.func @mlp(%x: tensor<?x5x48xf32>) -> tensor<?x5x40xf32> {
  %w1 = vit.weight "fc1" : tensor<1024x48xf32>
  %w2 = vit.weight "fc2" : tensor<40x1024xf32>
  %0 = vit.linear %x, %w1 : tensor<?x5x48xf32>, tensor<1024x48xf32> -> tensor<?x5x1024xf32>
  %1 = vit.gelu erf %0 : tensor<?x5x1024xf32> -> tensor<?x5x1024xf32>
  %2 = vit.linear %1, %w2 : tensor<?x5x1024xf32>, tensor<40x1024xf32> -> tensor<?x5x40xf32>
  return %2 : tensor<?x5x40xf32>
}

// Not where a norm reads it: the stream, and each product that makes or reads it, would be wider.
// CHECK-LABEL: func.func @stream(
// CHECK-NOT:     vit.pad
func.func @stream(%x: tensor<?x5x48xf32>) -> tensor<?x5x40xf32> {
  %w1 = vit.weight "w1" : tensor<1024x48xf32>
  %w2 = vit.weight "w2" : tensor<40x1024xf32>
  %g = vit.weight "gamma" : tensor<1024xf32>
  %0 = vit.linear %x, %w1 : tensor<?x5x48xf32>, tensor<1024x48xf32> -> tensor<?x5x1024xf32>
  %1 = vit.rms_norm %0, %g eps 1.0e-6 : tensor<?x5x1024xf32>, tensor<1024xf32> -> tensor<?x5x1024xf32>
  %2 = vit.linear %1, %w2 : tensor<?x5x1024xf32>, tensor<40x1024xf32> -> tensor<?x5x40xf32>
  return %2 : tensor<?x5x40xf32>
}

// Nor what has other widths, whatever a GPU needs.
// CHECK-LABEL: func.func @odd(
// CHECK-NOT:     vit.pad
func.func @odd(%x: tensor<?x5x48xf32>) -> tensor<?x5x40xf32> {
  %w1 = vit.weight "w1" : tensor<1001x48xf32>
  %w2 = vit.weight "w2" : tensor<40x1001xf32>
  %0 = vit.linear %x, %w1 : tensor<?x5x48xf32>, tensor<1001x48xf32> -> tensor<?x5x1001xf32>
  %1 = vit.linear %0, %w2 : tensor<?x5x1001xf32>, tensor<40x1001xf32> -> tensor<?x5x40xf32>
  return %1 : tensor<?x5x40xf32>
}

// Nor behind an attention, whose rows have room for a few columns of zeros alone.
// CHECK-LABEL: func.func @heads(
// CHECK-NOT:     vit.pad
func.func @heads(%x: tensor<?x5x3072xf32>) -> tensor<?x5x40xf32> {
  %w = vit.weight "proj" : tensor<40x1024xf32>
  %0 = vit.attention %x, %x, %x heads 16 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 1024, 2048]
    : tensor<?x5x3072xf32>, tensor<?x5x3072xf32>, tensor<?x5x3072xf32> -> tensor<?x5x1024xf32>
  %1 = vit.linear %0, %w : tensor<?x5x1024xf32>, tensor<40x1024xf32> -> tensor<?x5x40xf32>
  return %1 : tensor<?x5x40xf32>
}
