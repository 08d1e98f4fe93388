// RUN: vitc-opt %s --vit-assign-precision | FileCheck %s --check-prefixes=CHECK,F16
// RUN: vitc-opt %s --vit-assign-precision=dtype=bf16 | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: vitc-opt %s --vit-assign-precision="dtype=f16 residual=f32" | FileCheck %s --check-prefix=WIDE
// RUN: not vitc-opt %s --vit-assign-precision=dtype=f8 2>&1 | FileCheck %s --check-prefix=DTYPE
// RUN: not vitc-opt %s --vit-assign-precision=residual=f8 2>&1 | FileCheck %s --check-prefix=RESIDUAL
// RUN: vitc-opt %s --vit-assign-precision=dtype=tf32 | FileCheck %s --check-prefix=TF32
// RUN: vitc-opt %s --vit-assign-precision=dtype=f32 | FileCheck %s --check-prefix=F32
// DTYPE:    error: expected dtype f16, bf16, tf32 or f32, but got 'f8'
// RESIDUAL: error: expected residual f16, bf16 or f32, but got 'f8'

// CHECK-LABEL: func.func @pre_norm(
func.func @pre_norm(%x: tensor<?x3x8x8xf32>) -> tensor<?x7xf32> {
  %w = vit.weight "w" : tensor<32x48xf32>
  %pos = vit.weight "pos" : tensor<4x32xf32>
  %s = vit.weight "s" : tensor<32xf16>
  %w1 = vit.weight "w1" : tensor<32x32xf32>
  %b1 = vit.weight "b1" : tensor<32xf32>
  %w2 = vit.weight "w2" : tensor<7x32xf32>
  // F16:       vit.patchify {{.*}} -> tensor<?x4x48xf16>
  // BF16:      vit.patchify {{.*}} -> tensor<?x4x48xbf16>
  // TF32:      vit.patchify {{.*}} -> tensor<?x4x48xtf32>
  // F32:       vit.patchify {{.*}} -> tensor<?x4x48xf32>
  %p = vit.patchify %x conv [4, 4] : tensor<?x3x8x8xf32> -> tensor<?x4x48xf32>
  // F16:       vit.linear {{.*}}, %[[W:.*]] : tensor<?x4x48xf16>, tensor<32x48xf16> -> tensor<?x4x32xf16>
  // BF16:      vit.linear {{.*}}, %[[W:.*]] : tensor<?x4x48xbf16>, tensor<32x48xbf16> -> tensor<?x4x32xf32>
  // TF32:      vit.linear {{.*}} : tensor<?x4x48xtf32>, tensor<32x48xtf32> -> tensor<?x4x32xf32>
  // F32:       vit.linear {{.*}} : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  %e = vit.linear %p, %w : tensor<?x4x48xf32>, tensor<32x48xf32> -> tensor<?x4x32xf32>
  // The stream. Tables stay f32.
  // F16:       %[[X:.*]] = vit.position {{.*}} tensor<4x32xf32> -> tensor<?x4x32xf16>
  // BF16:      %[[X:.*]] = vit.position {{.*}} tensor<4x32xf32> -> tensor<?x4x32xf32>
  %y = vit.position %e, %pos : tensor<?x4x32xf32>, tensor<4x32xf32> -> tensor<?x4x32xf32>
  // CHECK:     vit.layer_norm %[[X]], {{.*}} tensor<32xf32>, tensor<32xf32> -> tensor<?x4x32x
  // F16-SAME:  f16>
  // BF16-SAME: bf16>
  %n = vit.layer_norm %y, %s, %s eps 1.0e-5 : tensor<?x4x32xf32>, tensor<32xf16>, tensor<32xf16> -> tensor<?x4x32xf32>
  // F16:       vit.linear {{.*}} : tensor<?x4x32xf16>, tensor<32x32xf16> -> tensor<?x4x32xf16>
  // BF16:      vit.linear {{.*}} : tensor<?x4x32xbf16>, tensor<32x32xbf16> -> tensor<?x4x32xbf16>
  %h = vit.linear %n, %w1 : tensor<?x4x32xf32>, tensor<32x32xf32> -> tensor<?x4x32xf32>
  // F16:       vit.bias_add {{.*}} : tensor<?x4x32xf16>, tensor<32xf32> -> tensor<?x4x32xf16>
  // BF16:      vit.bias_add {{.*}} : tensor<?x4x32xbf16>, tensor<32xf32> -> tensor<?x4x32xf32>
  %hb = vit.bias_add %h, %b1 : tensor<?x4x32xf32>, tensor<32xf32> -> tensor<?x4x32xf32>
  // F16:       %[[Z:.*]] = vit.add {{.*}} -> tensor<?x4x32xf16>
  // BF16:      %[[Z:.*]] = vit.add {{.*}} -> tensor<?x4x32xf32>
  %z = vit.add %hb, %y : tensor<?x4x32xf32>, tensor<?x4x32xf32> -> tensor<?x4x32xf32>
  // A token has the type of what it is taken from; a linear needs its own.
  // F16:       %[[C:.*]] = vit.select %[[Z]] {{.*}} -> tensor<?x32xf16>
  // BF16:      vit.select %[[Z]] {{.*}} -> tensor<?x32xf32>
  // BF16-NEXT: %[[C:.*]] = vit.cast {{.*}} tensor<?x32xf32> -> tensor<?x32xbf16>
  %c = vit.select %z token 0 : tensor<?x4x32xf32> -> tensor<?x32xf32>
  // CHECK:     vit.linear %[[C]], {{.*}} -> tensor<?x7xf32>
  %o = vit.linear %c, %w2 : tensor<?x32xf32>, tensor<7x32xf32> -> tensor<?x7xf32>
  return %o : tensor<?x7xf32>
}

// In a post-norm model the norm's result is the stream and the operand of a linear.
// CHECK-LABEL: func.func @post_norm(
// WIDE-LABEL:  func.func @post_norm(
func.func @post_norm(%x: tensor<?x5x32xf32>, %s: tensor<32xf32>) -> tensor<?x5x32xf32> {
  %w = vit.weight "w" : tensor<32x32xf32>
  // F16:       %[[N:.*]] = vit.layer_norm {{.*}} -> tensor<?x5x32xf16>
  // BF16:      %[[N:.*]] = vit.layer_norm {{.*}} -> tensor<?x5x32xf32>
  // BF16-NEXT: %[[C:.*]] = vit.cast %[[N]] : tensor<?x5x32xf32> -> tensor<?x5x32xbf16>
  // WIDE:      %[[N:.*]] = vit.layer_norm {{.*}} -> tensor<?x5x32xf32>
  // WIDE-NEXT: %[[C:.*]] = vit.cast %[[N]] : tensor<?x5x32xf32> -> tensor<?x5x32xf16>
  %n = vit.layer_norm %x, %s, %s eps 1.0e-5 : tensor<?x5x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x5x32xf32>
  // F16:       %[[H:.*]] = vit.linear %[[N]], {{.*}} -> tensor<?x5x32xf16>
  // BF16:      %[[H:.*]] = vit.linear %[[C]], {{.*}} -> tensor<?x5x32xf32>
  // WIDE:      %[[H:.*]] = vit.linear %[[C]], {{.*}} -> tensor<?x5x32xf32>
  %h = vit.linear %n, %w : tensor<?x5x32xf32>, tensor<32x32xf32> -> tensor<?x5x32xf32>
  // CHECK:     vit.add %[[N]], %[[H]] : {{.*}} -> tensor<?x5x32xf32>
  // WIDE:      vit.add %[[N]], %[[H]] : {{.*}} -> tensor<?x5x32xf32>
  %y = vit.add %n, %h : tensor<?x5x32xf32>, tensor<?x5x32xf32> -> tensor<?x5x32xf32>
  return %y : tensor<?x5x32xf32>
}

// One cast serves both linears; the output itself stays f32.
// CHECK-LABEL: func.func @output_read_twice(
func.func @output_read_twice(%x: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %w = vit.weight "w" : tensor<32x32xf32>
  // CHECK:     vit.linear {{.*}} -> tensor<?x32x
  // CHECK:     %[[G:.*]] = vit.gelu {{.*}} -> tensor<?x32xf32>
  // F16-NEXT:  %[[C:.*]] = vit.cast %[[G]] : tensor<?x32xf32> -> tensor<?x32xf16>
  // BF16-NEXT: %[[C:.*]] = vit.cast %[[G]] : tensor<?x32xf32> -> tensor<?x32xbf16>
  // CHECK:     vit.linear %[[C]]
  // CHECK-NOT: vit.cast
  // CHECK:     vit.linear %[[C]]
  // CHECK:     return %[[G]]
  %h = vit.linear %x, %w : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %g = vit.gelu erf %h : tensor<?x32xf32> -> tensor<?x32xf32>
  %a = vit.linear %g, %w : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %b = vit.linear %g, %w : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %y = vit.mul %a, %b : tensor<?x32xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return %g, %y : tensor<?x32xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @attention(
func.func @attention(%x: tensor<?x5x96xf32>) -> tensor<?x5x32xf32> {
  // F16: %[[C:.*]] = vit.cast {{.*}} -> tensor<?x5x96xf16>
  // BF16: %[[C:.*]] = vit.cast {{.*}} -> tensor<?x5x96xbf16>
  // CHECK-NEXT: vit.attention %[[C]], %[[C]], %[[C]] {{.*}} -> tensor<?x5x32xf32>
  %a = vit.attention %x, %x, %x heads 2 head_dim 16 scale 1.0 axis tokens offsets [0, 32, 64] : tensor<?x5x96xf32>, tensor<?x5x96xf32>, tensor<?x5x96xf32> -> tensor<?x5x32xf32>
  return %a : tensor<?x5x32xf32>
}
