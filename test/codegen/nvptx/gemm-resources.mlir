// What ptxas makes of the tiles that schedules choose from: registers that let the intended number
// of blocks live on one multiprocessor, no spills, no stack. A function's name ends with the block
// tile; before it are the warp tile and the stages.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s --check-prefix=ALL \
// RUN:   --implicit-check-not="spill stores {{[1-9]}}" --implicit-check-not="spill loads {{[1-9]}}" \
// RUN:   --implicit-check-not="stack {{[1-9]}}" --implicit-check-not="static shared {{[1-9]}}"
// ALL-COUNT-18: sm_89: registers {{[0-9]+}}, spill stores 0, spill loads 0, stack 0, static shared 0

// CHECK: kernel f16_64x32_3_128x128x32:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @f16_64x32_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_64x64_3_128x128x32:{{.*}} registers {{[12]?[0-9]?[0-9]}},
vit.kernel @f16_64x64_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 64], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_64x64_4_128x256x32:{{.*}} registers {{[12]?[0-9]?[0-9]}},
vit.kernel @f16_64x64_4(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 256, 32], warp = [64, 64], stages = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_64x32_2_64x128x64:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @f16_64x32_2(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 128, 64], warp = [64, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_48x64_3_96x128x32:{{.*}} registers {{([1-9]?[0-9]|1[0-5][0-9]|16[0-8])}},
vit.kernel @f16_48x64_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [96, 128, 32], warp = [48, 64], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_48x48_3_96x96x32:{{.*}} registers {{([1-9]?[0-9]|1[0-5][0-9]|16[0-8])}},
vit.kernel @f16_48x48_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [96, 96, 32], warp = [48, 48], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_32x32_4_64x64x32:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @f16_32x32_4(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_16x16_3_32x32x64:{{.*}} registers {{([1-9]?[0-9])}},
vit.kernel @f16_16x16_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 64], warp = [16, 16], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel f16_48x8_4_48x40x64:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @f16_48x8_4(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [48, 40, 64], warp = [48, 8], stages = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel bf16_64x32_3_128x128x32:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @bf16_64x32_3(%x: tensor<?x768xbf16>, %w: tensor<3072x768xbf16>, %b: tensor<3072xf32>) -> tensor<?x3072xbf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xbf16>, tensor<3072x768xbf16> -> tensor<?x3072xbf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xbf16>, tensor<3072xf32> -> tensor<?x3072xbf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xbf16> -> tensor<?x3072xbf16>
  vit.yield %2 : tensor<?x3072xbf16>
}

// CHECK: kernel residual_64x32_3_128x128x32:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @residual_64x32_3(%x: tensor<?x3072xbf16>, %w: tensor<768x3072xbf16>, %b: tensor<768xf32>, %r: tensor<?x768xf32>) -> (tensor<?x768xf32>, tensor<?x768xbf16>)
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x3072xbf16>, tensor<768x3072xbf16> -> tensor<?x768xf32>
  %1 = vit.bias_add %0, %b : tensor<?x768xf32>, tensor<768xf32> -> tensor<?x768xf32>
  %2 = vit.add %1, %r : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
  %3 = vit.cast %2 : tensor<?x768xf32> -> tensor<?x768xbf16>
  vit.yield %2, %3 : tensor<?x768xf32>, tensor<?x768xbf16>
}

// Two buffers of fragments.

// CHECK: kernel two_64x32_3_128x128x32:{{.*}} registers {{([1-9]?[0-9]|1[0-5][0-9]|16[0-8])}},
vit.kernel @two_64x32_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel two_64x64_3_128x128x32:{{.*}} registers {{[12]?[0-9]?[0-9]}},
vit.kernel @two_64x64_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 64], stages = 3 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// CHECK: kernel two_32x32_2_64x64x64:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @two_32x32_2(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 64], warp = [32, 32], stages = 2 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// A bound that ptxas keeps.

// CHECK: kernel bound_32x32_3_64x64x32:{{.*}} registers {{([1-7]?[0-9]|80)}},
vit.kernel @bound_32x32_3(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 3 registers = 80>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// The sums of four blocks, and all that is fused behind them.

// CHECK: kernel split_32x32_2_64x64x64_k4:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @split_32x32_2(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 64], warp = [32, 32], stages = 2 splits = 4>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// Accumulators for two linears.

// CHECK: kernel gated_32x32_3_64x64x32:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}},
vit.kernel @gated_32x32_3(%x: tensor<?x768xf16>, %w: tensor<2048x768xf16>, %v: tensor<2048x768xf16>, %b: tensor<2048xf32>, %c: tensor<2048xf32>) -> tensor<?x2048xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<2048x768xf16> -> tensor<?x2048xf16>
  %1 = vit.linear %x, %v : tensor<?x768xf16>, tensor<2048x768xf16> -> tensor<?x2048xf16>
  %2 = vit.bias_add %0, %b : tensor<?x2048xf16>, tensor<2048xf32> -> tensor<?x2048xf16>
  %3 = vit.silu %2 : tensor<?x2048xf16> -> tensor<?x2048xf16>
  %4 = vit.bias_add %1, %c : tensor<?x2048xf16>, tensor<2048xf32> -> tensor<?x2048xf16>
  %5 = vit.mul %3, %4 : tensor<?x2048xf16>, tensor<?x2048xf16> -> tensor<?x2048xf16>
  vit.yield %5 : tensor<?x2048xf16>
}

// CHECK: kernel gated_64x32_3_128x64x32:{{.*}} registers {{[12]?[0-9]?[0-9]}},
vit.kernel @gated_64x32_3(%x: tensor<?x768xf16>, %w: tensor<2048x768xf16>, %v: tensor<2048x768xf16>, %b: tensor<2048xf32>, %c: tensor<2048xf32>) -> tensor<?x2048xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 64, 32], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<2048x768xf16> -> tensor<?x2048xf16>
  %1 = vit.linear %x, %v : tensor<?x768xf16>, tensor<2048x768xf16> -> tensor<?x2048xf16>
  %2 = vit.bias_add %0, %b : tensor<?x2048xf16>, tensor<2048xf32> -> tensor<?x2048xf16>
  %3 = vit.silu %2 : tensor<?x2048xf16> -> tensor<?x2048xf16>
  %4 = vit.bias_add %1, %c : tensor<?x2048xf16>, tensor<2048xf32> -> tensor<?x2048xf16>
  %5 = vit.mul %3, %4 : tensor<?x2048xf16>, tensor<?x2048xf16> -> tensor<?x2048xf16>
  vit.yield %5 : tensor<?x2048xf16>
}
