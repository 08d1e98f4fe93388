//===- Moments.h - Statistics of rows in kernels ----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// How `moments` are made and merged. Sums are f32.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_MOMENTS_H
#define CODEGEN_NVPTX_KERNELS_MOMENTS_H

#include "codegen/nvptx/kernels/Gemm.h"

namespace vitc::codegen {

/// What a normalize needs of a row: its mean, if that is subtracted, and the reciprocal of its
/// deviation.
struct RowMoments {
  mlir::Value mean, factor;
};

/// Mean and sum of squared deviations of `group` values, of which a thread has all or, `inQuad`,
/// four neighbouring lanes a part each.
PtxBuilder::Values momentsOfGroup(KernelBuilder &k, llvm::ArrayRef<mlir::Value> values,
                                  int64_t group, bool inQuad);

/// Of row `row`, by this thread alone.
RowMoments mergeMoments(KernelBuilder &k, vit::NormalizeOp op, mlir::Value row);

/// Of all rows of a block of a product, into the plan's place in shared memory; a barrier must
/// follow before momentsInBlock() reads those of the block's row `row` + `delta`.
void mergeMomentsOfBlock(KernelBuilder &k, vit::NormalizeOp op, const GemmPlan &plan,
                         const GemmPlace &place);
RowMoments momentsInBlock(KernelBuilder &k, const GemmPlan &plan, mlir::Value row, int64_t delta);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_MOMENTS_H
