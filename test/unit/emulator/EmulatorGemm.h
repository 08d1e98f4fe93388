//===- EmulatorGemm.h - A GEMM in PTX, by hand ----------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// C[M,N] = A[M,K] * W[N,K]^T in f32 from f16, K a multiple of 16. A CTA of four warps computes
// 32x32; three stages of cp.async hold 16 columns of K each. Small, but with every joint of the
// real kernels: prologue, wait and barrier, zero fill at the edges, ldmatrix, mma, predicated
// stores.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_TEST_UNIT_EMULATORGEMM_H
#define VITC_TEST_UNIT_EMULATORGEMM_H

namespace vitc::emu::testing {

/// Line 1 of a kernel's report is `.version`: the prologue has three lines.
inline const char *const gemmText = R"(.extern .shared .align 128 .b8 smem[];
.visible .entry gemm(.param .u64 .ptr .global .align 16 A, .param .u64 .ptr .global .align 16 W,
                     .param .u64 .ptr .global .align 16 C, .param .u32 M, .param .u32 N, .param .u32 K)
.reqntid 128, 1, 1
{
  .reg .pred %p<8>; .reg .b32 %r<64>; .reg .f32 %f<16>; .reg .b64 %rd<32>;
  ld.param.u64 %rd1, [A];
  ld.param.u64 %rd2, [W];
  ld.param.u64 %rd3, [C];
  ld.param.u32 %r1, [M];
  ld.param.u32 %r2, [N];
  ld.param.u32 %r3, [K];
  mov.u32 %r4, %tid.x;
  mov.u32 %r5, %ctaid.x;
  shl.b32 %r5, %r5, 5; // first row of C
  mov.u32 %r6, %ctaid.y;
  shl.b32 %r6, %r6, 5; // first column of C
  // Threads 0..63 copy A, the others W: row = t / 2 % 32, 8 halves each.
  and.b32 %r7, %r4, 63;
  shr.u32 %r8, %r7, 1;
  and.b32 %r9, %r7, 1;
  setp.lt.u32 %p1, %r4, 64;
  add.s32 %r10, %r5, %r8;
  setp.lt.u32 %p2, %r10, %r1;
  selp.b32 %r12, 16, 0, %p2;
  selp.b32 %r10, %r10, 0, %p2;
  add.s32 %r11, %r6, %r8;
  setp.lt.u32 %p3, %r11, %r2;
  selp.b32 %r13, 16, 0, %p3;
  selp.b32 %r11, %r11, 0, %p3;
  mul.wide.u32 %rd4, %r10, %r3;
  mul.wide.u32 %rd5, %r11, %r3;
  mul.wide.u32 %rd6, %r9, 8;
  add.s64 %rd4, %rd4, %rd6;
  add.s64 %rd5, %rd5, %rd6;
  shl.b64 %rd4, %rd4, 1;
  shl.b64 %rd5, %rd5, 1;
  add.s64 %rd4, %rd1, %rd4; // source in A
  add.s64 %rd5, %rd2, %rd5; // source in W
  mov.u32 %r14, smem;
  shl.b32 %r15, %r8, 5;
  shl.b32 %r16, %r9, 4;
  add.s32 %r15, %r15, %r16;
  add.s32 %r15, %r15, %r14; // destination in a stage; W is 1024 further
  shr.u32 %r17, %r3, 4;     // k-steps
  // Prologue: stages 0 and 1.
  @%p1 cp.async.cg.shared.global [%r15], [%rd4], 16, %r12;
  @!%p1 cp.async.cg.shared.global [%r15+1024], [%rd5], 16, %r13;
  cp.async.commit_group;
  setp.gt.u32 %p4, %r17, 1;
  @!%p4 bra PROLOGUE;
  @%p1 cp.async.cg.shared.global [%r15+2048], [%rd4+32], 16, %r12;
  @!%p1 cp.async.cg.shared.global [%r15+3072], [%rd5+32], 16, %r13;
PROLOGUE:
  cp.async.commit_group;
  // Warp (x, y) computes rows 16x.., columns 16y..
  shr.u32 %r18, %r4, 5;
  and.b32 %r19, %r18, 1;
  shr.u32 %r20, %r18, 1;
  and.b32 %r21, %r4, 31;
  // A: row = lane % 16, half = lane / 16. W: row = lane % 8 + lane / 16 * 8, half = lane / 8 % 2.
  and.b32 %r22, %r21, 15;
  shr.u32 %r23, %r21, 4;
  shl.b32 %r24, %r19, 4;
  add.s32 %r24, %r24, %r22;
  shl.b32 %r24, %r24, 5;
  shl.b32 %r25, %r23, 4;
  add.s32 %r24, %r24, %r25;
  add.s32 %r24, %r24, %r14;
  and.b32 %r26, %r21, 7;
  shl.b32 %r27, %r23, 3;
  add.s32 %r26, %r26, %r27;
  shl.b32 %r28, %r20, 4;
  add.s32 %r26, %r26, %r28;
  shl.b32 %r26, %r26, 5;
  bfe.u32 %r29, %r21, 3, 1;
  shl.b32 %r29, %r29, 4;
  add.s32 %r26, %r26, %r29;
  add.s32 %r26, %r26, %r14;
  mov.f32 %f1, 0f00000000; mov.f32 %f2, 0f00000000; mov.f32 %f3, 0f00000000; mov.f32 %f4, 0f00000000;
  mov.f32 %f5, 0f00000000; mov.f32 %f6, 0f00000000; mov.f32 %f7, 0f00000000; mov.f32 %f8, 0f00000000;
  mov.u32 %r30, 0;    // k-step
  mov.u32 %r31, 0;    // stage to read
  mov.u32 %r32, 4096; // stage to write
LOOP:
  cp.async.wait_group 1;
  bar.sync 0;
  add.s32 %r33, %r30, 2;
  setp.ge.u32 %p5, %r33, %r17;
  @%p5 bra NOCOPY;
  mul.wide.u32 %rd7, %r33, 32;
  add.s64 %rd8, %rd4, %rd7;
  add.s64 %rd9, %rd5, %rd7;
  add.s32 %r34, %r15, %r32;
  @%p1 cp.async.cg.shared.global [%r34], [%rd8], 16, %r12;
  @!%p1 cp.async.cg.shared.global [%r34+1024], [%rd9], 16, %r13;
NOCOPY:
  cp.async.commit_group;
  add.s32 %r35, %r24, %r31;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r40, %r41, %r42, %r43}, [%r35];
  add.s32 %r36, %r26, %r31;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r44, %r45, %r46, %r47}, [%r36+1024];
  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r40, %r41, %r42, %r43}, {%r44, %r45}, {%f1, %f2, %f3, %f4};
  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f5, %f6, %f7, %f8}, {%r40, %r41, %r42, %r43}, {%r46, %r47}, {%f5, %f6, %f7, %f8};
  add.s32 %r31, %r31, 2048;
  setp.eq.u32 %p6, %r31, 6144;
  selp.b32 %r31, 0, %r31, %p6;
  add.s32 %r32, %r32, 2048;
  setp.eq.u32 %p6, %r32, 6144;
  selp.b32 %r32, 0, %r32, %p6;
  add.s32 %r30, %r30, 1;
  setp.lt.u32 %p7, %r30, %r17;
  @%p7 bra LOOP;
  // Rows lane/4 and +8, columns 2*(lane%4) and +8, each guarded.
  shr.u32 %r48, %r21, 2;
  and.b32 %r49, %r21, 3;
  shl.b32 %r49, %r49, 1;
  shl.b32 %r50, %r19, 4;
  add.s32 %r48, %r48, %r50;
  add.s32 %r48, %r48, %r5;
  add.s32 %r49, %r49, %r28;
  add.s32 %r49, %r49, %r6;
  mad.lo.s32 %r51, %r48, %r2, %r49;
  mul.wide.u32 %rd10, %r51, 4;
  add.s64 %rd10, %rd3, %rd10;
  mul.wide.u32 %rd11, %r2, 32;
  add.s64 %rd11, %rd10, %rd11;
  add.s32 %r52, %r48, 8;
  add.s32 %r53, %r49, 8;
  setp.lt.u32 %p1, %r48, %r1;
  setp.lt.u32 %p2, %r52, %r1;
  setp.lt.u32 %p3, %r49, %r2;
  setp.lt.u32 %p4, %r53, %r2;
  and.pred %p5, %p1, %p3;
  @%p5 st.global.v2.f32 [%rd10], {%f1, %f2};
  and.pred %p5, %p2, %p3;
  @%p5 st.global.v2.f32 [%rd11], {%f3, %f4};
  and.pred %p5, %p1, %p4;
  @%p5 st.global.v2.f32 [%rd10+32], {%f5, %f6};
  and.pred %p5, %p2, %p4;
  @%p5 st.global.v2.f32 [%rd11+32], {%f7, %f8};
  ret;
}
)";

} // namespace vitc::emu::testing

#endif // VITC_TEST_UNIT_EMULATORGEMM_H
