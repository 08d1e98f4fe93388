//===- Projection.cpp - The linear that an attention reads ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Projection.h"

using namespace mlir;
using namespace vitc;

std::optional<Projection> vitc::matchProjection(Value value, vit::AttentionOp attention) {
  if (llvm::any_of(value.getUsers(), [&](Operation *user) { return user != attention; }))
    return std::nullopt;
  Projection projection{value, {}, {}, value.getDefiningOp<vit::RopeOp>()};
  if (projection.rope) {
    value = projection.rope.getInput();
    if (!value.hasOneUse() || static_cast<int64_t>(projection.rope.getColumns()) != widthOf(value))
      return std::nullopt;
  }
  projection.bias = value.getDefiningOp<vit::BiasAddOp>();
  if (projection.bias && !projection.bias.getInput().hasOneUse())
    return std::nullopt;
  Value product = projection.bias ? Value(projection.bias.getInput()) : value;
  projection.linear = product.getDefiningOp<vit::LinearOp>();
  return projection.linear ? std::optional(projection) : std::nullopt;
}
