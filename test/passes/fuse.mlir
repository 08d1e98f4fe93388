// RUN: vitc-opt %s --vit-form-kernels --vit-fuse --split-input-file | FileCheck %s
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse --split-input-file --remark-format=emitRemark \
// RUN:   --remarks-filter-missed=vit-fuse 2>&1 | FileCheck %s --check-prefix=MISSED
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse=tile=128x128x32/64x64/3 --split-input-file | FileCheck %s --check-prefix=PINNED
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse=tile=128x128x32/64x64/3 --split-input-file --remark-format=emitRemark \
// RUN:   --remarks-filter-missed=vit-fuse 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse="tile=128x128x32/64x64/3 force-fuse" --split-input-file | FileCheck %s --check-prefix=FORCED
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse=force-fuse --split-input-file | FileCheck %s --check-prefix=FORCE

// A whole epilogue, with a residual that exists before the linear. The linear's own result is not stored.
// CHECK-LABEL: vit.kernel @fc1_gelu_add_f16(
// CHECK-SAME:      %[[X:.*]]: tensor<?x5x32xf16>, %[[W:.*]]: tensor<32x32xf16>, %[[B:.*]]: tensor<32xf32>, %[[R:.*]]: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
// CHECK-NEXT:    %[[Y:.*]] = vit.linear %[[X]], %[[W]]
// CHECK-NEXT:    %[[YB:.*]] = vit.bias_add %[[Y]], %[[B]]
// CHECK-NEXT:    %[[G:.*]] = vit.gelu erf %[[YB]]
// CHECK-NEXT:    %[[Z:.*]] = vit.add %[[G]], %[[R]]
// CHECK-NEXT:    vit.yield %[[Z]]
// CHECK-LABEL: func.func @epilogue(
// CHECK-COUNT-1: vit.launch
// CHECK-NOT:     vit.launch
func.func @epilogue(%x: tensor<?x5x32xf16>, %r: tensor<?x5x32xf32>, %w: tensor<32x32xf16>, %b: tensor<32xf32>) -> tensor<?x5x32xf32> {
  %y = vit.linear %x, %w : tensor<?x5x32xf16>, tensor<32x32xf16> -> tensor<?x5x32xf32> loc("blocks.0.fc1")
  %yb = vit.bias_add %y, %b : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %g = vit.gelu erf %yb : tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  %z = vit.add %g, %r : tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %z : tensor<?x5x32xf32>
}

// -----

// A value that others need stays a result.
// CHECK-LABEL: func.func @keeps_result(
// CHECK-NEXT:    %[[Y:.*]]:2 = vit.launch @linear_gelu_f16(
// CHECK-NEXT:    return %[[Y]]#0, %[[Y]]#1
func.func @keeps_result(%x: tensor<?x32xf16>, %w: tensor<32x32xf16>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %y = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  %g = vit.gelu erf %y : tensor<?x32xf32> -> tensor<?x32xf32>
  return %y, %g : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// A gate: two linears of one input in one kernel, if their sums fit; here a warp tile of 64x64 is given, whose two
// sets of 128 sums do not. Forced, they are joined all the same.
// CHECK-LABEL: vit.kernel @linear_silu_mul_f16(
// CHECK-NEXT:    %[[A:.*]] = vit.linear %[[X:.*]], %{{.*}}
// CHECK-NEXT:    %[[S:.*]] = vit.silu %[[A]]
// CHECK-NEXT:    %[[B:.*]] = vit.linear %[[X]], %{{.*}}
// CHECK-NEXT:    %[[M:.*]] = vit.mul %[[S]], %[[B]]
// CHECK-NEXT:    vit.yield %[[M]]
// CHECK-LABEL: func.func @gate(
// CHECK-NEXT:    %[[M:.*]] = vit.launch @linear_silu_mul_f16(
// CHECK-NEXT:    return %[[M]]
// PINNED-LABEL: func.func @gate(
// PINNED-NEXT:    %[[A:.*]] = vit.launch @linear_silu_f16(
// PINNED-NEXT:    %[[M:.*]] = vit.launch @linear_mul_f16({{.*}}, %[[A]]) {apart = "expected at most 160 accumulators in a thread, found 256
// PINNED-NEXT:    return %[[M]]
// REFUSED: remark: {{.*}}kept-apart{{.*}}Ops=linear+silu+linear+mul{{.*}}Reason="expected at most 160 accumulators in a thread, found 256 of 2 linears with a warp tile of {{[0-9x]+}}: choose a smaller one"
// FORCED-LABEL: func.func @gate(
// FORCED-NEXT:    vit.launch
// FORCED-NEXT:    return
func.func @gate(%x: tensor<?x197x768xf16>, %w: tensor<2048x768xf16>, %v: tensor<2048x768xf16>) -> tensor<?x197x2048xf16> {
  %a = vit.linear %x, %w : tensor<?x197x768xf16>, tensor<2048x768xf16> -> tensor<?x197x2048xf16>
  %s = vit.silu %a : tensor<?x197x2048xf16> -> tensor<?x197x2048xf16>
  %b = vit.linear %x, %v : tensor<?x197x768xf16>, tensor<2048x768xf16> -> tensor<?x197x2048xf16>
  %m = vit.mul %s, %b : tensor<?x197x2048xf16>, tensor<?x197x2048xf16> -> tensor<?x197x2048xf16>
  return %m : tensor<?x197x2048xf16>
}

// -----

// Not gates: another input, another width, and a first linear that somebody else reads.
// CHECK-LABEL: func.func @no_gates(
// CHECK-COUNT-6: vit.launch
// CHECK-NEXT:    return
func.func @no_gates(%x: tensor<?x32xf16>, %y: tensor<?x32xf16>, %w: tensor<32x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>, tensor<?x32xf16>) {
  %a = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %b = vit.linear %y, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %m = vit.mul %a, %b : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  %c = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %d = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %n = vit.mul %c, %d : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  %e = vit.linear %c, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf16>
  %f = vit.attention %x, %x, %x heads 2 head_dim 16 scale 1.0 axis batch offsets [0, 0, 0] : tensor<?x32xf16>, tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  %g = vit.add %e, %f : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  return %m, %n, %g : tensor<?x32xf16>, tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

// What no kernel does, each once with its numbers.
// REFUSED: remark: {{.*}}kept-apart{{.*}}Ops=linear+layer_norm{{.*}}Reason="whole rows of 768 columns in one block: 64 rows are 192 KB of sums, an SM has 256 KB of registers; with 48 rows it takes at least {{[0-9.]+}} us, apart {{[0-9.]+}} us at batch 64"
// REFUSED-NOT: linear+layer_norm
// REFUSED: remark: {{.*}}kept-apart{{.*}}Ops=linear+gelu+linear{{.*}}Reason="the second needs all 3072 columns of the first: 64 rows are 384 KB, shared memory has 99 KB; summed as they come, 64 rows of its 768 columns are 192 KB of sums, an SM has 256 KB of registers"
// REFUSED-NOT: linear+gelu+linear
func.func @never(%x: tensor<?x197x768xf16>, %p: tensor<768x768xf16>, %s: tensor<768xf32>, %w: tensor<3072x768xf16>, %v: tensor<768x3072xf16>) -> tensor<?x197x768xf16> {
  %a = vit.linear %x, %p : tensor<?x197x768xf16>, tensor<768x768xf16> -> tensor<?x197x768xf16>
  %n = vit.layer_norm %a, %s, %s eps 1.0e-5 : tensor<?x197x768xf16>, tensor<768xf32>, tensor<768xf32> -> tensor<?x197x768xf16>
  %h = vit.linear %n, %w : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
  %g = vit.gelu erf %h : tensor<?x197x3072xf16> -> tensor<?x197x3072xf16>
  %y = vit.linear %g, %v : tensor<?x197x3072xf16>, tensor<768x3072xf16> -> tensor<?x197x768xf16>
  return %y : tensor<?x197x768xf16>
}

// -----

// The sum joins the product, not the later select: the linear moves down, so that pruned and whole models add
// a residual before the same rounding.
// CHECK-LABEL: func.func @product_first(
// CHECK-NEXT:    %[[C:.*]] = vit.launch @select_f32(
// CHECK-NEXT:    %[[Y:.*]] = vit.launch @linear_add_f16({{.*}}, %[[C]])
// CHECK-NEXT:    return %[[Y]]
func.func @product_first(%x: tensor<?x5x32xf32>, %a: tensor<?x32xf16>, %w: tensor<32x32xf16>) -> tensor<?x32xf32> {
  %y = vit.linear %a, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  %c = vit.select %x token 0 : tensor<?x5x32xf32> -> tensor<?x32xf32>
  %z = vit.add %y, %c : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

// The first linear cannot move down past the norm that reads it; the sum joins the second.
// CHECK-LABEL: func.func @later_producer(
// CHECK-NEXT:    %[[Y:.*]] = vit.launch @linear_f16(
// CHECK-NEXT:    %[[N:.*]] = vit.launch @layer_norm_add_f32(%[[Y]],
// CHECK-NEXT:    return %[[N]]
// MISSED: remark: {{.*}}kept-apart{{.*}}Ops=linear+add{{.*}}Reason="the other operand is computed later, and 'layer_norm_f32' needs the first result before that"
// MISSED-NOT: linear+add
func.func @later_producer(%a: tensor<?x32xf16>, %w: tensor<32x32xf16>, %s: tensor<32xf32>) -> tensor<?x32xf32> {
  %y = vit.linear %a, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  %n = vit.layer_norm %y, %s, %s eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %z = vit.add %y, %n : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

// Nothing to join above: the sum of two inputs becomes the norm's prologue, and is stored for its other user.
// CHECK-LABEL: vit.kernel @layer_norm_add_f32(
// CHECK:         %[[SUM:.*]] = vit.add
// CHECK-NEXT:    %[[N:.*]] = vit.layer_norm %[[SUM]]
// CHECK-NEXT:    vit.yield %[[SUM]], %[[N]]
// CHECK-LABEL: func.func @prologue(
// CHECK-NEXT:    %[[Y:.*]]:2 = vit.launch @layer_norm_add_f32(
// CHECK-NEXT:    return %[[Y]]#0, %[[Y]]#1
func.func @prologue(%a: tensor<?x32xf32>, %b: tensor<?x32xf32>, %s: tensor<32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %y = vit.add %a, %b : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %n = vit.layer_norm %y, %s, %s eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  return %y, %n : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// A linear reads memory as it is.
// CHECK-LABEL: func.func @no_prologue_of_linear(
// CHECK-NEXT:    vit.launch @gelu_f16
// CHECK-NEXT:    vit.launch @linear_f16
// MISSED: remark: {{.*}}kept-apart{{.*}}Ops=gelu+linear{{.*}}Reason="vit.linear reads its operands from memory as they are"
func.func @no_prologue_of_linear(%x: tensor<?x32xf32>, %w: tensor<32x32xf16>) -> tensor<?x32xf32> {
  %g = vit.gelu erf %x : tensor<?x32xf32> -> tensor<?x32xf16>
  %y = vit.linear %g, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// Rootless chains become one kernel, and that goes on looking for a root: here the linear behind a second
// operand.
// CHECK-LABEL: func.func @chain(
// CHECK-NEXT:    %[[Y:.*]] = vit.launch @linear_gelu_add_f16(
// CHECK-NEXT:    return %[[Y]]
func.func @chain(%x: tensor<?x32xf16>, %w: tensor<32x32xf16>) -> tensor<?x32xf32> {
  %y = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  %g = vit.gelu erf %x : tensor<?x32xf16> -> tensor<?x32xf32>
  %z = vit.add %g, %y : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

// Every root takes an epilogue.
// CHECK:       vit.kernel @attention_add_f16(
// CHECK:       vit.kernel @patchify_tanh_f32(
// CHECK:       vit.kernel @prepend_f32(
// CHECK:       vit.kernel @broadcast_f32(
// CHECK-LABEL: func.func @roots(
// CHECK-COUNT-4: vit.launch
// CHECK-NOT:     vit.launch
func.func @roots(%x: tensor<?x5x96xf16>, %r: tensor<?x5x32xf32>, %i: tensor<?x3x8x8xf32>, %t: tensor<1x48xf32>, %p: tensor<5x48xf32>, %b: tensor<48xf32>)
    -> (tensor<?x5x32xf32>, tensor<?x5x48xf32>, tensor<?x48xf32>) {
  %a = vit.attention %x, %x, %x heads 2 head_dim 16 scale 1.0 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf16>, tensor<?x5x96xf16>, tensor<?x5x96xf16> -> tensor<?x5x32xf32>
  %ar = vit.add %a, %r : tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  %e = vit.patchify %i conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  %et = vit.tanh %e : tensor<?x4x48xf32> -> tensor<?x4x48xf32>
  %c = vit.prepend %t, %et : tensor<1x48xf32>, tensor<?x4x48xf32> -> tensor<?x5x48xf32>
  %cp = vit.position %c, %p : tensor<?x5x48xf32>, tensor<5x48xf32> -> tensor<?x5x48xf32>
  %o = vit.broadcast %t : tensor<1x48xf32> -> tensor<?x48xf32>
  %ob = vit.bias_add %o, %b : tensor<?x48xf32>, tensor<48xf32> -> tensor<?x48xf32>
  return %ar, %cp, %ob : tensor<?x5x32xf32>, tensor<?x5x48xf32>, tensor<?x48xf32>
}

// -----

// Too many results: the fifth stays apart, unless told otherwise.
// CHECK-LABEL: func.func @too_many_results(
// CHECK-COUNT-2: vit.launch
// FORCE-LABEL: func.func @too_many_results(
// FORCE-COUNT-1: vit.launch
// FORCE-NOT:     vit.launch
// MISSED: remark: {{.*}}kept-apart{{.*}}Reason="5 results, limit 4"
func.func @too_many_results(%x: tensor<?x32xf16>, %w: tensor<32x32xf16>) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = vit.linear %x, %w : tensor<?x32xf16>, tensor<32x32xf16> -> tensor<?x32xf32>
  %1 = vit.relu %0 : tensor<?x32xf32> -> tensor<?x32xf32>
  %2 = vit.silu %0 : tensor<?x32xf32> -> tensor<?x32xf32>
  %3 = vit.tanh %0 : tensor<?x32xf32> -> tensor<?x32xf32>
  %4 = vit.gelu erf %0 : tensor<?x32xf32> -> tensor<?x32xf32>
  return %0, %1, %2, %3, %4 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
