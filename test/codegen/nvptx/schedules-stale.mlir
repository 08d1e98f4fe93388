// Code that was written for other schedules is not taken for this one.
// RUN: not vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" 2>&1 | FileCheck %s
// CHECK: error: expected an llvm.func @relu with vit.schedule = #vit.elementwise_schedule<batch = 1 to 8, elements = 512
// CHECK-SAME: as the schedules of @relu say: delete this module to have it written anew
vit.kernel @relu(%x: tensor<?x96xf16>) -> tensor<?x96xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 8, elements = 512, warp = 256>]} {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}
gpu.module @relu_module {
  llvm.func @relu(%arg0: !llvm.ptr<1>, %arg1: !llvm.ptr<1>, %arg2: i32) attributes {
      vit.dynamic_smem = 0 : i64, vit.grid = array<i64: 96, 1024, 1, 0, 1, 1, 0, 1, 1>,
      vit.schedule = #vit.elementwise_schedule<batch = 1 to 8, elements = 1024, warp = 256>,
      vit.threads = 128 : i64} {
    llvm.return
  }
}
