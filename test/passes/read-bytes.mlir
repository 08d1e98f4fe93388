// RUN: vitc-opt %s --split-input-file --vit-read-bytes="scale=0.00390625 mean=0.5,0.25 deviation=0.25,0.5" --verify-diagnostics | FileCheck %s
// RUN: vitc-opt %s --split-input-file --vit-read-bytes="scale=0.00390625 mean=0.5,0.25 deviation=0.25,0.5" --vit-hoist-weights --verify-diagnostics | FileCheck %s --check-prefix=HOISTED

// A byte v that patchify has centred is 64 v + 128. Channel 0 is that times 64/256/0.25 = 1, and
// (128/256 - 0.5) / 0.25 = 0 more; channel 1 times 64/256/0.5 = 0.5, and (128/256 - 0.25) / 0.5 = 0.5 more.
// CHECK-LABEL: func.func @folds(
// CHECK-SAME:    %[[U:.*]]: tensor<?x4x6x2xui8> {vit.name = "pixel_values"})
// CHECK:         %[[P:.*]] = vit.patchify %[[U]] bytes [2, 3] : tensor<?x4x6x2xui8> -> tensor<?x4x12xf32>
// CHECK:         %[[W:.*]] = vit.weight "w" : tensor<5x12xf32>
// CHECK:         %[[R:.*]] = vit.reshape %[[W]] : tensor<5x12xf32> -> tensor<5x2x6xf32>
// CHECK:         %[[T:.*]] = vit.permute %[[R]] [1, 0, 2] : tensor<5x2x6xf32> -> tensor<2x5x6xf32>
// CHECK:         %[[A:.*]] = vit.slice %[[T]] rows 0
// CHECK:         %[[A1:.*]] = vit.scale %[[A]] by 1.000000e+00
// CHECK:         %[[A2:.*]] = vit.row_sums
// CHECK:         %[[A3:.*]] = vit.scale %[[A2]] by 0.000000e+00
// CHECK:         %[[B:.*]] = vit.slice %[[T]] rows 1
// CHECK:         %[[B1:.*]] = vit.scale %[[B]] by 5.000000e-01
// CHECK:         %[[B2:.*]] = vit.row_sums
// CHECK:         %[[B3:.*]] = vit.scale %[[B2]] by 5.000000e-01
// CHECK:         %[[S:.*]] = vit.add %[[A3]], %[[B3]]
// CHECK:         %[[C:.*]] = vit.concat %[[A1]], %[[B1]] : (tensor<1x5x6xf32>, tensor<1x5x6xf32>) -> tensor<2x5x6xf32>
// CHECK:         %[[L:.*]] = vit.permute %[[C]] [1, 2, 0] : tensor<2x5x6xf32> -> tensor<5x6x2xf32>
// CHECK:         %[[V:.*]] = vit.reshape %[[L]] : tensor<5x6x2xf32> -> tensor<5x12xf32>
// CHECK:         %[[Y:.*]] = vit.linear %[[P]], %[[V]]
// CHECK:         %[[Z:.*]] = vit.add %{{.*}}, %[[S]] : tensor<5xf32>
// CHECK:         vit.bias_add %[[Y]], %[[Z]]
// HOISTED-LABEL: func.func @folds(
// HOISTED-COUNT-2: vit.prepared
// HOISTED-NEXT:  vit.patchify
// HOISTED-NEXT:  vit.linear
// HOISTED-NEXT:  vit.bias_add
// HOISTED-NEXT:  return
func.func @folds(%x: tensor<?x2x4x6xf32> {vit.name = "pixel_values"}) -> tensor<?x4x5xf32> {
  %p = vit.patchify %x conv [2, 3] : tensor<?x2x4x6xf32> -> tensor<?x4x12xf32>
  %w = vit.weight "w" : tensor<5x12xf32>
  %b = vit.weight "b" : tensor<5xf32>
  %y = vit.linear %p, %w : tensor<?x4x12xf32>, tensor<5x12xf32> -> tensor<?x4x5xf32>
  %z = vit.bias_add %y, %b : tensor<?x4x5xf32>, tensor<5xf32> -> tensor<?x4x5xf32>
  return %z : tensor<?x4x5xf32>
}

// -----

// A product without a bias gets one; all that read the product read the sum.
// CHECK-LABEL: func.func @adds_a_bias(
// CHECK:         %[[Y:.*]] = vit.linear
// CHECK-NEXT:    %[[Z:.*]] = vit.bias_add %[[Y]],
// CHECK-NEXT:    %[[R:.*]] = vit.relu %[[Z]]
// CHECK-NEXT:    vit.add %[[R]], %[[Z]]
func.func @adds_a_bias(%x: tensor<?x1x4x4xf32>) -> tensor<?x4x5xf32> {
  %p = vit.patchify %x conv [2, 2] : tensor<?x1x4x4xf32> -> tensor<?x4x4xf32>
  %w = vit.weight "w" : tensor<5x4xf32>
  %y = vit.linear %p, %w : tensor<?x4x4xf32>, tensor<5x4xf32> -> tensor<?x4x5xf32>
  %r = vit.relu %y : tensor<?x4x5xf32> -> tensor<?x4x5xf32>
  %s = vit.add %r, %y : tensor<?x4x5xf32>, tensor<?x4x5xf32> -> tensor<?x4x5xf32>
  return %s : tensor<?x4x5xf32>
}

// -----

func.func @keeps_what_mixes_channels(%x: tensor<?x1x4x4xf32>) -> tensor<?x4x5xf32> {
  // expected-error @below {{'vit.patchify' mixes the channels of pixels in a row (order unfold), so bytes cannot be normalised by weights; build it with --input-type f32}}
  %p = vit.patchify %x unfold [2, 2] : tensor<?x1x4x4xf32> -> tensor<?x4x4xf32>
  %w = vit.weight "w" : tensor<5x4xf32>
  %y = vit.linear %p, %w : tensor<?x4x4xf32>, tensor<5x4xf32> -> tensor<?x4x5xf32>
  return %y : tensor<?x4x5xf32>
}

// -----

func.func @keeps_patches_that_are_read(%x: tensor<?x1x4x4xf32>) -> (tensor<?x4x5xf32>, tensor<?x4x4xf32>) {
  %p = vit.patchify %x conv [2, 2] : tensor<?x1x4x4xf32> -> tensor<?x4x4xf32>
  %w = vit.weight "w" : tensor<5x4xf32>
  %y = vit.linear %p, %w : tensor<?x4x4xf32>, tensor<5x4xf32> -> tensor<?x4x5xf32>
  // expected-error @below {{'vit.relu' reads patches and is no product with a weight, so bytes cannot be normalised by weights}}
  %r = vit.relu %p : tensor<?x4x4xf32> -> tensor<?x4x4xf32>
  return %y, %r : tensor<?x4x5xf32>, tensor<?x4x4xf32>
}

// -----

func.func @keeps_pixels_that_are_read(%x: tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xf32> {
  // expected-error @below {{'vit.relu' reads pixels as they are, so bytes cannot be normalised by weights}}
  %r = vit.relu %x : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xf32>
  return %r : tensor<?x1x4x4xf32>
}

// -----

func.func @keeps_columns_that_are_no_pixels(%x: tensor<?x1x4x4xf32>) -> tensor<?x4x5xf32> {
  // expected-error @below {{'vit.patchify' makes columns that are no pixels, so bytes cannot be normalised by weights}}
  %p = vit.patchify %x conv [2, 2] : tensor<?x1x4x4xf32> -> tensor<?x4x8xf32>
  %w = vit.weight "w" : tensor<5x8xf32>
  %y = vit.linear %p, %w : tensor<?x4x8xf32>, tensor<5x8xf32> -> tensor<?x4x5xf32>
  return %y : tensor<?x4x5xf32>
}

// -----

// expected-error @below {{expected a model of images [batch, channels, height, width] to read them as bytes}}
func.func @keeps_what_is_no_image(%x: tensor<?x4x4xf32>) -> tensor<?x4x4xf32> {
  return %x : tensor<?x4x4xf32>
}

// -----

// expected-error @below {{expected a mean for each of the 3 channels, but got 2}}
func.func @keeps_more_channels(%x: tensor<?x3x4x4xf32>) -> tensor<?x4x5xf32> {
  %p = vit.patchify %x conv [2, 2] : tensor<?x3x4x4xf32> -> tensor<?x4x12xf32>
  %w = vit.weight "w" : tensor<5x12xf32>
  %y = vit.linear %p, %w : tensor<?x4x12xf32>, tensor<5x12xf32> -> tensor<?x4x5xf32>
  return %y : tensor<?x4x5xf32>
}
