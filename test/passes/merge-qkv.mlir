// RUN: vitc-opt %s --vit-merge-qkv --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @with_bias(
func.func @with_bias(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %wq = vit.weight "q" : tensor<32x32xf32>
  %wk = vit.weight "k" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  %bq = vit.weight "qb" : tensor<32xf32>
  %bk = vit.weight "kb" : tensor<32xf32>
  %bv = vit.weight "vb" : tensor<32xf32>
  // CHECK:      %[[W:.*]] = vit.concat {{.*}} -> tensor<96x32xf32>
  // CHECK-NEXT: %[[Y:.*]] = vit.linear %{{.*}}, %[[W]] : {{.*}} -> tensor<?x5x96xf32> loc("blocks.0.attn.qkv"(fused
  // CHECK-NEXT: %[[B:.*]] = vit.concat {{.*}} -> tensor<96xf32>
  // CHECK-NEXT: %[[YB:.*]] = vit.bias_add %[[Y]], %[[B]]
  // CHECK-NEXT: vit.attention %[[YB]], %[[YB]], %[[YB]] {{.*}} offsets [0, 32, 64]
  %q0 = vit.linear %x, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32> loc("blocks.0.attn.q")
  %k0 = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32> loc("blocks.0.attn.k")
  %v0 = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32> loc("blocks.0.attn.v")
  %q = vit.bias_add %q0, %bq : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %k = vit.bias_add %k0, %bk : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %v = vit.bias_add %v0, %bv : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @key_and_value(
func.func @key_and_value(%x: tensor<?x5x32xf32>, %row: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %wq = vit.weight "q" : tensor<32x32xf32>
  %wk = vit.weight "k" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  // CHECK:     %[[Q:.*]] = vit.linear {{.*}} -> tensor<?x32xf32>
  // CHECK:     %[[W:.*]] = vit.concat {{.*}} -> tensor<64x32xf32>
  // CHECK:     %[[Y:.*]] = vit.linear %{{.*}}, %[[W]] : {{.*}} -> tensor<?x5x64xf32> loc("attn.key_value"
  // CHECK:     vit.attention %[[Q]], %[[Y]], %[[Y]] {{.*}} offsets [0, 0, 32]
  %q = vit.linear %row, %wq : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32> loc("attn.query")
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32> loc("attn.key")
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32> loc("attn.value")
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %a : tensor<?x32xf32>
}

// Slices of one weight, in order, are that weight.
// CHECK-LABEL: func.func @slices(
func.func @slices(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  // CHECK: %[[W:.*]] = vit.weight "in_proj"
  %w = vit.weight "in_proj" : tensor<96x32xf32>
  %wq = vit.slice %w rows 0 : tensor<96x32xf32> -> tensor<32x32xf32>
  %wk = vit.slice %w rows 32 : tensor<96x32xf32> -> tensor<32x32xf32>
  %wv = vit.slice %w rows 64 : tensor<96x32xf32> -> tensor<32x32xf32>
  // CHECK-NEXT: vit.linear %{{.*}}, %[[W]]
  // CHECK-NEXT: vit.attention
  %q = vit.linear %x, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// Key and value alone are a part of that weight.
// CHECK-LABEL: func.func @slices_of_two(
func.func @slices_of_two(%x: tensor<?x5x32xf32>, %q: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[W:.*]] = vit.weight "in_proj"
  %w = vit.weight "in_proj" : tensor<96x32xf32>
  %wk = vit.slice %w rows 32 : tensor<96x32xf32> -> tensor<32x32xf32>
  %wv = vit.slice %w rows 64 : tensor<96x32xf32> -> tensor<32x32xf32>
  // CHECK-NEXT: %[[S:.*]] = vit.slice %[[W]] rows 32 : tensor<96x32xf32> -> tensor<64x32xf32>
  // CHECK-NEXT: vit.linear %{{.*}}, %[[S]]
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %a : tensor<?x32xf32>
}

// Slices in another order are not.
// CHECK-LABEL: func.func @slices_out_of_order(
func.func @slices_out_of_order(%x: tensor<?x5x32xf32>, %q: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %w = vit.weight "in_proj" : tensor<96x32xf32>
  %wk = vit.slice %w rows 64 : tensor<96x32xf32> -> tensor<32x32xf32>
  %wv = vit.slice %w rows 32 : tensor<96x32xf32> -> tensor<32x32xf32>
  // CHECK: vit.concat
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %a : tensor<?x32xf32>
}

// A key without bias has one of zeros.
// CHECK-LABEL: func.func @one_without_bias(
func.func @one_without_bias(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %wq = vit.weight "q" : tensor<32x32xf32>
  %wk = vit.weight "k" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  %bq = vit.weight "qb" : tensor<32xf32>
  %bv = vit.weight "vb" : tensor<32xf32>
  // CHECK-DAG: %[[BQ:.*]] = vit.weight "qb"
  // CHECK-DAG: %[[BV:.*]] = vit.weight "vb"
  // CHECK: %[[ONE:.*]] = vit.slice %[[BQ]] rows 0 : tensor<32xf32> -> tensor<1xf32>
  // CHECK: %[[ZERO:.*]] = vit.scale %[[ONE]] by 0.000000e+00
  // CHECK: %[[BK:.*]] = vit.pad %[[ZERO]] : tensor<1xf32> -> tensor<32xf32>
  // CHECK: %[[B:.*]] = vit.concat %[[BQ]], %[[BK]], %[[BV]]
  // CHECK: %[[Y:.*]] = vit.bias_add %{{.*}}, %[[B]] {{.*}} -> tensor<?x5x96xf32>
  // CHECK: vit.attention %[[Y]], %[[Y]], %[[Y]] {{.*}} offsets [0, 32, 64]
  %q0 = vit.linear %x, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v0 = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %q = vit.bias_add %q0, %bq : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %v = vit.bias_add %v0, %bv : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// What is turned comes first, whatever the order of the operands: here key, then query.
// CHECK-LABEL: func.func @rope(
func.func @rope(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  // CHECK-DAG: %[[WQ:.*]] = vit.weight "q"
  // CHECK-DAG: %[[WK:.*]] = vit.weight "k"
  // CHECK-DAG: %[[WV:.*]] = vit.weight "v"
  // CHECK-DAG: %[[T:.*]] = vit.weight "t"
  %wq = vit.weight "q" : tensor<32x32xf32>
  %wk = vit.weight "k" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  %t = vit.weight "t" : tensor<5x16xf32>
  // CHECK: %[[W:.*]] = vit.concat %[[WQ]], %[[WK]], %[[WV]]
  // CHECK: %[[Y:.*]] = vit.linear %{{.*}}, %[[W]]
  // CHECK: %[[R:.*]] = vit.rope %[[Y]], %[[T]] columns 64 : tensor<?x5x96xf32>
  // CHECK: vit.attention %[[R]], %[[R]], %[[R]] {{.*}} offsets [0, 32, 64]
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %q0 = vit.linear %x, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k0 = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %q = vit.rope %q0, %t columns 32 : tensor<?x5x32xf32>, tensor<5x16xf32> -> tensor<?x5x32xf32>
  %k = vit.rope %k0, %t columns 32 : tensor<?x5x32xf32>, tensor<5x16xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// The value is turned and the query is not: it comes first all the same.
// CHECK-LABEL: func.func @rope_of_value(
func.func @rope_of_value(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %wq = vit.weight "q" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  %t = vit.weight "t" : tensor<5x16xf32>
  // CHECK: %[[R:.*]] = vit.rope %{{.*}} columns 32 : tensor<?x5x64xf32>
  // CHECK: vit.attention %[[R]], %[[R]], %[[R]] {{.*}} offsets [32, 32, 0]
  %q = vit.linear %x, %wq : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v0 = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.rope %v0, %t columns 32 : tensor<?x5x32xf32>, tensor<5x16xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %q, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @keeps_different_tables(
func.func @keeps_different_tables(%x: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x32xf32>
  %t = vit.weight "t" : tensor<5x16xf32>
  %u = vit.weight "u" : tensor<5x16xf32>
  // CHECK-COUNT-2: vit.rope
  %q0 = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k0 = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %q = vit.rope %q0, %t columns 32 : tensor<?x5x32xf32>, tensor<5x16xf32> -> tensor<?x5x32xf32>
  %k = vit.rope %k0, %u columns 32 : tensor<?x5x32xf32>, tensor<5x16xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %k heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @keeps_different_inputs(
func.func @keeps_different_inputs(%x: tensor<?x5x32xf32>, %y: tensor<?x5x32xf32>, %z: tensor<?x5x32xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x32xf32>
  // CHECK-NOT: vit.concat
  // CHECK-COUNT-3: vit.linear
  %q = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k = vit.linear %y, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.linear %z, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x5x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}

// CHECK-LABEL: func.func @keeps_different_types(
func.func @keeps_different_types(%x: tensor<?x5x32xf32>, %q: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %w = vit.weight "w" : tensor<32x32xf32>
  %bk = vit.weight "kb" : tensor<32xf32>
  %bv = vit.weight "vb" : tensor<32xf16>
  // CHECK-NOT: vit.concat
  // CHECK-COUNT-2: vit.linear
  %k0 = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v0 = vit.linear %x, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %k = vit.bias_add %k0, %bk : tensor<?x5x32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  %v = vit.bias_add %v0, %bv : tensor<?x5x32xf32>, tensor<32xf16> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %a : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @keeps_shared_result(
func.func @keeps_shared_result(%x: tensor<?x5x32xf32>, %q: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x5x32xf32>) {
  %wk = vit.weight "k" : tensor<32x32xf32>
  %wv = vit.weight "v" : tensor<32x32xf32>
  // CHECK-NOT: vit.concat
  // CHECK-COUNT-2: vit.linear
  %k = vit.linear %x, %wk : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %v = vit.linear %x, %wv : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  %a = vit.attention %q, %k, %v heads 2 head_dim 16 scale 2.5e-1 axis tokens offsets [0, 0, 0] : tensor<?x32xf32>, tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x32xf32>
  return %a, %v : tensor<?x32xf32>, tensor<?x5x32xf32>
}
