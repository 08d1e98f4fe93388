//===- PadWidths.cpp - Zero columns where K is not a multiple of 8 --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Kernels copy 16 bytes, 8 values of 16 bits, at a time, so rows that a linear sums over must be
// multiples of 8 values. Columns of zeros on both sides of a product add nothing:
//
//   %h = vit.linear %x, %w1 : -> ?x100     =>   %h = vit.linear %x, (vit.pad %w1) : -> ?x104
//   %g = vit.gelu erf %h                        %g = vit.gelu erf %h
//   %y = vit.linear %g, %w2 : 64x100            %y = vit.linear %g, (vit.pad %w2) : 64x104
//
// Widening a value widens what it is made of, back to a patchify or a linear, and what elementwise
// ops make of it; every elementwise op keeps zero at zero if its vectors are padded with zeros.
// First the whole set is collected and checked, then changed.
//===----------------------------------------------------------------------===//

#include "passes/Model.h"
#include "passes/Passes.h"
#include "passes/cost/Mma.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

namespace vitc {
#define GEN_PASS_DEF_PADWIDTHS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// Of what linears sum over once precision is assigned: 16 bits.
constexpr int64_t granularity = cost::copyColumns(2);

/// Values that must have the same width because zero columns flow between them.
class WidthSet {
public:
  /// Collects everything that must be widened with `value`. False if something cannot be;
  /// `obstacle` is then what stands against it.
  bool collect(Value value) {
    values.insert(value);
    for (size_t i = 0; i < values.size() && obstacle.empty(); ++i) {
      collectProducer(values[i]);
      for (Operation *user : values[i].getUsers())
        collectUser(values[i], user);
    }
    return obstacle.empty();
  }
  void widen(int64_t width);

  std::string obstacle;

private:
  static bool keepsColumns(Operation *op) {
    return op->hasTrait<vit::Elementwise>() ||
           isa<vit::SelectOp, vit::PrependOp, vit::BroadcastOp>(op);
  }
  void collectProducer(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      obstacle = "it is an input of the model";
    else if (keepsColumns(op))
      llvm::for_each(op->getOperands(), [&](Value operand) {
        if (!isWeight(operand))
          values.insert(operand);
      });
    else if (!isa<vit::LinearOp, vit::PatchifyOp>(op))
      obstacle = describe(op) + " (" + op->getName().getStringRef().str() +
                 ") makes exactly these columns";
  }
  void collectUser(Value value, Operation *user) {
    if (keepsColumns(user))
      values.insert(user->getResult(0));
    else if (isa<func::ReturnOp>(user))
      obstacle = "it is an output of the model";
    else if (isa<vit::LayerNormOp>(user))
      obstacle = describe(user) + " (vit.layer_norm) takes the mean of exactly these columns";
    else if (!isa<vit::LinearOp, vit::AttentionOp>(user)) // attention reads at offsets
      obstacle = describe(user) + " (" + user->getName().getStringRef().str() + ") reads them";
    static_cast<void>(value);
  }

  llvm::SetVector<Value> values;
};

/// `weight` with zeros up to `size` in dimension `dimension`, in front of `user`.
void padOperand(Operation *user, unsigned operand, int64_t dimension, int64_t size) {
  auto type = cast<RankedTensorType>(user->getOperand(operand).getType());
  SmallVector<int64_t> shape(type.getShape());
  if (shape[dimension] == size)
    return;
  shape[dimension] = size;
  OpBuilder builder(user);
  user->setOperand(operand, vit::PadOp::create(builder, user->getLoc(), type.clone(shape),
                                               user->getOperand(operand)));
}

void WidthSet::widen(int64_t width) {
  for (Value value : values) {
    auto type = tensorType(value);
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = width;
    value.setType(type.clone(shape));
    Operation *op = value.getDefiningOp();
    if (isa<vit::LinearOp>(op))
      padOperand(op, 1, 0, width);
    else if (keepsColumns(op))
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        if (isWeight(op->getOperand(i)))
          padOperand(op, i, tensorType(op->getOperand(i)).getRank() - 1, width);
    for (Operation *user : value.getUsers())
      if (isa<vit::LinearOp>(user))
        padOperand(user, 1, 1, width);
  }
}

struct PadWidths : impl::PadWidthsBase<PadWidths> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : modelFunctions(getOperation())) {
      SmallVector<vit::LinearOp> linears(model.getOps<vit::LinearOp>());
      for (vit::LinearOp linear : linears)
        if (failed(pad(linear)))
          return signalPassFailure();
    }
  }

  static LogicalResult pad(vit::LinearOp linear) {
    int64_t width = widthOf(linear.getInput());
    if (width % granularity == 0)
      return success();
    WidthSet set;
    if (!set.collect(linear.getInput()))
      return emitError(linear.getLoc())
             << describe(linear) << " sums over " << width
             << " columns; GPU kernels need a multiple of " << granularity
             << ", and zeros cannot be added here because " << set.obstacle;
    set.widen(llvm::alignTo(width, granularity));
    return success();
  }
};
} // namespace
} // namespace vitc
