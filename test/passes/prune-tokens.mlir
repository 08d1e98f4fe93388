// RUN: vitc-opt %s --vit-prune-tokens --split-input-file --verify-diagnostics | FileCheck %s

// The last block of a class-token model: one query row, but all keys and values.
// CHECK-LABEL: func.func @class_token(
// CHECK-SAME:    %[[IMAGE:.*]]: tensor
func.func @class_token(%x: tensor<?x5x32xf32> {vit.name = "x"}) -> tensor<?x7xf32> {
  %s = vit.weight "norm.weight" : tensor<32xf32>
  %b = vit.weight "norm.bias" : tensor<32xf32>
  %wq = vit.weight "q.weight" : tensor<32x32xf32>
  %wk = vit.weight "k.weight" : tensor<32x32xf32>
  %wv = vit.weight "v.weight" : tensor<32x32xf32>
  %wo = vit.weight "proj.weight" : tensor<32x32xf32>
  %bo = vit.weight "proj.bias" : tensor<32xf32>
  %wh = vit.weight "head.weight" : tensor<7x32xf32>
  // CHECK:      %[[NORM:.*]] = vit.layer_norm %[[IMAGE]], {{.*}} -> tensor<?x5x32xf32>
  %n = vit.layer_norm %x, %s, %b eps 1.0e-12 : tensor<?x5x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[ROW:.*]] = vit.select %[[NORM]] token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  // CHECK-NEXT: %[[Q:.*]] = vit.linear %[[ROW]], {{.*}} -> tensor<?x32xf32>
  %q = vit.linear %n, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[K:.*]] = vit.linear %[[NORM]], {{.*}} -> tensor<?x5x32xf32>
  %k = vit.linear %n, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[V:.*]] = vit.linear %[[NORM]], {{.*}} -> tensor<?x5x32xf32>
  %v = vit.linear %n, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[A:.*]] = vit.attention %[[Q]], %[[K]], %[[V]] {{.*}} tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[P:.*]] = vit.linear %[[A]], {{.*}} -> tensor<?x32xf32>
  %p = vit.linear %a, %wo : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[PB:.*]] = vit.bias_add %[[P]], {{.*}} -> tensor<?x32xf32>
  %pb = vit.bias_add %p, %bo : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[X0:.*]] = vit.select %[[IMAGE]] token 0
  // CHECK-NEXT: %[[SUM:.*]] = vit.add %[[PB]], %[[X0]] : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %y = vit.add %pb, %x : tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[G:.*]] = vit.gelu erf %[[SUM]] : tensor<?x32xf32>
  %g = vit.gelu erf %y : tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  // CHECK-NOT:  vit.select
  // CHECK:      vit.linear %[[G]]
  %c = vit.select %g token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  %o = vit.linear %c, %wh : tensor<?x32xf32>, tensor<7x32xf32> -> tensor<?x7xf32>
  return %o : tensor<?x7xf32>
}

// -----

// Query, key and value are columns of one linear: only the query's are pruned.
// CHECK-LABEL: func.func @packed(
// CHECK-SAME:    %[[X:.*]]: tensor
func.func @packed(%x: tensor<?x5x32xf32>) -> tensor<?x32xf32> {
  %w = vit.weight "qkv.weight" : tensor<96x32xf32>
  %b = vit.weight "qkv.bias" : tensor<96xf32>
  // CHECK:     %[[ROW:.*]] = vit.select %[[X]] token 3
  // CHECK:     %[[Q:.*]] = vit.linear %[[ROW]], {{.*}} -> tensor<?x32xf32>
  // CHECK:     %[[QB:.*]] = vit.bias_add %[[Q]]
  // CHECK:     vit.slice {{.*}} rows 32 : tensor<96x32xf32> -> tensor<32x32xf32>
  // CHECK:     %[[K:.*]] = vit.linear %[[X]], {{.*}} -> tensor<?x5x32xf32>
  // CHECK:     vit.slice {{.*}} rows 64 : tensor<96x32xf32> -> tensor<32x32xf32>
  // CHECK:     %[[V:.*]] = vit.linear %[[X]], {{.*}} -> tensor<?x5x32xf32>
  // CHECK:     vit.attention %[[QB]], {{.*}} offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  %p = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<96x32xf32> -> tensor<?x5x96xf32>
  %pb = vit.bias_add %p, %b : tensor<?x5x96xf32>, tensor<96xf32> -> tensor<?x5x96xf32>
  %a = vit.attention %pb, %pb, %pb heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf32>, tensor<?x5x96xf32>, tensor<?x5x96xf32> -> tensor<?x5x32xf32>
  %c = vit.select %a token 3 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %c : tensor<?x32xf32>
}

// -----

// Over the batch every token is by itself, so nothing but the class token is left of the model.
// expected-warning @below {{output 'logits' does not depend on 'pixels'}}
func.func @over_the_batch(%x: tensor<?x3x8x8xf32> {vit.name = "pixels"}) -> (tensor<?x32xf32> {vit.name = "logits"}) {
  %cls = vit.weight "cls" : tensor<2x32xf32>
  %pos = vit.weight "pos" : tensor<6x32xf32>
  %w = vit.weight "patch.weight" : tensor<32x48xf32>
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %t = vit.prepend %cls, %e : tensor<2x32xf32>, tensor<?x4x32xf32> -> tensor<?x6x32xf32>
  %y = vit.position %t, %pos : tensor<?x6x32xf32>, tensor<6x32xf32> -> tensor<?x6x32xf32>
  %a = vit.attention %y, %y, %y heads 2 head_dim 16 scale 2.5e-1 axis batch offsets [0, 0, 0] : tensor<?x6x32xf32>, tensor<?x6x32xf32>, tensor<?x6x32xf32> -> tensor<?x6x32xf32>
  %c = vit.select %a token 1 : tensor<?x6x32xf32> -> tensor<?x32xf32>
  return %c : tensor<?x32xf32>
}
// A file may have the weights of the patches, or not.
// CHECK-LABEL: func.func @over_the_batch(
// CHECK-SAME:    vit.ignored = ["patch.weight"]
// CHECK-NOT:     vit.patchify
// CHECK:         %[[TOKEN:.*]] = vit.slice {{.*}} rows 1 : tensor<2x32xf32> -> tensor<1x32xf32>
// CHECK:         %[[ALL:.*]] = vit.broadcast %[[TOKEN]] : tensor<1x32xf32> -> tensor<?x32xf32>
// CHECK:         %[[ROW:.*]] = vit.slice {{.*}} rows 1 : tensor<6x32xf32> -> tensor<32xf32>
// CHECK:         %[[Y:.*]] = vit.bias_add %[[ALL]], %[[ROW]]
// CHECK:         vit.attention %[[Y]], %[[Y]], %[[Y]] {{.*}} tensor<?x32xf32> -> tensor<?x32xf32>

// -----

// A token behind the prepended ones is a patch.
// CHECK-LABEL: func.func @patch_token(
func.func @patch_token(%x: tensor<?x4x32xf32>) -> tensor<?x32xf32> {
  %cls = vit.weight "cls" : tensor<2x32xf32>
  // CHECK: vit.select %{{.*}} token 1 : tensor<?x4x32xf32>
  // CHECK-NOT: vit.prepend
  %t = vit.prepend %cls, %x : tensor<2x32xf32>, tensor<?x4x32xf32> -> tensor<?x6x32xf32>
  %c = vit.select %t token 3 : tensor<?x6x32xf32> -> tensor<?x32xf32>
  return %c : tensor<?x32xf32>
}

// -----

// Nothing is computed twice: where all tokens are wanted too, the select stays.
// CHECK-LABEL: func.func @keeps_shared_value(
func.func @keeps_shared_value(%x: tensor<?x5x32xf32>) -> (tensor<?x32xf32>, tensor<?x5x32xf32>) {
  // CHECK: %[[G:.*]] = vit.gelu erf %{{.*}} : tensor<?x5x32xf32>
  // CHECK: %[[C:.*]] = vit.select %[[G]] token 0
  // CHECK: return %[[C]], %[[G]]
  %g = vit.gelu erf %x : tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  %c = vit.select %g token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %c, %g : tensor<?x32xf32>, tensor<?x5x32xf32>
}

// -----

// Two tokens are two uses.
// CHECK-LABEL: func.func @keeps_two_tokens(
func.func @keeps_two_tokens(%x: tensor<?x5x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK: vit.gelu erf %{{.*}} : tensor<?x5x32xf32>
  %g = vit.gelu erf %x : tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  %c = vit.select %g token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  %d = vit.select %g token 1 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %c, %d : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// The same token twice is one use.
// CHECK-LABEL: func.func @joins_equal_selects(
func.func @joins_equal_selects(%x: tensor<?x5x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK: %[[C:.*]] = vit.select
  // CHECK: %[[G:.*]] = vit.gelu erf %[[C]] : tensor<?x32xf32>
  // CHECK: return %[[G]], %[[G]]
  %g = vit.gelu erf %x : tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  %c = vit.select %g token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  %d = vit.select %g token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %c, %d : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// Patches are gathered for all tokens at once.
// CHECK-LABEL: func.func @keeps_patchify(
func.func @keeps_patchify(%x: tensor<?x3x8x8xf32>) -> tensor<?x48xf32> {
  // CHECK: vit.patchify
  // CHECK: vit.select
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %c = vit.select %p token 0 : tensor<?x4x48xf32> -> tensor<?x48xf32>
  return %c : tensor<?x48xf32>
}

// -----

// A leading row of zeros is no patch.
// expected-warning @below {{output '0' does not depend on '0'}}
func.func @lead_is_independent(%x: tensor<?x3x8x8xf32>) -> tensor<?x48xf32> {
  %p = vit.patchify %x conv [4, 4] lead 1 : tensor<?x3x8x8xf32> -> tensor<?x5x48xf32>
  %c = vit.select %p token 0 : tensor<?x5x48xf32> -> tensor<?x48xf32>
  return %c : tensor<?x48xf32>
}

// -----

// A select may store in a type of its own, which its token is cast to.
// CHECK-LABEL: func.func @select_casts(
func.func @select_casts(%x: tensor<?x16x48xf32>) -> (tensor<?x48xf32>, tensor<?x48xbf16>) {
  // CHECK: %[[T:.*]] = vit.tanh {{.*}} : tensor<?x48xf32> -> tensor<?x48xf16>
  // CHECK-DAG: %[[B:.*]] = vit.cast %[[T]] : tensor<?x48xf16> -> tensor<?x48xf32>
  // CHECK-DAG: %[[C:.*]] = vit.cast %[[T]] : tensor<?x48xf16> -> tensor<?x48xbf16>
  // CHECK: return %[[B]], %[[C]]
  %a = vit.tanh %x : tensor<?x16x48xf32> -> tensor<?x16x48xf16>
  %b = vit.select %a token 0 : tensor<?x16x48xf16> -> tensor<?x48xf32>
  %c = vit.select %a token 0 : tensor<?x16x48xf16> -> tensor<?x48xbf16>
  return %b, %c : tensor<?x48xf32>, tensor<?x48xbf16>
}

// -----

// The user of a select keeps the type that it reads.
// CHECK-LABEL: func.func @reads_the_cast(
func.func @reads_the_cast(%x: tensor<?x16x48xf32>) -> tensor<?x48xf32> {
  %w = vit.weight "w" : tensor<48x48xf16>
  // CHECK: %[[B:.*]] = vit.cast %{{.*}} : tensor<?x48xf32> -> tensor<?x48xf16>
  // CHECK: vit.linear %[[B]], %{{.*}} : tensor<?x48xf16>, tensor<48x48xf16> -> tensor<?x48xf32>
  %a = vit.tanh %x : tensor<?x16x48xf32> -> tensor<?x16x48xf32>
  %b = vit.select %a token 0 : tensor<?x16x48xf32> -> tensor<?x48xf16>
  %c = vit.linear %b, %w : tensor<?x48xf16>, tensor<48x48xf16> -> tensor<?x48xf32>
  return %c : tensor<?x48xf32>
}

// -----

// A patch behind prepended tokens is stored as they are, then as the select stores it.
// CHECK-LABEL: func.func @prepend_casts(
func.func @prepend_casts(%x: tensor<?x4x32xf32>) -> tensor<?x32xbf16> {
  %cls = vit.weight "cls" : tensor<2x32xf32>
  // CHECK: %[[R:.*]] = vit.select %{{.*}} token 1 : tensor<?x4x32xf32> -> tensor<?x32xf32>
  // CHECK: %[[H:.*]] = vit.cast %[[R]] : tensor<?x32xf32> -> tensor<?x32xf16>
  // CHECK: vit.cast %[[H]] : tensor<?x32xf16> -> tensor<?x32xbf16>
  %t = vit.prepend %cls, %x : tensor<2x32xf32>, tensor<?x4x32xf32> -> tensor<?x6x32xf16>
  %c = vit.select %t token 3 : tensor<?x6x32xf16> -> tensor<?x32xbf16>
  return %c : tensor<?x32xbf16>
}

// -----

// Columns of a packed linear are stored as the bias left them.
// CHECK-LABEL: func.func @packed_types(
func.func @packed_types(%x: tensor<?x5x32xf32>) -> tensor<?x32xf32> {
  %w = vit.weight "qkv.weight" : tensor<96x32xf32>
  %b = vit.weight "qkv.bias" : tensor<96xf32>
  // CHECK: vit.bias_add {{.*}} : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf16>
  // CHECK: vit.attention {{.*}} : tensor<?x32xf16>, tensor<?x5x32xf16>, tensor<?x5x32xf16> -> tensor<?x32xf32>
  %p = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<96x32xf32> -> tensor<?x5x96xf32>
  %pb = vit.bias_add %p, %b : tensor<?x5x96xf32>, tensor<96xf32> -> tensor<?x5x96xf16>
  %a = vit.attention %pb, %pb, %pb heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf16>, tensor<?x5x96xf16>, tensor<?x5x96xf16> -> tensor<?x5x32xf32>
  %c = vit.select %a token 3 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %c : tensor<?x32xf32>
}
