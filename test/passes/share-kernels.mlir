// RUN: vitc-opt %s --vit-share-kernels --split-input-file | FileCheck %s

// The same linear on all tokens and on one is one kernel, on rows; its name comes from its first user.
// CHECK-LABEL: vit.kernel @fc1_gelu_f16(
// CHECK-SAME:      %[[X:.*]]: tensor<?x32xf16>, %{{.*}}: tensor<64x32xf16>) -> tensor<?x64xf16> {
// CHECK-NEXT:    vit.linear %[[X]], {{.*}} : tensor<?x32xf16>, tensor<64x32xf16> -> tensor<?x64xf16>
// CHECK-NOT:   vit.kernel
// CHECK-LABEL: func.func @forward(
// CHECK-NEXT:    vit.launch @fc1_gelu_f16({{.*}}) : (tensor<?x5x32xf16>, tensor<64x32xf16>) -> tensor<?x5x64xf16>
// CHECK-NEXT:    vit.launch @fc1_gelu_f16({{.*}}) : (tensor<?x32xf16>, tensor<64x32xf16>) -> tensor<?x64xf16>
vit.kernel @a(%x: tensor<?x5x32xf16>, %w: tensor<64x32xf16>) -> tensor<?x5x64xf16> {
  %y = vit.linear %x, %w : tensor<?x5x32xf16>, tensor<64x32xf16> -> tensor<?x5x64xf16> loc("blocks.0.mlp.fc1")
  %z = vit.gelu erf %y : tensor<?x5x64xf16> -> tensor<?x5x64xf16>
  vit.yield %z : tensor<?x5x64xf16>
}
vit.kernel @b(%x: tensor<?x32xf16>, %w: tensor<64x32xf16>) -> tensor<?x64xf16> {
  %y = vit.linear %x, %w : tensor<?x32xf16>, tensor<64x32xf16> -> tensor<?x64xf16> loc("blocks.1.mlp.fc1")
  %z = vit.gelu erf %y : tensor<?x64xf16> -> tensor<?x64xf16>
  vit.yield %z : tensor<?x64xf16>
}
vit.kernel @unused(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
func.func @forward(%x: tensor<?x5x32xf16>, %c: tensor<?x32xf16>, %w: tensor<64x32xf16>) -> (tensor<?x5x64xf16>, tensor<?x64xf16>) {
  %0 = vit.launch @a(%x, %w) : (tensor<?x5x32xf16>, tensor<64x32xf16>) -> tensor<?x5x64xf16>
  %1 = vit.launch @b(%c, %w) : (tensor<?x32xf16>, tensor<64x32xf16>) -> tensor<?x64xf16>
  return %0, %1 : tensor<?x5x64xf16>, tensor<?x64xf16>
}

// -----

// Nine times the rows want another tile at any batch: two kernels with one body.
// CHECK:       vit.kernel @gelu_f16(%{{.*}}: tensor<?x32xf16>)
// CHECK:       vit.kernel @gelu_f16_2(%{{.*}}: tensor<?x32xf16>)
// CHECK-NOT:   vit.kernel
// CHECK:         vit.launch @gelu_f16({{.*}}) : (tensor<?x9x32xf16>)
// CHECK:         vit.launch @gelu_f16_2({{.*}}) : (tensor<?x32xf16>)
// CHECK:         vit.launch @gelu_f16({{.*}}) : (tensor<?x8x32xf16>)
vit.kernel @a(%x: tensor<?x9x32xf16>) -> tensor<?x9x32xf16> {
  %y = vit.gelu erf %x : tensor<?x9x32xf16> -> tensor<?x9x32xf16>
  vit.yield %y : tensor<?x9x32xf16>
}
vit.kernel @b(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.gelu erf %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @c(%x: tensor<?x8x32xf16>) -> tensor<?x8x32xf16> {
  %y = vit.gelu erf %x : tensor<?x8x32xf16> -> tensor<?x8x32xf16>
  vit.yield %y : tensor<?x8x32xf16>
}
func.func @forward(%x: tensor<?x9x32xf16>, %c: tensor<?x32xf16>, %z: tensor<?x8x32xf16>) -> (tensor<?x9x32xf16>, tensor<?x32xf16>, tensor<?x8x32xf16>) {
  %0 = vit.launch @a(%x) : (tensor<?x9x32xf16>) -> tensor<?x9x32xf16>
  %1 = vit.launch @b(%c) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  %2 = vit.launch @c(%z) : (tensor<?x8x32xf16>) -> tensor<?x8x32xf16>
  return %0, %1, %2 : tensor<?x9x32xf16>, tensor<?x32xf16>, tensor<?x8x32xf16>
}

// -----

// One attribute, one type or one operand makes a difference; equal names are numbered.
// CHECK:       vit.kernel @gelu_f16(
// CHECK-NEXT:    vit.gelu erf
// CHECK:       vit.kernel @gelu_f16_2(
// CHECK-NEXT:    vit.gelu tanh
// CHECK:       vit.kernel @gelu_f32(
// CHECK:       vit.kernel @add_f16(
// CHECK-NEXT:    vit.add %arg0, %arg1
// CHECK:       vit.kernel @add_f16_2(
// CHECK-NEXT:    vit.add %arg0, %arg0
// CHECK-NOT:   vit.kernel
vit.kernel @a(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.gelu erf %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @b(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.gelu tanh %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @c(%x: tensor<?x32xf16>) -> tensor<?x32xf32> {
  %y = vit.gelu erf %x : tensor<?x32xf16> -> tensor<?x32xf32>
  vit.yield %y : tensor<?x32xf32>
}
vit.kernel @d(%x: tensor<?x32xf16>, %z: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.add %x, %z : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @e(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.add %x, %x : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
func.func @forward(%x: tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>, tensor<?x32xf32>, tensor<?x32xf16>, tensor<?x32xf16>) {
  %0 = vit.launch @a(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  %1 = vit.launch @b(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  %2 = vit.launch @c(%x) : (tensor<?x32xf16>) -> tensor<?x32xf32>
  %3 = vit.launch @d(%0, %1) : (tensor<?x32xf16>, tensor<?x32xf16>) -> tensor<?x32xf16>
  %4 = vit.launch @e(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  return %0, %1, %2, %3, %4 : tensor<?x32xf16>, tensor<?x32xf16>, tensor<?x32xf32>, tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

// Where the place in the image matters, activations keep their tokens.
// CHECK: vit.kernel @position_f16(%{{.*}}: tensor<?x5x32xf16>
// CHECK: vit.kernel @attention_f16(%{{.*}}: tensor<?x5x96xf16>
// CHECK: vit.kernel @select_gelu_f16(%{{.*}}: tensor<?x5x32xf16>
// CHECK: vit.kernel @patchify_f32(%{{.*}}: tensor<?x3x8x8xf32>
vit.kernel @a(%x: tensor<?x5x32xf16>, %t: tensor<5x32xf32>) -> tensor<?x5x32xf16> {
  %y = vit.position %x, %t : tensor<?x5x32xf16>, tensor<5x32xf32> -> tensor<?x5x32xf16>
  vit.yield %y : tensor<?x5x32xf16>
}
vit.kernel @b(%x: tensor<?x5x96xf16>) -> tensor<?x5x32xf16> {
  %y = vit.attention %x, %x, %x heads 2 head_dim 16 scale 1.0 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf16>, tensor<?x5x96xf16>, tensor<?x5x96xf16> -> tensor<?x5x32xf16>
  vit.yield %y : tensor<?x5x32xf16>
}
vit.kernel @c(%x: tensor<?x5x32xf16>) -> tensor<?x32xf16> {
  %y = vit.select %x token 0 : tensor<?x5x32xf16> -> tensor<?x32xf16> loc("blocks.0.attn.q")
  %z = vit.gelu erf %y : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %z : tensor<?x32xf16>
}
vit.kernel @d(%x: tensor<?x3x8x8xf32>) -> tensor<?x4x48xf32> {
  %y = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  vit.yield %y : tensor<?x4x48xf32>
}
func.func @forward(%x: tensor<?x5x32xf16>, %t: tensor<5x32xf32>, %q: tensor<?x5x96xf16>, %i: tensor<?x3x8x8xf32>) -> (tensor<?x5x32xf16>, tensor<?x5x32xf16>, tensor<?x32xf16>, tensor<?x4x48xf32>) {
  %0 = vit.launch @a(%x, %t) : (tensor<?x5x32xf16>, tensor<5x32xf32>) -> tensor<?x5x32xf16>
  %1 = vit.launch @b(%q) : (tensor<?x5x96xf16>) -> tensor<?x5x32xf16>
  %2 = vit.launch @c(%x) : (tensor<?x5x32xf16>) -> tensor<?x32xf16>
  %3 = vit.launch @d(%i) : (tensor<?x3x8x8xf32>) -> tensor<?x4x48xf32>
  return %0, %1, %2, %3 : tensor<?x5x32xf16>, tensor<?x5x32xf16>, tensor<?x32xf16>, tensor<?x4x48xf32>
}

// -----

// A name that the module uses otherwise is left to it, and a kernel with a schedule keeps its own.
// CHECK: func.func private @relu_f16
// CHECK: vit.kernel @relu_f16_2(
// CHECK: vit.kernel @mine_128x128x32(
func.func private @relu_f16()
vit.kernel @a(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @mine_128x128x32(%x: tensor<?x32xf16>, %w: tensor<64x32xf16>) -> tensor<?x64xf16> attributes {schedules = [#vit.gemm_schedule<batch = 1 to 8, tile = [128, 128, 32], warp = [64, 32], stages = 3>]} {
  %y = vit.linear %x, %w : tensor<?x32xf16>, tensor<64x32xf16> -> tensor<?x64xf16>
  vit.yield %y : tensor<?x64xf16>
}
func.func @forward(%x: tensor<?x32xf16>, %w: tensor<64x32xf16>) -> (tensor<?x32xf16>, tensor<?x64xf16>) {
  %0 = vit.launch @a(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  %1 = vit.launch @mine_128x128x32(%0, %w) : (tensor<?x32xf16>, tensor<64x32xf16>) -> tensor<?x64xf16>
  return %0, %1 : tensor<?x32xf16>, tensor<?x64xf16>
}
