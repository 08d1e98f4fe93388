//===- ReferenceOps.h - The reference meaning of each op --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DIALECT_REFERENCEOPS_H
#define DIALECT_REFERENCEOPS_H

#include "dialect/reference/Reference.h"

namespace vitc::reference {

/// One op to compute: operands as values in row-major order, and its result, all zeros so far.
struct Call {
  llvm::ArrayRef<View> operands;
  llvm::ArrayRef<int64_t> shape;
  llvm::MutableArrayRef<double> result;
  unsigned threads;
};

// Each group computes the ops that it knows and returns false for the others. The ops are verified.
bool computeWeightOp(mlir::Operation *op, const Call &call); ///< slice to permute
bool computeTableOp(mlir::Operation *op, const Call &call);  ///< resample to rope_table
bool computeTokenOp(mlir::Operation *op,
                    const Call &call); ///< patchify to merge_patches, but position
bool computeRowOp(mlir::Operation *op, const Call &call); ///< layer_norm, linear, attention

/// Every elementwise op has its meaning here.
void computeElementwise(vit::ElementwiseInterface op, const Call &call);

} // namespace vitc::reference

#endif // DIALECT_REFERENCEOPS_H
