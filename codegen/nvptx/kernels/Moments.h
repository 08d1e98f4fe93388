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

/// Of all rows of a block of a product. What it reads is on its way before the main loop's copies,
/// behind which it would wait, and merged while they are.
class MomentsOfBlock {
public:
  /// Starts to read: as many rows as there are registers for.
  MomentsOfBlock(KernelBuilder &k, vit::NormalizeOp op, const GemmPlan &plan,
                 const GemmPlace &place);

  /// Merges all rows into the plan's place in shared memory; a barrier must follow before
  /// momentsInBlock() reads them.
  void merge();

private:
  /// The pairs that one of four lanes has of a row, so that a warp reads whole sectors. A third
  /// value says whether the pair exists (null: it does).
  struct Row {
    mlir::Value row; ///< of the block; beyond the last, it is read and not stored
    llvm::SmallVector<PtxBuilder::Values> pairs;
  };

  Row read(int64_t first);
  llvm::SmallVector<Row> readTogether(int64_t first);
  RowMoments merged(const Row &row);
  void store(llvm::ArrayRef<Row> rows);

  KernelBuilder &k;
  vit::NormalizeOp op;
  const GemmPlan &p;
  const GemmPlace &place;
  mlir::Value part;    ///< which of the four lanes this is
  int64_t pairs, step; ///< of a row; rows that the block's threads read at a time
  llvm::SmallVector<Row> ahead;
};

/// What merge() left of the block's row `row` + `delta`.
RowMoments momentsInBlock(KernelBuilder &k, const GemmPlan &plan, mlir::Value row, int64_t delta);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_MOMENTS_H
