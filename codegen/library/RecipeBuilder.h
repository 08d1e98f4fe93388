//===- RecipeBuilder.h - @prepare as straight-line steps --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_RECIPEBUILDER_H
#define CODEGEN_LIBRARY_RECIPEBUILDER_H

#include "codegen/library/LibraryData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace vitc::codegen {

/// Adds to recipe, weights and weight_bytes of `data` what `prepare` (null: nothing) does and is
/// not there yet. `weights`: of each result, the weight of `data` that it is. Diagnoses an op that
/// no recipe step can do. Weights before `first` are another target's and not shared.
mlir::LogicalResult addRecipe(mlir::func::FuncOp prepare, LibraryData &data,
                              std::vector<uint32_t> &weights, uint32_t first = 0,
                              bool anySize = false);

/// The vit_dtype of a storage type.
vit_dtype dtypeOf(mlir::Type elementType);
/// Bytes of one value.
uint64_t sizeOf(vit_dtype type);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_RECIPEBUILDER_H
