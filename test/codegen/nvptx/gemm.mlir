// The shape of a GEMM's code: one pass of the main loop has the instructions of one k-block, and
// nothing of it goes through memory.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s
// RUN: vitc-opt %s --vit-lower-kernels | FileCheck %s --check-prefix=LAUNCH
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null \
// RUN:   | FileCheck %s --check-prefix=CLEAN --implicit-check-not=__local_depot \
// RUN:       --implicit-check-not=".extern .func" --implicit-check-not=.loc \
// RUN:       --implicit-check-not=ld.local --implicit-check-not=st.local
// CLEAN: .visible .entry fc1_128x128x32(
// CLEAN: .visible .entry ahead_128x128x32(
// CLEAN: .visible .entry ragged_64x64x32(
// CLEAN: .visible .entry odd_32x32x64(
// CLEAN: .visible .entry uneven_48x24x32(
// CLEAN: .visible .entry split_64x64x64_k4(

// LAUNCH: llvm.func @fc1_128x128x32(
// LAUNCH-SAME: nvvm.kernel, nvvm.minctasm = 2 : i32, nvvm.reqntid = array<i32: 256, 1, 1>
// LAUNCH-SAME: vit.dynamic_smem = 49152 : i64
// LAUNCH-SAME: vit.grid = array<i64: 0, 1, 24, 1, 128, 1, 0, 1, 1>,{{.*}} vit.threads = 256 : i64

// CHECK-LABEL: kernel fc1_128x128x32: threads 256, dynamic shared 49152
// CHECK: .target sm_89
// CHECK: .extern .shared .align 128 .b8 shared_memory[];
// CHECK: .reqntid 256, 1, 1
// CHECK: .minnctapersm 2
// The prologue fills two stages. Rows beyond M are zeros; N has no edge.
// CHECK-COUNT-2: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, %r{{[0-9]+}};
// CHECK-COUNT-2: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16;
// CHECK-NEXT: cp.async.commit_group
// CHECK-COUNT-4: cp.async.cg.shared.global
// CHECK-NEXT: cp.async.commit_group
// The loop: one wait and one barrier, copies under a predicate, and two k16 steps of 4 x 4 tiles.
// CHECK-NOT: cp.async.cg
// CHECK: .pragma "nounroll";
// CHECK: cp.async.wait_group 1;
// CHECK-NEXT: bar.sync 0;
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-COUNT-2: @%p{{[0-9]+}} cp.async.cg.shared.global [%rd{{[0-9]+}}{{(\+4096)?}}], [%rd{{[0-9]+}}{{(\+98304)?}}], 16, %r{{[0-9]+}};
// CHECK-COUNT-2: @%p{{[0-9]+}} cp.async.cg.shared.global [%rd{{[0-9]+}}{{(\+4096)?}}], [%rd{{[0-9]+}}{{(\+98304)?}}], 16;
// CHECK: cp.async.commit_group
// CHECK-NOT: ldmatrix
// CHECK-COUNT-16: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-COUNT-16: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-NOT: mma.sync
// The epilogue: pairs into shared memory, 16 bytes out of it.
// CHECK: bar.sync 0;
// CHECK: ld.global.nc.v2.b32
// CHECK: ex2.approx.ftz.f32
// CHECK: cvt.rn.f16x2.f32
// CHECK: st.shared.b32
// CHECK: bar.warp.sync
// CHECK: ld.shared.v4.b32
// CHECK: st.global.v4.b32
// CHECK: ret;
vit.kernel @fc1(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
  %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
  vit.yield %2 : tensor<?x3072xf16>
}

// With two buffers the fragments of a step are loaded before the products of the one before; the
// barrier is in front of the last products of a block, and the last block is by itself.
// CHECK-LABEL: kernel ahead_128x128x32: threads 256, dynamic shared 49152
// CHECK: cp.async.wait_group 2;
// CHECK-NEXT: bar.sync 0;
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-NOT: mma.sync
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-COUNT-16: mma.sync
// CHECK: cp.async.wait_group 1;
// CHECK-NEXT: bar.sync 0;
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-COUNT-4: @%p{{[0-9]+}} cp.async.cg.shared.global
// CHECK: cp.async.commit_group
// CHECK-COUNT-16: mma.sync
// CHECK-NOT: bar.sync
// CHECK-COUNT-6: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-COUNT-32: mma.sync
// CHECK-NOT: mma.sync
// CHECK: ret;
vit.kernel @ahead(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>) -> tensor<?x3072xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3 buffers = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  vit.yield %0 : tensor<?x3072xf16>
}

// K = 72 ends inside the third block: all copies of that block have their number of bytes. bf16, and 197
// rows for each image.
// LAUNCH: llvm.func @ragged_64x64x32(
// LAUNCH-SAME: vit.grid = array<i64: 0, 1, 2, 197, 64, 1, 0, 1, 1>
// CHECK-LABEL: kernel ragged_64x64x32: threads 128, dynamic shared 16384
// CHECK: @%p{{[0-9]+}} cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, %r{{[0-9]+}};
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: cvt.rn.bf16x2.f32
vit.kernel @ragged(%x: tensor<?x197x72xbf16>, %w: tensor<104x72xbf16>, %t: tensor<197x104xf32>) -> tensor<?x197x104xbf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x197x72xbf16>, tensor<104x72xbf16> -> tensor<?x197x104xbf16>
  %1 = vit.position %0, %t : tensor<?x197x104xbf16>, tensor<197x104xf32> -> tensor<?x197x104xbf16>
  vit.yield %1 : tensor<?x197x104xbf16>
}

// An odd N stores one value at a time.
// CHECK-LABEL: kernel odd_32x32x64:
// CHECK-NOT: st.global.v
// CHECK-NOT: st.global.b32
// CHECK: st.global.b16
vit.kernel @odd(%x: tensor<?x64xf16>, %w: tensor<37x64xf16>) -> tensor<?x37xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 64], warp = [16, 16], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<37x64xf16> -> tensor<?x37xf16>
  vit.yield %0 : tensor<?x37xf16>
}

// 64 threads copy 16 rows at a time: three times for A, one and a half times for B. A warp has
// three n8 tiles: one ldmatrix for two, half of one for the third.
// CHECK-LABEL: kernel uneven_48x24x32: threads 32
// CHECK: bar.sync 0;
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x2.shared.b16
// CHECK-COUNT-9: mma.sync
vit.kernel @uneven(%x: tensor<?x64xf16>, %w: tensor<24x64xf16>) -> tensor<?x24xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [48, 24, 32], warp = [48, 24], stages = 2>]} {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<24x64xf16> -> tensor<?x24xf16>
  vit.yield %0 : tensor<?x24xf16>
}

// Four blocks along z sum 3 k-blocks of 64 each and store f32. Who is last by the tile's counter
// loads the sums of all in order, and has what is fused.
// LAUNCH: llvm.func @split_64x64x64_k4({{.*}}, %arg{{[0-9]+}}: i32)
// LAUNCH-SAME: nvvm.maxnreg = 96 : i32
// LAUNCH-SAME: vit.grid = array<i64: 0, 1, 16, 1, 64, 1, 0, 1, 4>
// CHECK-LABEL: kernel split_64x64x64_k4: threads 128
// CHECK: .maxnreg 96
// CHECK-NOT: .minnctapersm
// CHECK: %ctaid.z
// CHECK: mma.sync
// CHECK-NOT: ex2
// CHECK-COUNT-8: st.global.v4.b32
// CHECK: bar.sync 0;
// CHECK: membar.gl;
// CHECK: atom.{{.*}}inc.u32 {{.*}}, 3;
// CHECK: membar.gl;
// CHECK: bar.sync 0;
// CHECK-COUNT-16: ld.global.v4.b32
// CHECK: ex2.approx.ftz.f32
vit.kernel @split(%x: tensor<?x768xf16>, %w: tensor<1024x768xf16>) -> tensor<?x1024xf16>
    attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 64], warp = [32, 32], stages = 2 splits = 4 registers = 96>]} {
  %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<1024x768xf16> -> tensor<?x1024xf16>
  %1 = vit.gelu erf %0 : tensor<?x1024xf16> -> tensor<?x1024xf16>
  vit.yield %1 : tensor<?x1024xf16>
}
