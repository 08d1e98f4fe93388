// A kernel gets a function for each schedule that can run: the first alternative of every range of
// batches. Names say what tells the functions apart.
// RUN: vitc-opt %s --vit-lower-kernels -o %t.mlir
// RUN: FileCheck %s < %t.mlir --implicit-check-not="llvm.func @"

// Equal schedules are one function; alternatives that come second are none.
// CHECK: gpu.module @fc1_module
// CHECK: llvm.func @fc1_64x64x32(
// CHECK-SAME: vit.schedule = #vit.gemm_schedule<batch = 1 to 4, tile = [64, 64, 32]
// CHECK: llvm.func @fc1_128x64x32(
// CHECK-SAME: vit.schedule = #vit.gemm_schedule<batch = 5 to 8, tile = [128, 64, 32]
vit.kernel @fc1(%x: tensor<?x96xf16>, %w: tensor<64x96xf16>) -> tensor<?x64xf16>
    attributes {schedules = [
      #vit.gemm_schedule<batch = 5 to 8, tile = [128, 64, 32], warp = [32, 32], stages = 2>,
      #vit.gemm_schedule<batch = 1 to 4, tile = [64, 64, 32], warp = [32, 32], stages = 2>,
      #vit.gemm_schedule<batch = 1 to 4, tile = [32, 32, 32], warp = [16, 16], stages = 2>,
      #vit.gemm_schedule<batch = 9 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<64x96xf16> -> tensor<?x64xf16>
  vit.yield %0 : tensor<?x64xf16>
}

// One block tile twice: the warp tile tells them apart, then the stages.
// CHECK: llvm.func @fc2_64x64x32_32x32_stages2(
// CHECK: llvm.func @fc2_64x64x32_32x32_stages3(
// CHECK: llvm.func @fc2_64x64x32_64x32(
// CHECK: llvm.func @fc2_32x64x32(
vit.kernel @fc2(%x: tensor<?x96xf16>, %w: tensor<64x96xf16>) -> tensor<?x64xf16>
    attributes {schedules = [
      #vit.gemm_schedule<batch = 1 to 1, tile = [64, 64, 32], warp = [32, 32], stages = 2>,
      #vit.gemm_schedule<batch = 2 to 2, tile = [64, 64, 32], warp = [32, 32], stages = 3>,
      #vit.gemm_schedule<batch = 3 to 3, tile = [64, 64, 32], warp = [64, 32], stages = 2>,
      #vit.gemm_schedule<batch = 4 to 8, tile = [32, 64, 32], warp = [32, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<64x96xf16> -> tensor<?x64xf16>
  vit.yield %0 : tensor<?x64xf16>
}

// Others have their schedule in the name only where there are two.
// CHECK: llvm.func @norm_rows4(
// CHECK: llvm.func @norm_rows8(
vit.kernel @norm(%x: tensor<?x96xf16>, %s: tensor<96xf32>, %b: tensor<96xf32>) -> tensor<?x96xf16>
    attributes {schedules = [#vit.norm_schedule<batch = 1 to 1, rows = 4, warp = 1>,
                             #vit.norm_schedule<batch = 2 to 8, rows = 8, warp = 1>]} {
  %0 = vit.layer_norm %x, %s, %b eps 1.0e-05 : tensor<?x96xf16>, tensor<96xf32>, tensor<96xf32> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}

// A bound on registers is the function's, in place of blocks per multiprocessor.
// CHECK: llvm.func @relu(
// CHECK-NOT: nvvm.minctasm
// CHECK-SAME: nvvm.maxnreg = 40 : i32
vit.kernel @relu(%x: tensor<?x96xf16>) -> tensor<?x96xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 8, elements = 1024, warp = 256 registers = 40>]} {
  %0 = vit.relu %x : tensor<?x96xf16> -> tensor<?x96xf16>
  vit.yield %0 : tensor<?x96xf16>
}

// Every function is a text of its own, which does not depend on how it was reached.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null > %t.once
// RUN: vitc-opt %t.mlir --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null > %t.twice
// RUN: cmp %t.once %t.twice
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null --mlir-disable-threading | cmp - %t.once
// RUN: FileCheck %s --check-prefix=PTX --implicit-check-not=.entry < %t.once
// PTX-LABEL: kernel fc1_64x64x32: threads 128
// PTX: .visible .entry fc1_64x64x32(
// PTX-LABEL: kernel fc1_128x64x32: threads 256
// PTX: .extern .shared .align 128 .b8 shared_memory[];
// PTX: .visible .entry fc1_128x64x32(
// PTX: .visible .entry fc2_64x64x32_32x32_stages2(
// PTX: .visible .entry fc2_64x64x32_32x32_stages3(
// PTX: .visible .entry fc2_64x64x32_64x32(
// PTX: .visible .entry fc2_32x64x32(
// PTX: .visible .entry norm_rows4(
// PTX: .visible .entry norm_rows8(
// PTX-LABEL: kernel relu:
// PTX-NOT: .shared
// PTX: .visible .entry relu(
// PTX: .maxnreg 40
