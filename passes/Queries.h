//===- Queries.h - What passes ask about a model ----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Small questions that several passes and tools put to a model: what an op is called, what an
// output depends on.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_QUERIES_H
#define PASSES_QUERIES_H

#include "dialect/ModelFunction.h"
#include "dialect/VitOps.h"

#include <string>
#include <vector>

namespace vitc {

/// The name an importer gave to the place `location`, such as "blocks.0.mlp.fc1"; "" if it has
/// none.
std::string locationName(mlir::Location location);

/// How messages call `op`, in quotes: the name of its location; else, for a launch, its kernel;
/// else the kind of op.
std::string describe(mlir::Operation *op);

/// The name of argument or result `index` of a model: its `vit.name`, else "0", "1", ...
std::string inputName(mlir::func::FuncOp model, unsigned index);
std::string outputName(mlir::func::FuncOp model, unsigned index);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
inline int64_t widthOf(mlir::RankedTensorType type) { return type.getShape().back(); }
inline int64_t widthOf(mlir::Value value) { return widthOf(tensorType(value)); }

/// Computed from weights alone (or a weight): no dimension is dynamic.
inline bool isWeight(mlir::Value value) {
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
  return type && type.hasStaticShape();
}

/// Whether a pass can work for batches up to `maxBatch`; says at `location` if not.
mlir::LogicalResult checkMaxBatch(mlir::Location location, int64_t maxBatch);

/// Whether `op`, which may be null, multiplies matrices.
bool isProduct(mlir::Operation *op);

/// For each argument of `block` the tokens that operands of its terminator are computed from. A
/// value of rank 3 has its dimension 1 of tokens, any other one.
llvm::SmallVector<llvm::BitVector> tokensRead(mlir::Block &block);

/// The attribute of a model with the names that a file may have beside its weights.
inline constexpr llvm::StringLiteral ignoredName = "vit.ignored";

/// Erases ops of `model` that nothing needs, users before their operands. A file may have the
/// weights among them or not: their names, unless another weight has them, are ignored from now on.
void eraseDeadOps(mlir::func::FuncOp model);

/// For each result of `model` the numbers of the arguments it depends on, in ascending order. Exact
/// per token: `select` of a prepended token does not depend on what follows it, and attention over
/// the batch axis keeps tokens apart.
std::vector<std::vector<unsigned>> outputDependence(mlir::func::FuncOp model);

} // namespace vitc

#endif // PASSES_QUERIES_H
