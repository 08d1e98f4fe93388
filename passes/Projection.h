//===- Projection.h - The linear that an attention reads --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_PROJECTION_H
#define PASSES_PROJECTION_H

#include "passes/Queries.h"

#include <optional>
#include <tuple>

namespace vitc {

/// An operand of an attention that is a linear of its own, with or without bias, turned by its
/// position or not.
struct Projection {
  mlir::Value value; ///< what the attention reads
  vit::LinearOp linear;
  vit::BiasAddOp bias; ///< null if there is none
  vit::RopeOp rope;    ///< null if there is none; of all columns

  mlir::Value weight() { return linear.getWeight(); }
  mlir::Value biasVector() { return bias ? mlir::Value(bias.getBias()) : mlir::Value(); }

  /// Projections with one key can be one linear; a bias that is missing is one of zeros.
  auto key() {
    return std::make_tuple(linear.getInput().getAsOpaquePointer(),
                           tensorType(value).getElementType().getAsOpaquePointer(),
                           linear.getType().getElementType().getAsOpaquePointer(),
                           tensorType(weight()).getElementType().getAsOpaquePointer());
  }
};

/// What `attention` reads as `value`, if nothing else reads it or anything between.
std::optional<Projection> matchProjection(mlir::Value value, vit::AttentionOp attention);

} // namespace vitc

#endif // PASSES_PROJECTION_H
