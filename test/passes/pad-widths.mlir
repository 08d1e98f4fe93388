// RUN: vitc-opt %s --vit-pad-widths --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @patches(
func.func @patches(%x: tensor<?x3x10x10xf32>) -> tensor<?x4x32xf32> {
  %w = vit.weight "w" : tensor<32x75xf32>
  // CHECK: %[[P:.*]] = vit.patchify {{.*}} -> tensor<?x4x80xf32>
  // CHECK: %[[W:.*]] = vit.pad {{.*}} : tensor<32x75xf32> -> tensor<32x80xf32>
  // CHECK: vit.linear %[[P]], %[[W]] : {{.*}} -> tensor<?x4x32xf32>
  %p = vit.patchify %x conv [5, 5] : tensor<?x3x10x10xf32> -> tensor<?x4x75xf32>
  %y = vit.linear %p, %w : tensor<?x4x75xf32>, tensor<32x75xf32> -> tensor<?x4x32xf32>
  return %y : tensor<?x4x32xf32>
}

// -----

// Everything between two linears; a gate has two of them. 7 classes stay 7.
// CHECK-LABEL: func.func @gated_mlp(
func.func @gated_mlp(%x: tensor<?x5x32xf32>) -> tensor<?x5x7xf32> {
  %w1 = vit.weight "fc1.weight" : tensor<20x32xf32>
  %b1 = vit.weight "fc1.bias" : tensor<20xf32>
  %wg = vit.weight "gate.weight" : tensor<20x32xf32>
  %g = vit.weight "gamma" : tensor<20xf32>
  %w2 = vit.weight "fc2.weight" : tensor<7x20xf32>
  // CHECK: %[[W1:.*]] = vit.pad %{{.*}} : tensor<20x32xf32> -> tensor<24x32xf32>
  // CHECK: vit.linear %{{.*}}, %[[W1]] : {{.*}} -> tensor<?x5x24xf32>
  // CHECK: %[[B1:.*]] = vit.pad %{{.*}} : tensor<20xf32> -> tensor<24xf32>
  // CHECK: vit.bias_add %{{.*}}, %[[B1]] : tensor<?x5x24xf32>
  // CHECK: %[[WG:.*]] = vit.pad %{{.*}} : tensor<20x32xf32> -> tensor<24x32xf32>
  // CHECK: vit.linear %{{.*}}, %[[WG]] : {{.*}} -> tensor<?x5x24xf32>
  // CHECK: vit.silu %{{.*}} : tensor<?x5x24xf32>
  // CHECK: %[[G:.*]] = vit.pad %{{.*}} : tensor<20xf32> -> tensor<24xf32>
  // CHECK: vit.scale %{{.*}} columns %[[G]] {{.*}} tensor<?x5x24xf32>
  // CHECK: vit.mul %{{.*}}, %{{.*}} : tensor<?x5x24xf32>
  // CHECK: %[[W2:.*]] = vit.pad %{{.*}} : tensor<7x20xf32> -> tensor<7x24xf32>
  // CHECK: vit.linear %{{.*}}, %[[W2]] : {{.*}} -> tensor<?x5x7xf32>
  %h0 = vit.linear %x, %w1 : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %h = vit.bias_add %h0, %b1 : tensor<?x5x20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  %s0 = vit.linear %x, %wg : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %s1 = vit.silu %s0 : tensor<?x5x20xf32> -> tensor<?x5x20xf32>
  %s = vit.scale %s1 columns %g : tensor<20xf32> by 1.0 : tensor<?x5x20xf32> -> tensor<?x5x20xf32>
  %m = vit.mul %h, %s : tensor<?x5x20xf32>, tensor<?x5x20xf32> -> tensor<?x5x20xf32>
  %y = vit.linear %m, %w2 : tensor<?x5x20xf32>, tensor<7x20xf32> -> tensor<?x5x7xf32>
  return %y : tensor<?x5x7xf32>
}

// -----

// Tokens and tables are as wide as the activations they meet.
// CHECK-LABEL: func.func @tokens(
func.func @tokens(%x: tensor<?x4x32xf32>) -> tensor<?x8xf32> {
  %w = vit.weight "w" : tensor<20x32xf32>
  %cls = vit.weight "cls" : tensor<1x20xf32>
  %pos = vit.weight "pos" : tensor<5x20xf32>
  %w2 = vit.weight "w2" : tensor<8x20xf32>
  // CHECK: %[[C:.*]] = vit.pad %{{.*}} : tensor<1x20xf32> -> tensor<1x24xf32>
  // CHECK: vit.prepend %[[C]], {{.*}} -> tensor<?x5x24xf32>
  // CHECK: %[[T:.*]] = vit.pad %{{.*}} : tensor<5x20xf32> -> tensor<5x24xf32>
  // CHECK: vit.position %{{.*}}, %[[T]]
  // CHECK: vit.select {{.*}} -> tensor<?x24xf32>
  %y = vit.linear %x, %w : tensor<?x4x32xf32>, tensor<20x32xf32> -> tensor<?x4x20xf32>
  %t = vit.prepend %cls, %y : tensor<1x20xf32>, tensor<?x4x20xf32> -> tensor<?x5x20xf32>
  %p = vit.position %t, %pos : tensor<?x5x20xf32>, tensor<5x20xf32> -> tensor<?x5x20xf32>
  %c = vit.select %p token 0 : tensor<?x5x20xf32> -> tensor<?x20xf32>
  %z = vit.linear %c, %w2 : tensor<?x20xf32>, tensor<8x20xf32> -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @nothing_to_do(
// CHECK-NOT:     vit.pad
func.func @nothing_to_do(%x: tensor<?x5x32xf32>) -> tensor<?x5x7xf32> {
  %w = vit.weight "w" : tensor<7x32xf32>
  %y = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<7x32xf32> -> tensor<?x5x7xf32>
  return %y : tensor<?x5x7xf32>
}

// -----

func.func @refuses_layer_norm_before(%x: tensor<?x5x20xf32>, %s: tensor<20xf32>) -> tensor<?x5x8xf32> {
  %w = vit.weight "w" : tensor<8x20xf32>
  %n = vit.layer_norm %x, %s, %s eps 1.0e-5 : tensor<?x5x20xf32>, tensor<20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  // expected-error @below {{'vit.linear' sums over 20 columns; GPU kernels need a multiple of 8, and zeros cannot be added here because it is an input of the model}}
  %y = vit.linear %n, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  return %y : tensor<?x5x8xf32>
}

// -----

// A norm between two linears knows how many of its columns count.
// CHECK-LABEL: func.func @norm_between(
func.func @norm_between(%x: tensor<?x5x32xf32>) -> tensor<?x5x8xf32> {
  %w1 = vit.weight "fc1" : tensor<20x32xf32>
  %s = vit.weight "s" : tensor<20xf32>
  %w2 = vit.weight "fc2" : tensor<8x20xf32>
  // CHECK: %[[H:.*]] = vit.linear {{.*}} -> tensor<?x5x24xf32>
  // CHECK: %[[N:.*]] = vit.layer_norm %[[H]], {{.*}} columns 20 : tensor<?x5x24xf32>, tensor<24xf32>, tensor<24xf32>
  // CHECK: vit.rms_norm %[[N]], {{.*}} columns 20 : tensor<?x5x24xf32>, tensor<24xf32>
  %h = vit.linear %x, %w1 : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %n = vit.layer_norm %h, %s, %s eps 1.0e-5 : tensor<?x5x20xf32>, tensor<20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  %m = vit.rms_norm %n, %s eps 1.0e-5 : tensor<?x5x20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  %y = vit.linear %m, %w2 : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  return %y : tensor<?x5x8xf32>
}

// -----

// What a norm gives to the caller has exactly these columns: it keeps them, and the linear gets its own.
// CHECK-LABEL: func.func @layer_norm_after(
func.func @layer_norm_after(%x: tensor<?x5x32xf32>, %s: tensor<20xf32>) -> (tensor<?x5x8xf32>, tensor<?x5x20xf32>) {
  %w = vit.weight "w" : tensor<8x20xf32>
  %w0 = vit.weight "w0" : tensor<20x32xf32>
  // CHECK: %[[H:.*]] = vit.linear {{.*}} -> tensor<?x5x20xf32>
  // CHECK: %[[WIDE:.*]] = vit.linear {{.*}} -> tensor<?x5x24xf32>
  // CHECK: vit.layer_norm %[[H]],
  // CHECK: vit.linear %[[WIDE]], {{.*}} : tensor<?x5x24xf32>, tensor<8x24xf32>
  %h = vit.linear %x, %w0 : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %n = vit.layer_norm %h, %s, %s eps 1.0e-5 : tensor<?x5x20xf32>, tensor<20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  %y = vit.linear %h, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  return %y, %n : tensor<?x5x8xf32>, tensor<?x5x20xf32>
}

// -----

func.func @refuses_input(%x: tensor<?x5x20xf32>) -> tensor<?x5x8xf32> {
  %w = vit.weight "w" : tensor<8x20xf32>
  // expected-error @below {{zeros cannot be added here because it is an input of the model}}
  %y = vit.linear %x, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  return %y : tensor<?x5x8xf32>
}

// -----

// The caller's output stays as it is; what two linears read is computed once more, and no further than
// it must be: the gelu is the output's alone.
// CHECK-LABEL: func.func @output(
func.func @output(%x: tensor<?x5x32xf32>) -> (tensor<?x5x20xf32>, tensor<?x5x8xf32>, tensor<?x5x16xf32>) {
  %w = vit.weight "w" : tensor<8x20xf32>
  %v = vit.weight "v" : tensor<16x20xf32>
  %w0 = vit.weight "w0" : tensor<20x32xf32>
  %b0 = vit.weight "b0" : tensor<20xf32>
  // CHECK-COUNT-1: vit.linear {{.*}} -> tensor<?x5x20xf32>
  // CHECK: %[[L:.*]] = vit.linear {{.*}} -> tensor<?x5x24xf32>
  // CHECK: %[[H:.*]] = vit.bias_add {{.*}} -> tensor<?x5x20xf32>
  // CHECK: %[[WIDE:.*]] = vit.bias_add %[[L]], {{.*}} -> tensor<?x5x24xf32>
  // CHECK: %[[G:.*]] = vit.gelu erf %[[H]]
  // CHECK: %[[Y:.*]] = vit.linear %[[WIDE]], {{.*}} : tensor<?x5x24xf32>, tensor<8x24xf32>
  // CHECK: %[[Z:.*]] = vit.linear %[[WIDE]], {{.*}} : tensor<?x5x24xf32>, tensor<16x24xf32>
  // CHECK: return %[[G]], %[[Y]], %[[Z]]
  %l = vit.linear %x, %w0 : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %h = vit.bias_add %l, %b0 : tensor<?x5x20xf32>, tensor<20xf32> -> tensor<?x5x20xf32>
  %g = vit.gelu erf %h : tensor<?x5x20xf32> -> tensor<?x5x20xf32>
  %y = vit.linear %h, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  %z = vit.linear %h, %v : tensor<?x5x20xf32>, tensor<16x20xf32> -> tensor<?x5x16xf32>
  return %g, %y, %z : tensor<?x5x20xf32>, tensor<?x5x8xf32>, tensor<?x5x16xf32>
}

// -----

// CHECK-LABEL: func.func @patches_are_an_output(
func.func @patches_are_an_output(%x: tensor<?x3x10x10xf32>) -> (tensor<?x4x75xf32>, tensor<?x4x32xf32>) {
  %w = vit.weight "w" : tensor<32x75xf32>
  // CHECK: %[[P:.*]] = vit.patchify {{.*}} -> tensor<?x4x75xf32>
  // CHECK: %[[WIDE:.*]] = vit.patchify {{.*}} -> tensor<?x4x80xf32>
  // CHECK: %[[Y:.*]] = vit.linear %[[WIDE]],
  // CHECK: return %[[P]], %[[Y]]
  %p = vit.patchify %x conv [5, 5] : tensor<?x3x10x10xf32> -> tensor<?x4x75xf32>
  %y = vit.linear %p, %w : tensor<?x4x75xf32>, tensor<32x75xf32> -> tensor<?x4x32xf32>
  return %p, %y : tensor<?x4x75xf32>, tensor<?x4x32xf32>
}

// -----

// An attention writes zeros behind its heads.
// CHECK-LABEL: func.func @attention_before(
func.func @attention_before(%q: tensor<?x5x60xf32>) -> tensor<?x5x8xf32> {
  %w = vit.weight "w" : tensor<8x20xf32>
  // CHECK: %[[A:.*]] = vit.attention {{.*}} -> tensor<?x5x24xf32>
  // CHECK: vit.linear %[[A]], {{.*}} : tensor<?x5x24xf32>, tensor<8x24xf32>
  %a = vit.attention %q, %q, %q heads 2 head_dim 10 scale 1.0 axis tokens offsets [0, 20, 40] : tensor<?x5x60xf32>, tensor<?x5x60xf32>, tensor<?x5x60xf32> -> tensor<?x5x20xf32>
  %y = vit.linear %a, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32>
  return %y : tensor<?x5x8xf32>
}

// -----

func.func @refuses_norm_of_heads(%x: tensor<?x5x32xf32>) -> tensor<?x5x8xf32> {
  %w0 = vit.weight "w0" : tensor<20x32xf32>
  %s = vit.weight "s" : tensor<10xf32>
  %w = vit.weight "w" : tensor<8x20xf32>
  %h = vit.linear %x, %w0 : tensor<?x5x32xf32>, tensor<20x32xf32> -> tensor<?x5x20xf32>
  %n = vit.rms_norm %h, %s eps 1.0e-5 groups 2 : tensor<?x5x20xf32>, tensor<10xf32> -> tensor<?x5x20xf32> loc("blocks.0.norm")
  // expected-error @unknown {{'blocks.0.proj' sums over 20 columns; GPU kernels need a multiple of 8, and zeros cannot be added here because 'blocks.0.norm' (vit.rms_norm) makes exactly these columns}}
  %y = vit.linear %n, %w : tensor<?x5x20xf32>, tensor<8x20xf32> -> tensor<?x5x8xf32> loc("blocks.0.proj")
  return %y : tensor<?x5x8xf32>
}
