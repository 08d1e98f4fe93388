// As gemm-resources.mlir, of elements of 4 bytes: tf32 has the registers of f16, and f32 more.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s \
// RUN:   --implicit-check-not="spill stores {{[1-9]}}" --implicit-check-not="spill loads {{[1-9]}}" \
// RUN:   --implicit-check-not="stack {{[1-9]}}" --implicit-check-not="static shared {{[1-9]}}"
// CHECK-COUNT-12: sm_89: registers {{[0-9]+}}, spill stores 0, spill loads 0, stack 0, static shared 0
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s --check-prefix=PTX

// Loads of tf32 are multiplied as they are; an f32 is split in two, and three products are added.
// PTX-LABEL: .visible .entry tf32_64x32_3
// PTX-NOT:   cvt.rna
// PTX:       mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// PTX-LABEL: .visible .entry f32_64x32_3
// PTX:       cvt.rna.tf32.f32
// PTX:       sub.rn.f32
// PTX:       cvt.rna.tf32.f32
// PTX-COUNT-192: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// PTX:       bar.sync

vit.kernel @tf32_64x32_3(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 16], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @tf32_64x32_2_buffers(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 16], warp = [64, 32], stages = 2 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @tf32_32x32_4(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 16], warp = [32, 32], stages = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @tf32_32x64_2(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 128, 16], warp = [32, 64], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @tf32_16x16_split(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 16], warp = [16, 16], stages = 3 splits = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @f32_64x32_3(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>, %b: tensor<3072xf32>) -> tensor<?x3072xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 16], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf32>, tensor<3072xf32> -> tensor<?x3072xf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xf32> -> tensor<?x3072xf32>
  vit.yield %2 : tensor<?x3072xf32>
}

vit.kernel @f32_64x32_2_buffers(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>, %b: tensor<3072xf32>) -> tensor<?x3072xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 16], warp = [64, 32], stages = 2 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf32>, tensor<3072xf32> -> tensor<?x3072xf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xf32> -> tensor<?x3072xf32>
  vit.yield %2 : tensor<?x3072xf32>
}

vit.kernel @f32_32x32_4(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>, %b: tensor<3072xf32>) -> tensor<?x3072xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 16], warp = [32, 32], stages = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf32>, tensor<3072xf32> -> tensor<?x3072xf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xf32> -> tensor<?x3072xf32>
  vit.yield %2 : tensor<?x3072xf32>
}

vit.kernel @f32_32x64_2(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>, %b: tensor<3072xf32>) -> tensor<?x3072xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 128, 16], warp = [32, 64], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf32>, tensor<3072xf32> -> tensor<?x3072xf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xf32> -> tensor<?x3072xf32>
  vit.yield %2 : tensor<?x3072xf32>
}

vit.kernel @f32_16x16_split(%x: tensor<?x768xf32>, %w: tensor<3072x768xf32>, %b: tensor<3072xf32>) -> tensor<?x3072xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 16], warp = [16, 16], stages = 3 splits = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf32>, tensor<3072x768xf32> -> tensor<?x3072xf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf32>, tensor<3072xf32> -> tensor<?x3072xf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xf32> -> tensor<?x3072xf32>
  vit.yield %2 : tensor<?x3072xf32>
}

vit.kernel @tf32_64x64_2(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 64], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}

vit.kernel @tf32_48x48_3(%x: tensor<?x768xtf32>, %w: tensor<3072x768xtf32>, %b: tensor<3072xf32>) -> tensor<?x3072xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [96, 96, 16], warp = [48, 48], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xtf32>, tensor<3072x768xtf32> -> tensor<?x3072xtf32>
  %1 = vit.bias_add %0, %b : tensor<?x3072xtf32>, tensor<3072xf32> -> tensor<?x3072xtf32>
  %2 = vit.gelu erf %1 : tensor<?x3072xtf32> -> tensor<?x3072xtf32>
  vit.yield %2 : tensor<?x3072xtf32>
}
