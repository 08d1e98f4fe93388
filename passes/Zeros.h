//===- Zeros.h - Weights of zeros -------------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_ZEROS_H
#define PASSES_ZEROS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace vitc {

/// Zeros of type `type`, made of a weight with its rank, 1 or 2, and its element type: 0 times one
/// element, padded. There are no constants, and of more elements one might not be finite.
mlir::Value zeroWeight(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value weight,
                       mlir::RankedTensorType type);

} // namespace vitc

#endif // PASSES_ZEROS_H
