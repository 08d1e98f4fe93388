// RUN: vitc-opt %s --vit-fold-tokens | FileCheck %s

// CHECK-LABEL: func.func @folds(
// CHECK-SAME:    %[[X:.*]]: tensor
func.func @folds(%x: tensor<?x3x8x8xf32>) -> tensor<?x6x32xf32> {
  // CHECK-DAG:  %[[W:.*]] = vit.weight "w"
  // CHECK-DAG:  %[[B:.*]] = vit.weight "b"
  // CHECK-DAG:  %[[CLS:.*]] = vit.weight "cls"
  // CHECK-DAG:  %[[POS:.*]] = vit.weight "pos"
  %w = vit.weight "w" : tensor<32x48xf32>
  %b = vit.weight "b" : tensor<32xf32>
  %cls = vit.weight "cls" : tensor<2x32xf32>
  %pos = vit.weight "pos" : tensor<6x32xf32>
  // CHECK:      %[[HEAD:.*]] = vit.slice %[[POS]] rows 0 : tensor<6x32xf32> -> tensor<2x32xf32>
  // CHECK-NEXT: %[[TOP:.*]] = vit.add %[[CLS]], %[[HEAD]]
  // CHECK-NEXT: %[[TAIL:.*]] = vit.slice %[[POS]] rows 2 : tensor<6x32xf32> -> tensor<4x32xf32>
  // CHECK-NEXT: %[[REST:.*]] = vit.bias_add %[[TAIL]], %[[B]]
  // CHECK-NEXT: %[[TABLE:.*]] = vit.concat %[[TOP]], %[[REST]]
  // CHECK-NEXT: %[[ROWS:.*]] = vit.patchify %[[X]] conv [4, 4] lead 2 : {{.*}} -> tensor<?x6x48xf32>
  // CHECK-NEXT: %[[Y:.*]] = vit.linear %[[ROWS]], %[[W]] : {{.*}} -> tensor<?x6x32xf32>
  // CHECK-NEXT: %[[R:.*]] = vit.position %[[Y]], %[[TABLE]]
  // CHECK-NEXT: return %[[R]]
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %eb = vit.bias_add %e, %b : tensor<?x4x32xf32>, tensor<32xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %eb : tensor<2x32xf32>, tensor<?x4x32xf32> -> tensor<?x6x32xf32>
  %y = vit.position %t, %pos : tensor<?x6x32xf32>, tensor<6x32xf32> -> tensor<?x6x32xf32>
  return %y : tensor<?x6x32xf32>
}

// CHECK-LABEL: func.func @folds_without_bias(
func.func @folds_without_bias(%x: tensor<?x3x8x8xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  %pos = vit.weight "pos" : tensor<5x32xf32>
  // CHECK:     %[[TAIL:.*]] = vit.slice {{.*}} rows 1 : tensor<5x32xf32> -> tensor<4x32xf32>
  // CHECK:     vit.concat %{{.*}}, %[[TAIL]]
  // CHECK:     vit.patchify {{.*}} unfold [4, 4] lead 1
  // CHECK-NOT: vit.prepend
  %p = vit.patchify %x unfold [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf32>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  %y = vit.position %t, %pos : tensor<?x5x32xf32>, tensor<5x32xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @folds_without_position(
func.func @folds_without_position(%x: tensor<?x3x8x8xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %b = vit.weight "b" : tensor<32xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  // CHECK:      %[[ZERO:.*]] = vit.scale %{{.*}} by 0.000000e+00 : tensor<1x1xf32> -> tensor<1x1xf32>
  // CHECK-NEXT: %[[ROWS:.*]] = vit.pad %[[ZERO]] : tensor<1x1xf32> -> tensor<4x32xf32>
  // CHECK-NEXT: %[[TAIL:.*]] = vit.bias_add %[[ROWS]], %{{.*}} : tensor<4x32xf32>
  // CHECK-NEXT: vit.concat %{{.*}}, %[[TAIL]] : (tensor<1x32xf32>, tensor<4x32xf32>) -> tensor<5x32xf32>
  // CHECK-NOT:  vit.prepend
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %eb = vit.bias_add %e, %b : tensor<?x4x32xf32>, tensor<32xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %eb : tensor<1x32xf32>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  return %t : tensor<?x5x32xf32>
}

// Registers have no position: it was added to the patches alone.
// CHECK-LABEL: func.func @folds_position_of_patches(
func.func @folds_position_of_patches(%x: tensor<?x3x8x8xf32>) -> tensor<?x6x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %b = vit.weight "b" : tensor<32xf32>
  // CHECK-DAG:  %[[T:.*]] = vit.weight "tokens"
  // CHECK-DAG:  %[[POS:.*]] = vit.weight "pos"
  %tokens = vit.weight "tokens" : tensor<2x32xf32>
  %pos = vit.weight "pos" : tensor<4x32xf32>
  // CHECK:      %[[TAIL:.*]] = vit.bias_add %[[POS]], %{{.*}} : tensor<4x32xf32>
  // CHECK-NEXT: %[[TABLE:.*]] = vit.concat %[[T]], %[[TAIL]]
  // CHECK-NEXT: vit.patchify %{{.*}} conv [4, 4] lead 2
  // CHECK-NEXT: %[[Y:.*]] = vit.linear
  // CHECK-NEXT: %[[R:.*]] = vit.position %[[Y]], %[[TABLE]]
  // CHECK-NEXT: return %[[R]]
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %eb = vit.bias_add %e, %b : tensor<?x4x32xf32>, tensor<32xf32> -> tensor<?x4x32xf32>
  %y = vit.position %eb, %pos : tensor<?x4x32xf32>, tensor<4x32xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %tokens, %y : tensor<2x32xf32>, tensor<?x4x32xf32> -> tensor<?x6x32xf32>
  return %t : tensor<?x6x32xf32>
}

// The leading rows of anything but patches are not known to be zero.
// CHECK-LABEL: func.func @keeps_without_patchify(
func.func @keeps_without_patchify(%x: tensor<?x4x48xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  %pos = vit.weight "pos" : tensor<5x32xf32>
  // CHECK: vit.prepend
  %e = vit.linear %x, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf32>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  %y = vit.position %t, %pos : tensor<?x5x32xf32>, tensor<5x32xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @keeps_leading_rows(
func.func @keeps_leading_rows(%x: tensor<?x3x8x8xf32>) -> tensor<?x6x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  %pos = vit.weight "pos" : tensor<6x32xf32>
  // CHECK: vit.prepend
  %p = vit.patchify %x conv [4, 4] lead 1 : tensor<?x3x8x8xf32> -> tensor<?x5x48xf32>
  %e = vit.linear %p, %w : tensor<?x5x48xf32>, tensor<32x48xf32> -> tensor<?x5x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf32>, tensor<?x5x32xf32> -> tensor<?x6x32xf32>
  %y = vit.position %t, %pos : tensor<?x6x32xf32>, tensor<6x32xf32> -> tensor<?x6x32xf32>
  return %y : tensor<?x6x32xf32>
}

// CHECK-LABEL: func.func @keeps_shared_value(
func.func @keeps_shared_value(%x: tensor<?x3x8x8xf32>) -> (tensor<?x5x32xf32>, tensor<?x4x32xf32>) {
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  %pos = vit.weight "pos" : tensor<5x32xf32>
  // CHECK: vit.prepend
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf32>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  %y = vit.position %t, %pos : tensor<?x5x32xf32>, tensor<5x32xf32> -> tensor<?x5x32xf32>
  return %y, %e : tensor<?x5x32xf32>, tensor<?x4x32xf32>
}

// CHECK-LABEL: func.func @keeps_different_types(
func.func @keeps_different_types(%x: tensor<?x3x8x8xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf16>
  %pos = vit.weight "pos" : tensor<5x32xf32>
  // CHECK: vit.prepend
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf16>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  %y = vit.position %t, %pos : tensor<?x5x32xf32>, tensor<5x32xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}

// Positions that were resampled behind those of the tokens are not put together and taken apart again.
// CHECK-LABEL: func.func @folds_resampled(
func.func @folds_resampled(%x: tensor<?x3x8x8xf32>) -> tensor<?x5x32xf32> {
  // CHECK-DAG:  %[[CLS:.*]] = vit.weight "cls"
  // CHECK-DAG:  %[[FIRST:.*]] = vit.weight "first"
  // CHECK-DAG:  %[[OTHERS:.*]] = vit.weight "others"
  // CHECK:      %[[TOP:.*]] = vit.add %[[CLS]], %[[FIRST]]
  // CHECK-NOT:  vit.slice
  // CHECK:      %[[TABLE:.*]] = vit.concat %[[TOP]], %[[OTHERS]]
  // CHECK:      vit.position %{{.*}}, %[[TABLE]]
  %w = vit.weight "w" : tensor<32x48xf32>
  %cls = vit.weight "cls" : tensor<1x32xf32>
  %first = vit.weight "first" : tensor<1x32xf32>
  %others = vit.weight "others" : tensor<4x32xf32>
  %pos = vit.concat %first, %others : (tensor<1x32xf32>, tensor<4x32xf32>) -> tensor<5x32xf32>
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<1x32xf32>, tensor<?x4x32xf32> -> tensor<?x5x32xf32>
  %y = vit.position %t, %pos : tensor<?x5x32xf32>, tensor<5x32xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}
