// RUN: vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+bias_add+gelu,no-spill" | FileCheck %s
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+bias_add+relu" 2>&1 | FileCheck %s --check-prefix=BETWEEN
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+silu" 2>&1 | FileCheck %s --check-prefix=READS
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:bias_add+layer_norm" 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+bias_add+gelu no-fuse=true" 2>&1 | FileCheck %s --check-prefix=APART
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+tanh" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+gleu" 2>&1 | FileCheck %s --check-prefix=OP
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:gelu" 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fast" 2>&1 | FileCheck %s --check-prefix=FORM

// Notes of vit-fuse are gone afterwards.
// CHECK-NOT: apart =
// BETWEEN: error: {{.*}}requirement 'fuse:linear+bias_add+relu': 'mlp.relu' (vit.relu) is not fused: 'vit.relu' reads 'vit.layer_norm', expected 'vit.bias_add'
// READS: error: {{.*}}requirement 'fuse:linear+silu': 'gate' (vit.silu) is not fused: 'vit.silu' reads no 'vit.linear'
// REFUSED: error: {{.*}}requirement 'fuse:bias_add+layer_norm': 'norm' (vit.layer_norm) is not fused: 'vit.bias_add' is in another kernel: whole rows of 64 columns in one block
// APART: error: {{.*}}requirement 'fuse:linear+bias_add+gelu': 'mlp.gelu' (vit.gelu) is not fused: 'vit.bias_add' is in another kernel: nothing was to be fused
// NONE: error: requirement 'fuse:linear+tanh': the model has no 'vit.tanh'
// OP: error: requirement 'fuse:linear+gleu': no op is called 'vit.gleu'
// FORM: error: requirement '{{fuse:gelu|fast}}': known are fuse:OP+OP+... and no-spill
func.func @forward(%x: tensor<?x64xf16>, %w: tensor<64x64xf16>, %b: tensor<64xf32>) -> (tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>) {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  %1 = vit.bias_add %0, %b : tensor<?x64xf16>, tensor<64xf32> -> tensor<?x64xf16>
  %2 = vit.gelu erf %1 : tensor<?x64xf16> -> tensor<?x64xf16> loc("mlp.gelu")
  %3 = vit.linear %x, %w : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  %4 = vit.bias_add %3, %b : tensor<?x64xf16>, tensor<64xf32> -> tensor<?x64xf16>
  %5 = vit.layer_norm %4, %b, %b eps 1.0e-5 : tensor<?x64xf16>, tensor<64xf32>, tensor<64xf32> -> tensor<?x64xf16> loc("norm")
  %6 = vit.relu %5 : tensor<?x64xf16> -> tensor<?x64xf16> loc("mlp.relu")
  %7 = vit.silu %x : tensor<?x64xf16> -> tensor<?x64xf16> loc("gate")
  return %2, %6, %7 : tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>
}
