// What ptxas must not do with the freedom that a bound leaves it: read a residual for rows far ahead,
// or lay the iterations of a short main loop side by side, and spill for it.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s --check-prefix=PTX

// CHECK: kernel residual_{{.*}}:{{.*}} registers {{([1-9]?[0-9]|1[0-8][0-9]|19[0-2])}}, spill stores 0, spill loads 0, stack 0,
// Each sixteen rows of a warp are a branch of their own: none of them reads before the one above.
// PTX-LABEL: .visible .entry residual_
// PTX-COUNT-24: mma.sync
// PTX: bar.sync 0;
// PTX-COUNT-4: @%p{{[0-9]+}} bra
vit.kernel @residual(%x: tensor<?x768xf16>, %w: tensor<768x768xf16>, %b: tensor<768xf32>, %r: tensor<?x768xf32>) -> (tensor<?x768xf32>, tensor<?x768xf16>)
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 96, 32], warp = [64, 48], stages = 3 buffers = 2 registers = 208>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<768x768xf16> -> tensor<?x768xf32>
  %1 = vit.bias_add %0, %b : tensor<?x768xf32>, tensor<768xf32> -> tensor<?x768xf32>
  %2 = vit.add %1, %r : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
  %3 = vit.cast %2 : tensor<?x768xf32> -> tensor<?x768xf16>
  vit.yield %2, %3 : tensor<?x768xf32>, tensor<?x768xf16>
}

// Six k-blocks: unrolled, they took every register up to 248 and spilled.
// CHECK: kernel short_{{.*}}:{{.*}} registers {{([1-9]?[0-9]|1[0-5][0-9])}}, spill stores 0, spill loads 0, stack 0,
// PTX-LABEL: .visible .entry short_
// PTX: .pragma "nounroll";
vit.kernel @short(%x: tensor<?x197x384xf16>, %w: tensor<3072x384xf16>, %t: tensor<197x3072xf32>) -> tensor<?x197x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 112, 64], warp = [32, 56], stages = 4 registers = 160>]} {
  %0 = vit.linear %x, %w : tensor<?x197x384xf16>, tensor<3072x384xf16> -> tensor<?x197x3072xf16>
  %1 = vit.position %0, %t : tensor<?x197x3072xf16>, tensor<197x3072xf32> -> tensor<?x197x3072xf16>
  vit.yield %1 : tensor<?x197x3072xf16>
}
