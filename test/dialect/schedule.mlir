// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK: vit.kernel @schedule(%{{.*}}: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {schedules =
// CHECK-SAME: [#vit.gemm_schedule<batch = 1 to 8, tile = [128, 128, 32], warp = [64, 32], stages = 3>,
// CHECK-SAME: #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>,
// CHECK-SAME: #vit.attention_schedule<batch = 1 to 8, rows = 112, keys = 197>,
// CHECK-SAME: #vit.attention_schedule<batch = 9 to 9, rows = 208, keys = 197 resident = true registers = 128>,
// CHECK-SAME: #vit.attention_schedule<batch = 10 to 12, rows = 64, keys = 64 stages = 4 registers = 128>,
// CHECK-SAME: #vit.norm_schedule<batch = 1 to 8, rows = 4, warp = 1>,
// CHECK-SAME: #vit.norm_schedule<batch = 1 to 8, rows = 4, warp = 1 recompute = true registers = 48>,
// CHECK-SAME: #vit.tokens_schedule<batch = 1 to 8, elements = 1024, warp = 128>,
// CHECK-SAME: #vit.elementwise_schedule<batch = 9 to 9, elements = 256, warp = 32 registers = 40>]}
vit.kernel @schedule(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {schedules = [
    #vit.gemm_schedule<batch = 1 to 8, tile = [128, 128, 32], warp = [64, 32], stages = 3>,
    #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>,
    #vit.attention_schedule<batch = 1 to 8, rows = 112, keys = 197>,
    #vit.attention_schedule<batch = 9 to 9, rows = 208, keys = 197 resident = true registers = 128>,
    #vit.attention_schedule<batch = 10 to 12, rows = 64, keys = 64 stages = 4 registers = 128>,
    #vit.norm_schedule<batch = 1 to 8, rows = 4, warp = 1>,
    #vit.norm_schedule<batch = 1 to 8, rows = 4, warp = 1 recompute = true registers = 48>,
    #vit.tokens_schedule<batch = 1 to 8, elements = 1024, warp = 128>,
    #vit.elementwise_schedule<batch = 9 to 9, elements = 256, warp = 32 registers = 40>]} {
  vit.yield %x : tensor<?x8xf32>
}
