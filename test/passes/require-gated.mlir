// RUN: vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+silu+linear+mul" -o /dev/null
// RUN: vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+silu+mul" -o /dev/null
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+silu+linear+linear+mul" 2>&1 | FileCheck %s --check-prefix=THREE
// RUN: not vitc-opt %s --vit-kernel-pipeline="first=vit-form-kernels last=vit-require require=fuse:linear+silu+linear+mul no-fuse=true" 2>&1 | FileCheck %s --check-prefix=APART

// Two branches that a gate joins are one chain, one branch behind the other; an op counts once.
// THREE: error: {{.*}}requirement 'fuse:linear+silu+linear+linear+mul': 'gated' (vit.mul) is not fused
// APART: error: {{.*}}requirement 'fuse:linear+silu+linear+mul': 'gated' (vit.mul) is not fused: 'vit.linear' is in another kernel: nothing was to be fused
func.func @forward(%x: tensor<?x64xf16>, %w: tensor<64x64xf16>, %v: tensor<64x64xf16>) -> tensor<?x64xf16> {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  %1 = vit.silu %0 : tensor<?x64xf16> -> tensor<?x64xf16>
  %2 = vit.linear %x, %v : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  %3 = vit.mul %1, %2 : tensor<?x64xf16>, tensor<?x64xf16> -> tensor<?x64xf16> loc("gated")
  return %3 : tensor<?x64xf16>
}
