// RUN: vitc-opt %s --vit-form-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Equal operands are one argument; weights are arguments too.
// CHECK-LABEL: vit.kernel @fc1_f32(
// CHECK-SAME:      %[[X:.*]]: tensor<?x5x32xf32>, %[[W:.*]]: tensor<96x32xf32>) -> tensor<?x5x96xf32> {
// CHECK-NEXT:    %[[Y:.*]] = vit.linear %[[X]], %[[W]]
// CHECK-NEXT:    vit.yield %[[Y]]
// CHECK-LABEL: vit.kernel @attention_f32(
// CHECK-SAME:      %[[Q:.*]]: tensor<?x5x96xf32>) -> tensor<?x5x32xf32> {
// CHECK-NEXT:    vit.attention %[[Q]], %[[Q]], %[[Q]]
// CHECK-LABEL: func.func @forward(
// CHECK-SAME:      %[[IN:.*]]: tensor
// CHECK-NEXT:    %[[P:.*]] = vit.prepared 0
// CHECK-NEXT:    %[[QKV:.*]] = vit.launch @fc1_f32(%[[IN]], %[[P]]) : (tensor<?x5x32xf32>, tensor<96x32xf32>) -> tensor<?x5x96xf32>
// CHECK-NEXT:    %[[A:.*]] = vit.launch @attention_f32(%[[QKV]]) : (tensor<?x5x96xf32>) -> tensor<?x5x32xf32>
// CHECK-NEXT:    return %[[A]]
func.func @prepare() -> tensor<96x32xf32> {
  %w = vit.weight "w" : tensor<96x32xf32>
  return %w : tensor<96x32xf32>
}
func.func @forward(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %w = vit.prepared 0 : tensor<96x32xf32>
  %y = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<96x32xf32> -> tensor<?x5x96xf32> loc("blocks.0.mlp.fc1")
  %a = vit.attention %y, %y, %y heads 2 head_dim 16 scale 1.0 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf32>, tensor<?x5x96xf32>, tensor<?x5x96xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// -----

// Names are made identifiers and kept apart.
// CHECK: vit.kernel @mlp_head_0_f32(
// CHECK: vit.kernel @k3_f32(
// CHECK: vit.kernel @block_q_f32(
// CHECK: vit.kernel @a_b_f32(
// CHECK: vit.kernel @a_b_f32_0(
// CHECK: vit.kernel @gelu_f32(
func.func @names(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = vit.gelu erf %x : tensor<?x32xf32> -> tensor<?x32xf32> loc("mlp_head.0")
  %1 = vit.gelu erf %0 : tensor<?x32xf32> -> tensor<?x32xf32> loc("3")
  %2 = vit.gelu erf %1 : tensor<?x32xf32> -> tensor<?x32xf32> loc("model.block.q")
  %3 = vit.gelu erf %2 : tensor<?x32xf32> -> tensor<?x32xf32> loc("x.a-b")
  %4 = vit.gelu erf %3 : tensor<?x32xf32> -> tensor<?x32xf32> loc("y.a b")
  %5 = vit.gelu erf %4 : tensor<?x32xf32> -> tensor<?x32xf32>
  return %5 : tensor<?x32xf32>
}

// -----

// Every output is written by a launch of its own.
// CHECK-LABEL: func.func @copies(
// CHECK-SAME:      %[[X:.*]]: tensor
// CHECK-NEXT:    %[[G:.*]] = vit.launch @gelu_f32(%[[X]])
// CHECK-NEXT:    %[[C0:.*]] = vit.launch @copy_f32(%[[X]])
// CHECK-NEXT:    %[[C1:.*]] = vit.launch @copy_f32_0(%[[G]])
// CHECK-NEXT:    return %[[G]], %[[C0]], %[[C1]]
func.func @copies(%x: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %g = vit.gelu erf %x : tensor<?x32xf32> -> tensor<?x32xf32>
  return %g, %x, %g : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// expected-error @below {{output 'table' has no batch dimension}}
func.func @refuses_weight_output() -> (tensor<5x32xf32> {vit.name = "table"}) {
  %w = vit.weight "w" : tensor<5x32xf32>
  return %w : tensor<5x32xf32>
}

// -----

func.func @refuses_other_dialects(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-error @below {{expected an op of the vit dialect on activations in a model, but got 'arith.addf'}}
  %y = arith.addf %x, %x : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
