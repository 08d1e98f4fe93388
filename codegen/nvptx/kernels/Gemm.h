//===- Gemm.h - The parts of a GEMM kernel ----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A GEMM is planned by passes/cost, then written in two parts: the main loop, which leaves
// accumulators, and the epilogue, which turns them into results.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_GEMM_H
#define CODEGEN_NVPTX_KERNELS_GEMM_H

#include "codegen/nvptx/kernels/KernelBuilder.h"
#include "passes/cost/families/Gemm.h"

namespace vitc::codegen {

/// What a schedule means for the linears of one kernel.
struct GemmPlan : cost::GemmGeometry {
  explicit GemmPlan(KernelBuilder &k);

  llvm::SmallVector<vit::LinearOp> linears; ///< they read one input and have weights of one type
  mlir::Type storage;                       ///< of inputs and weights
  int64_t n, depth;                         ///< N and K
  int64_t bm, bn, bk, wm, wn;
  int64_t stages, buffers, splits;
  mlir::Operation *normalize = nullptr; ///< a vit.normalize of the products, or null
  mlir::Value moments;                  ///< that it reads

  int64_t warps() const { return threads / 32; }
  /// mma tiles of a warp along M and N, and accumulators that a thread has for one linear.
  int64_t tilesM() const { return wm / mma->m; }
  int64_t tilesN() const { return wn / mma->n; }
  int64_t sums() const { return tilesM() * tilesN() * mma->sums(); }
  /// Of all threads, for all linears.
  int64_t sumsOfBlock() const { return static_cast<int64_t>(linears.size()) * bm * bn; }
};

/// Where this block is in the result, and this warp in the block.
struct GemmPlace {
  mlir::Value rows; ///< M
  mlir::Value blockRow, blockColumn, warpRow, warpColumn;
};

/// Writes the main loop. `meanwhile` writes what is done while the first copies are under way,
/// before a barrier. Returns the accumulators: for each linear, m16 tile and n8 tile of the warp,
/// the four of mma.
PtxBuilder::Values emitGemmMainLoop(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place,
                                    llvm::function_ref<void()> meanwhile);

/// Writes how the blocks of a tile that is split along K add their sums; `whole` writes what the
/// last of them does with those of all.
void emitSplits(KernelBuilder &k, const GemmPlan &plan, const PtxBuilder::Values &sums,
                llvm::function_ref<void(const PtxBuilder::Values &)> whole);

/// Writes what comes after. Shared memory is the plan's slots, from the start of the ring on.
void emitGemmEpilogue(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place,
                      const PtxBuilder::Values &sums);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_GEMM_H
