//===- Verify.h - What verifiers of ops have in common ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Relations of shapes, as errors that say what was expected and what was found.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECT_VERIFY_H
#define DIALECT_VERIFY_H

#include "dialect/VitOps.h"

namespace vitc::vit {

/// "?x197x768".
std::string shapeText(mlir::RankedTensorType type);

/// Positive ones with a product of mostElements at most.
bool areSizes(llvm::ArrayRef<int64_t> sizes);

/// The last size.
int64_t width(mlir::RankedTensorType type);

/// A shape relation that failed: expected what, found what.
mlir::LogicalResult expectShape(mlir::Operation *op, llvm::StringRef what,
                                mlir::RankedTensorType expected, mlir::RankedTensorType found);

/// A vector operand that spans the columns of `input`.
mlir::LogicalResult expectWidth(mlir::Operation *op, llvm::StringRef what,
                                mlir::RankedTensorType input, mlir::RankedTensorType vector);

mlir::LogicalResult expectRank(mlir::Operation *op, llvm::StringRef what, int64_t rank,
                               mlir::RankedTensorType type);

mlir::LogicalResult expectElementType(mlir::Operation *op, llvm::StringRef what,
                                      mlir::Type expected, mlir::Type found);

} // namespace vitc::vit

#endif // DIALECT_VERIFY_H
