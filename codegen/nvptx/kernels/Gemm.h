//===- Gemm.h - The parts of a GEMM kernel ----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A GEMM is planned from numbers (planGemm), then written in two parts: the main loop, which leaves
// accumulators, and the epilogue, which turns them into results.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_GEMM_H
#define CODEGEN_NVPTX_KERNELS_GEMM_H

#include "codegen/nvptx/kernels/KernelBuilder.h"

namespace vitc {

/// What a schedule means for the linears of one kernel.
struct GemmPlan {
  llvm::SmallVector<vit::LinearOp> linears; ///< they read one input and have weights of one type
  mlir::Type storage;                       ///< of inputs and weights: f16 or bf16
  int64_t n = 0, depth = 0;                 ///< N and K
  int64_t bm = 0, bn = 0, bk = 0, wm = 0, wn = 0;
  int64_t stages = 0, buffers = 0, splits = 0;
  int64_t threads = 0;
  int64_t blocks = 0;     ///< k-blocks of every split but the last
  int64_t lastBlocks = 0; ///< of the last, 1 to `blocks`
  int64_t stageBytes = 0; ///< the tile of A, then one of B for each linear

  int64_t warps() const { return threads / 32; }
  /// Accumulators that a thread has for one linear.
  int64_t sums() const { return wm * wn / 32; }
  int64_t ringBytes() const { return stages * stageBytes; }
};

/// Reads the kernel's schedule; fails with a diagnostic if there is no code for it.
mlir::FailureOr<GemmPlan> planGemm(KernelBuilder &k);

/// Where this block is in the result, and this warp in the block.
struct GemmPlace {
  mlir::Value rows; ///< M
  mlir::Value blockRow, blockColumn, warpRow, warpColumn;
};

/// Writes the main loop. Returns the accumulators: for each linear, m16 tile and n8 tile of the
/// warp, the four of mma.
PtxBuilder::Values emitGemmMainLoop(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place);

/// Writes what comes after. Returns the bytes of dynamic shared memory that it uses, from the start
/// of the ring on.
int64_t emitGemmEpilogue(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place,
                         const PtxBuilder::Values &sums);

} // namespace vitc

#endif // CODEGEN_NVPTX_KERNELS_GEMM_H
