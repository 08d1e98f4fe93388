//===- FoldNorm.cpp - Norms behind the products that read them ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A norm between two products is a launch that does nothing but read and write a row. Behind the
// second product it is a factor and a summand of each result, and what it must know of the row the
// first product can say when it has it:
//
//   %x = vit.add %p, %r                            =>   %x = vit.add %p, %r
//   %n = vit.layer_norm %x, %scale, %shift              %m = vit.moments %x group 32
//   %y = vit.linear %n, %w                              %a = vit.linear %x, (%w columns %scale)
//   %z = vit.bias_add %y, %b                            %y = vit.normalize %a, %m, (sums of rows)
//                                                       %z = vit.bias_add %y, (%b + %w * %shift)
//
// The sums are those of the weights as they are stored, after rounding: then the mean is subtracted
// of the very product that was made, and the error does not grow with mean / deviation.
//
// What stays a norm: one that something else reads too, of groups or padded columns, and of values
// that no product makes, for which moments would cost the launch that is saved.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

namespace vitc {
#define GEN_PASS_DEF_FOLDNORM
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// Columns that one pair of moments is of. A warp of a product has whole groups, so few columns
/// leave the choice of tiles; many, fewer pairs to read.
constexpr int64_t group = 32;

/// Whether elementwise ops alone stand between `value` and a linear, and nothing else reads what is
/// between: a product's epilogue has the value.
bool comesFromProduct(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isWeight(value))
    return false;
  if (isa<vit::LinearOp>(op))
    return true;
  return isa<vit::ElementwiseInterface>(op) && llvm::any_of(op->getOperands(), [](Value operand) {
           return operand.hasOneUse() && comesFromProduct(operand);
         });
}

/// Products of what a norm makes.
class Folding {
public:
  explicit Folding(vit::NormInterface norm) : norm(norm), builder(norm) {}

  bool isPossible() {
    int64_t width = widthOf(norm.getInput());
    if (norm.getGroups() != 1 || width % group != 0 ||
        (norm.getColumns() != 0 && static_cast<int64_t>(norm.getColumns()) != width) ||
        !comesFromProduct(norm.getInput()))
      return false;
    return llvm::all_of(norm->getUses(), [](OpOperand &use) {
      auto select = dyn_cast<vit::SelectOp>(use.getOwner());
      return select ? llvm::all_of(select->getUses(), isInputOfLinear) : isInputOfLinear(use);
    });
  }

  void fold() {
    RankedTensorType type = tensorType(norm.getInput()), normal = tensorType(norm->getResult(0));
    input = norm.getInput();
    if (type.getElementType() != normal.getElementType())
      input = vit::CastOp::create(builder, norm.getLoc(), normal, input);
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = 2 * shape.back() / group;
    moments = vit::MomentsOp::create(builder, norm.getLoc(),
                                     RankedTensorType::get(shape, builder.getF32Type()),
                                     norm.getInput(), group);
    for (Operation *user : llvm::make_early_inc_range(norm->getUsers()))
      if (auto select = dyn_cast<vit::SelectOp>(user))
        foldBehind(select);
      else
        foldInto(cast<vit::LinearOp>(user), input, moments);
    norm->erase();
  }

private:
  static bool isInputOfLinear(OpOperand &use) {
    auto linear = dyn_cast<vit::LinearOp>(use.getOwner());
    return linear && &use == &linear.getInputMutable();
  }

  /// Of one token the moments are selected, too.
  void foldBehind(vit::SelectOp select) {
    builder.setInsertionPoint(select);
    auto tokenOf = [&](Value value) -> Value {
      RankedTensorType type = tensorType(value);
      return vit::SelectOp::create(builder, select.getLoc(),
                                   type.clone({type.getDimSize(0), type.getDimSize(2)}), value,
                                   select.getToken());
    };
    Value row = tokenOf(input), its = tokenOf(moments);
    for (Operation *user : llvm::make_early_inc_range(select->getUsers()))
      foldInto(cast<vit::LinearOp>(user), row, its);
    select.erase();
  }

  /// Weights are rounded where they are read; arithmetic on them comes before.
  static Value unrounded(Value weight) {
    auto cast = weight.getDefiningOp<vit::CastOp>();
    return cast ? Value(cast.getInput()) : weight;
  }
  Value timesColumns(Value weight, Value columns) {
    return vit::ScaleOp::create(builder, norm.getLoc(), weight.getType(), weight, columns,
                                /*rows=*/Value(), APFloat(1.0));
  }
  Value rowSums(Value weight) {
    auto type = RankedTensorType::get({tensorType(weight).getDimSize(0)}, builder.getF32Type());
    return vit::RowSumsOp::create(builder, norm.getLoc(), type, weight);
  }

  void foldInto(vit::LinearOp linear, Value input, Value moments) {
    builder.setInsertionPoint(linear);
    Value exact = unrounded(linear.getWeight()), stored = linear.getWeight();
    if (norm.getScale()) {
      Value scaled = timesColumns(exact, norm.getScale());
      stored = stored == exact ? scaled
                               : vit::CastOp::create(builder, norm.getLoc(),
                                                     linear.getWeight().getType(), scaled);
    }
    Value sums = norm.subtractsMean() ? rowSums(stored) : Value();
    Value shift = norm.getShift() ? rowSums(timesColumns(exact, norm.getShift())) : Value();

    RankedTensorType type = linear.getType();
    auto product = vit::LinearOp::create(builder, linear.getLoc(), type.clone(builder.getF32Type()),
                                         input, stored);
    Value result = vit::NormalizeOp::create(builder, norm.getLoc(), type, product, moments, sums,
                                            group, norm.getEps());
    if (shift)
      result = addShift(linear, result, shift);
    linear.getResult().replaceAllUsesWith(result);
    linear.erase();
  }

  /// To the bias that follows, if one does.
  Value addShift(vit::LinearOp linear, Value result, Value shift) {
    Location loc = norm.getLoc();
    if (linear->hasOneUse())
      if (auto bias = dyn_cast<vit::BiasAddOp>(*linear->user_begin());
          bias && bias.getInput() == linear.getResult() && isWeight(bias.getBias())) {
        builder.setInsertionPoint(bias);
        Value sum = vit::AddOp::create(builder, loc, shift.getType(), bias.getBias(), shift);
        bias.getBiasMutable().set(sum);
        return result;
      }
    return vit::BiasAddOp::create(builder, linear.getLoc(), result.getType(), result, shift);
  }

  vit::NormInterface norm;
  OpBuilder builder;
  Value input, moments;
};

struct FoldNorm : impl::FoldNormBase<FoldNorm> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<vit::NormInterface> norms(model.getOps<vit::NormInterface>());
      for (vit::NormInterface norm : norms)
        if (Folding folding(norm); folding.isPossible())
          folding.fold();
      eraseDeadOps(model); // weights that only unfolded products read
    }
  }
};
} // namespace
} // namespace vitc
