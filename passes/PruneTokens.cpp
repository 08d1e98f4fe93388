//===- PruneTokens.cpp - Drop tokens that no output depends on ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The classifier of most models reads one token. Whatever makes a value token by token need only
// make that one, so the select moves up, from the output towards the input:
//
//   %y = vit.linear %x, %w           =>   %r = vit.select %x token 0
//   %r = vit.select %y token 0            %y = vit.linear %r, %w
//
// It stops where a value has another use (nothing is computed twice) and where rows mix: attention
// over tokens needs all keys and values, but only the selected query. A walk from the last op to
// the first sees every user of a value before the value itself, so one walk is enough.
//
// Where query, key and value are columns of one linear, that linear is cut first; otherwise all its
// columns would be needed for all tokens. vit-merge-qkv joins key and value again.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

namespace vitc {
#define GEN_PASS_DEF_PRUNETOKENS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// The token that all users of `value` select, if they do nothing else.
std::optional<int64_t> onlySelectedToken(Value value) {
  std::optional<int64_t> token;
  for (Operation *user : value.getUsers()) {
    auto select = dyn_cast<vit::SelectOp>(user);
    if (!select || (token && *token != static_cast<int64_t>(select.getToken())))
      return std::nullopt;
    token = select.getToken();
  }
  return token;
}

/// `rows` rows of a linear's weight or bias from row `first`.
Value sliceRows(OpBuilder &builder, Location loc, Value weight, int64_t first, int64_t rows) {
  auto type = tensorType(weight);
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = rows;
  return vit::SliceOp::create(builder, loc, type.clone(shape), weight, first);
}

/// Cuts the one linear (and its bias) behind an attention's operands into three.
void unpack(vit::AttentionOp attention) {
  Value packed = attention.getQuery();
  if (packed != attention.getKey() && packed != attention.getValue())
    return;
  auto bias = packed.getDefiningOp<vit::BiasAddOp>();
  auto linear = (bias ? bias.getInput() : packed).getDefiningOp<vit::LinearOp>();
  if (!linear || (bias && !linear->hasOneUse()) ||
      llvm::any_of(packed.getUsers(), [&](Operation *user) { return user != attention; }))
    return;
  OpBuilder builder(attention);
  Location loc = linear.getLoc();
  Type stored = tensorType(packed).getElementType();
  int64_t columns = attention.getHeads() * attention.getHeadDim();
  SmallVector<int64_t> offsets(attention.getOffsets());
  for (unsigned i = 0; i < 3; ++i) {
    if (attention->getOperand(i) != packed)
      continue;
    SmallVector<int64_t> shape(linear.getType().getShape());
    shape.back() = columns;
    auto type = linear.getType().clone(shape);
    Value part =
        vit::LinearOp::create(builder, loc, type, linear.getInput(),
                              sliceRows(builder, loc, linear.getWeight(), offsets[i], columns));
    if (bias)
      part = vit::BiasAddOp::create(builder, bias.getLoc(), type.clone(stored), part,
                                    sliceRows(builder, loc, bias.getBias(), offsets[i], columns));
    attention->setOperand(i, part);
    offsets[i] = 0;
  }
  attention.setOffsets(offsets);
}

struct PruneTokens : impl::PruneTokensBase<PruneTokens> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      warnOfIndependence(model);
      prune(model);
    }
  }

  static void warnOfIndependence(func::FuncOp model) {
    std::vector<std::vector<unsigned>> dependence = outputDependence(model);
    for (unsigned output = 0; output < dependence.size(); ++output)
      for (unsigned input = 0; input < model.getNumArguments(); ++input)
        if (!llvm::is_contained(dependence[output], input))
          emitWarning(model.getLoc()) << "output '" << outputName(model, output)
                                      << "' does not depend on '" << inputName(model, input) << "'";
  }

  static void prune(func::FuncOp model) {
    eraseDeadOps(model); // an unused op is no other use
    Block &body = model.getBody().front();
    // Ops made on the way stand before the op they come from; those that matter are visited through
    // the reverse iterator, because it is advanced only after an op has been dealt with.
    for (Operation *op = &body.back(); op;) {
      std::optional<int64_t> token;
      if (op->getNumResults() == 1 && !op->use_empty())
        token = onlySelectedToken(op->getResult(0));
      if (token) {
        if (auto attention = dyn_cast<vit::AttentionOp>(op); attention && !attention.mixesImages())
          unpack(attention);
        OpBuilder builder(op);
        auto tokens = dyn_cast<vit::TokenInterface>(op);
        if (Value one = tokens ? tokens.computeToken(builder, *token) : Value())
          replaceSelects(op, one);
      }
      Operation *previous = op->getPrevNode();
      if (isOpTriviallyDead(op) && !isa<vit::WeightOp>(op))
        op->erase();
      op = previous;
    }
    eraseDeadOps(model); // weights, whose names stay known
  }

  /// All users of `op` are selects of the token `one`. A select may store in a type of its own.
  static void replaceSelects(Operation *op, Value one) {
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfterValue(one);
    for (Operation *select : llvm::make_early_inc_range(op->getUsers())) {
      Value result = select->getResult(0), token = one;
      if (token.getType() != result.getType())
        token = vit::CastOp::create(builder, select->getLoc(), result.getType(), token);
      result.replaceAllUsesWith(token);
      select->erase();
    }
  }
};
} // namespace
} // namespace vitc
