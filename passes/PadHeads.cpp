//===- PadHeads.cpp - Heads of an even number of columns -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Kernels of attention take two columns of a head at a time. A head of an odd number of columns
// gets one of zeros from the linears that make queries, keys and values; scores do not change, and
// the result has a column of zeros behind each head, for which the linear behind has zeros, too:
//
//   %q = vit.linear %x, %wq : -> ?x5x21        =>   %q = vit.linear %x, (padded %wq) : -> ?x5x24
//   %a = vit.attention %q, ... heads 3 head_dim 7   %a = vit.attention %q, ... heads 3 head_dim 8
//   %y = vit.linear %a, %w : 32x21                  %y = vit.linear %a, (padded %w) : 32x24
//
// Where something else reads or makes these values, they stay, and the kernel is refused.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Projection.h"

#include "llvm/ADT/SetVector.h"

namespace vitc {
#define GEN_PASS_DEF_PADHEADS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// A weight whose dimension `dimension` is made of groups of `columns`, each extended by one zero.
void padGroups(OpOperand &weight, int64_t dimension, int64_t columns) {
  RankedTensorType type = tensorType(weight.get());
  Operation *user = weight.getOwner();
  OpBuilder builder(user);
  SmallVector<int64_t> apart(type.getShape()), joined(type.getShape());
  int64_t groups = joined[dimension] / columns;
  joined[dimension] = groups * (columns + 1);
  apart[dimension] = columns;
  apart.insert(apart.begin() + dimension, groups);
  auto reshape = [&](Value value, ArrayRef<int64_t> shape) -> Value {
    return vit::ReshapeOp::create(builder, user->getLoc(), type.clone(shape), value);
  };
  Value grouped = reshape(weight.get(), apart);
  apart[dimension + 1] = columns + 1;
  Value padded = vit::PadOp::create(builder, user->getLoc(), type.clone(apart), grouped);
  weight.set(reshape(padded, joined));
}

void setWidth(Value value, int64_t width) {
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = width;
  value.setType(type.clone(shape));
}

class OddHeads {
public:
  explicit OddHeads(vit::AttentionOp attention)
      : attention(attention), columns(attention.getHeadDim()) {}

  /// Whether all that makes and reads these heads can be changed.
  bool collect() {
    ArrayRef<int64_t> offsets = attention.getOffsets();
    for (unsigned i = 0; i < 3; ++i) {
      Value operand = attention->getOperand(i);
      if (offsets[i] % columns || widthOf(operand) % columns)
        return false;
      if (!operands.insert(operand))
        continue;
      std::optional<Projection> projection = matchProjection(operand, attention);
      if (!projection || projection->rope)
        return false;
      projections.push_back(*projection);
    }
    if (widthOf(attention.getResult()) != int64_t(attention.getHeads()) * columns)
      return false;
    return llvm::all_of(attention->getUses(), [](OpOperand &use) {
      auto linear = dyn_cast<vit::LinearOp>(use.getOwner());
      return linear && &use == &linear.getInputMutable();
    });
  }

  void pad() {
    auto widened = [&](int64_t width) { return width / columns * (columns + 1); };
    for (Projection &projection : projections) {
      int64_t width = widened(widthOf(projection.linear.getResult()));
      padGroups(projection.linear.getWeightMutable(), 0, columns);
      setWidth(projection.linear.getResult(), width);
      if (!projection.bias)
        continue;
      padGroups(projection.bias.getBiasMutable(), 0, columns);
      setWidth(projection.bias.getResult(), width);
    }
    SmallVector<int64_t> offsets = llvm::map_to_vector(attention.getOffsets(), widened);
    attention.setOffsets(offsets);
    attention.setHeadDim(columns + 1);
    setWidth(attention.getResult(), widened(widthOf(attention.getResult())));
    for (Operation *user : attention->getUsers())
      padGroups(cast<vit::LinearOp>(user).getWeightMutable(), 1, columns);
  }

private:
  vit::AttentionOp attention;
  int64_t columns; // of a head
  llvm::SetVector<Value> operands;
  SmallVector<Projection> projections;
};

struct PadHeads : impl::PadHeadsBase<PadHeads> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<vit::AttentionOp> attentions(model.getOps<vit::AttentionOp>());
      for (vit::AttentionOp attention : attentions)
        if (attention.getHeadDim() % 2 != 0)
          if (OddHeads heads(attention); heads.collect())
            heads.pad();
    }
  }
};
} // namespace
} // namespace vitc
