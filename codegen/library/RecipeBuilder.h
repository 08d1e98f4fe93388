//===- RecipeBuilder.h - @prepare as straight-line steps --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_RECIPEBUILDER_H
#define CODEGEN_LIBRARY_RECIPEBUILDER_H

#include "codegen/library/LibraryData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace vitc {

/// Fills recipe, weights and weight_bytes of `data` from `prepare` (null: no weights). Diagnoses an
/// op that no recipe step can do.
mlir::LogicalResult buildRecipe(mlir::func::FuncOp prepare, LibraryData &data);

/// The vit_dtype of a storage type.
vit_dtype dtypeOf(mlir::Type elementType);
/// Bytes of one value.
uint64_t sizeOf(vit_dtype type);

} // namespace vitc

#endif // CODEGEN_LIBRARY_RECIPEBUILDER_H
