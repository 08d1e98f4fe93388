// What has no code says so, with what was found; the other kernels of a module are lowered.
// RUN: vitc-opt %s --vit-lower-kernels -verify-diagnostics -split-input-file

// expected-error@+1 {{kernel 'ragged_k': expected K to be a multiple of 8, found 25: run vit-pad-widths}}
vit.kernel @ragged_k(%x: tensor<?x25xf16>, %w: tensor<16x25xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 32], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x25xf16>, tensor<16x25xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'ragged_words': expected K to be a multiple of 4, found 30: run vit-pad-widths}}
vit.kernel @ragged_words(%x: tensor<?x30xf32>, %w: tensor<16x30xf32>) -> tensor<?x16xf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 32], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x30xf32>, tensor<16x30xf32> -> tensor<?x16xf32>
  vit.yield %0 : tensor<?x16xf32>
}

// -----

// expected-error@+1 {{kernel 'words': expected BK of 16 or 32, found 64}}
vit.kernel @words(%x: tensor<?x64xtf32>, %w: tensor<16x64xtf32>) -> tensor<?x16xtf32>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 64], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x64xtf32>, tensor<16x64xtf32> -> tensor<?x16xtf32>
  vit.yield %0 : tensor<?x16xtf32>
}

// -----

// expected-error@+1 {{kernel 'bk': expected BK of 32 or 64, found 48}}
vit.kernel @bk(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 48], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'warp': expected a warp tile of 16s by 8s that divides the block tile 64x64, found 24x32}}
vit.kernel @warp(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [24, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'columns': expected a warp tile of 16s by 8s that divides the block tile 64x64, found 32x24}}
vit.kernel @columns(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 24], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'wide': expected at most 256 accumulators in a thread, found 512 of 1 linear with a warp tile of 128x128: choose a smaller one}}
vit.kernel @wide(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [128, 128], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'two_wide': expected at most 256 accumulators in a thread, found 320 of 2 linears with a warp tile of 64x80: choose a smaller one}}
vit.kernel @two_wide(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>, %v: tensor<16x96xf16>) -> (tensor<?x16xf16>, tensor<?x16xf16>)
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 160, 32], warp = [64, 80], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  %1 = vit.linear %x, %v : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0, %1 : tensor<?x16xf16>, tensor<?x16xf16>
}

// -----

// A share is a multiple of 64 columns: K = 96 has two.
// expected-error@+1 {{kernel 'splits': expected a share of K = 96 for each of 3 splits, but 64 columns each leave none for the last: choose fewer splits}}
vit.kernel @splits(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 2 splits = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'shared': expected at most 232448 bytes of shared memory per block, found 262144: choose a smaller tile or fewer stages}}
vit.kernel @shared(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 64], warp = [64, 32], stages = 8>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'threads': expected 1 to 32 whole warps per block, found 2048 threads: choose another block or warp tile}}
vit.kernel @threads(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'unscheduled': expected schedules, found none: run vit-select-schedules}}
vit.kernel @unscheduled(%x: tensor<?x96xf16>) -> tensor<?x96xf16> {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}

// -----

// expected-error@+1 {{kernel 'family': expected a schedule of gemm kernels, found one of elementwise}}
vit.kernel @family(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 256, warp = 256>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %0 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'block': expected a block that is a multiple of 256 elements, found 100}}
vit.kernel @block(%x: tensor<?x96xf16>) -> tensor<?x96xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 100, warp = 100>]} {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}

// -----

// expected-error@+1 {{kernel 'computed': 'vit.linear' reads its operands from memory, but 'vit.relu' computes one: keep that in a kernel before}}
vit.kernel @computed(%x: tensor<?x96xf16>, %w: tensor<16x96xf16>) -> tensor<?x16xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  %1 = vit.linear %0, %w : tensor<?x96xf16>, tensor<16x96xf16> -> tensor<?x16xf16>
  vit.yield %1 : tensor<?x16xf16>
}

// -----

// expected-error@+1 {{kernel 'overlap': expected ranges of batches that are equal or apart, found 1 to 8 and 8 to 16}}
vit.kernel @overlap(%x: tensor<?x96xf16>) -> tensor<?x96xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 8, elements = 1024, warp = 256>,
                             #vit.elementwise_schedule<batch = 8 to 16, elements = 512, warp = 256>]} {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}

