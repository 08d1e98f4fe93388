// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --emit-bytecode | vitc-opt | FileCheck %s

// CHECK: vit.kernel @schedule() attributes {schedules =
// CHECK-SAME: [#vit.schedule<batch = 1 to 8, block = [128, 128, 32], warp = [64, 32], stages = 3>,
// CHECK-SAME: #vit.schedule<batch = 9 to 9, block = [256], warp = [32], stages = 1>,
// CHECK-SAME: #vit.schedule<batch = 1 to 8, block = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>,
// CHECK-SAME: #vit.schedule<batch = 1 to 8, block = [1], warp = [1], stages = 1 recompute = true>]}
vit.kernel @schedule() attributes {schedules = [
    #vit.schedule<batch = 1 to 8, block = [128, 128, 32], warp = [64, 32], stages = 3>,
    #vit.schedule<batch = 9 to 9, block = [256], warp = [32], stages = 1>,
    #vit.schedule<batch = 1 to 8, block = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>,
    #vit.schedule<batch = 1 to 8, block = [1], warp = [1], stages = 1 recompute = true>]} {
  vit.yield
}
