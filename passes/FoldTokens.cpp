//===- FoldTokens.cpp - Class token, patch bias and position as one table -===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Between the patch projection and the first block, three things only add constants, and the
// prepended tokens move every row by n. If patchify leaves n rows of zeros in front, the linear
// keeps them zero:
//
//   %x = vit.patchify %image                 %x = vit.patchify %image lead n
//   %y = vit.linear %x, %w                   %y = vit.linear %x, %w
//   %z = vit.bias_add %y, %b           =>    %t = vit.concat (%cls + %p[0:n]), (%p[n:] + %b)
//   %t = vit.prepend %cls, %z                %r = vit.position %y, %t
//   %r = vit.position %t, %p
//
// Positions may be added before tokens are prepended, or there may be none. The n extra rows of the
// linear cost less than moving all the others.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"
#include "passes/Zeros.h"

namespace vitc {
#define GEN_PASS_DEF_FOLDTOKENS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// From pixels to tokens: what is replaced, from the last op to the first.
struct Embedding {
  vit::PrependOp prepend;
  vit::PositionOp after, before; ///< of all tokens, of the patches; at most one, maybe none
  vit::BiasAddOp bias;           ///< null if there is none
  vit::LinearOp linear;
  vit::PatchifyOp patchify;

  Operation *last() { return after ? after.getOperation() : prepend.getOperation(); }
  vit::PositionOp position() { return after ? after : before; }
};

template <typename Op> Op singleUseProducer(Value value) {
  auto op = value.getDefiningOp<Op>();
  return op && op->hasOneUse() ? op : Op();
}

std::optional<Embedding> matchEmbedding(vit::PrependOp prepend) {
  Embedding e;
  e.prepend = prepend;
  if (prepend->hasOneUse())
    e.after = dyn_cast<vit::PositionOp>(*prepend->user_begin());
  Value rows = prepend.getInput();
  if (!e.after && (e.before = singleUseProducer<vit::PositionOp>(rows)))
    rows = e.before.getInput();
  if ((e.bias = singleUseProducer<vit::BiasAddOp>(rows)))
    rows = e.bias.getInput();
  if ((e.linear = singleUseProducer<vit::LinearOp>(rows)))
    e.patchify = singleUseProducer<vit::PatchifyOp>(e.linear.getInput());
  // Tables are added up in one type; other leading rows would be tokens already.
  Type element = prepend.getTokens().getType().getElementType();
  if (!e.patchify || e.patchify.getLead() != 0 ||
      (e.position() && e.position().getTable().getType().getElementType() != element) ||
      (e.bias && e.bias.getBias().getType().getElementType() != element))
    return std::nullopt;
  return e;
}

/// Rows of a table from `first` on; those of one part of a concatenation are that part.
Value rowsOf(OpBuilder &builder, Location loc, Value table, RankedTensorType type, int64_t first) {
  if (auto parts = table.getDefiningOp<vit::ConcatOp>()) {
    int64_t begin = 0;
    for (Value part : parts.getOperands()) {
      if (begin == first && part.getType() == type)
        return part;
      begin += cast<RankedTensorType>(part.getType()).getDimSize(0);
    }
  }
  return vit::SliceOp::create(builder, loc, type, table, first);
}

/// What is added to the rows of the linear: tokens in front, then positions and bias.
Value tableOf(OpBuilder &builder, Location loc, Embedding e) {
  auto tokens = e.prepend.getTokens().getType();
  int64_t lead = tokens.getDimSize(0), width = tokens.getDimSize(1);
  int64_t patchCount = e.linear.getType().getDimSize(1);
  RankedTensorType patches = tokens.clone({patchCount, width});
  Value head = e.prepend.getTokens(), tail;
  if (e.after) {
    Value first = rowsOf(builder, loc, e.after.getTable(), tokens, 0);
    head = vit::AddOp::create(builder, loc, tokens, head, first);
    tail = rowsOf(builder, loc, e.after.getTable(), patches, lead);
  } else if (e.before) {
    tail = e.before.getTable();
  } else {
    tail = zeroWeight(builder, loc, e.prepend.getTokens(), patches);
  }
  if (e.bias)
    tail = vit::BiasAddOp::create(builder, loc, patches, tail, e.bias.getBias());
  return vit::ConcatOp::create(builder, loc, tokens.clone({lead + patchCount, width}),
                               ValueRange{head, tail});
}

void fold(Embedding e) {
  Operation *last = e.last();
  OpBuilder builder(last);
  Location loc = last->getLoc();
  Value table = tableOf(builder, loc, e);
  int64_t lead = e.prepend.getTokens().getType().getDimSize(0);
  auto withLead = [&](RankedTensorType type) {
    return type.clone({ShapedType::kDynamic, type.getDimSize(1) + lead, type.getDimSize(2)});
  };
  Value rows = vit::PatchifyOp::create(builder, e.patchify.getLoc(), withLead(e.patchify.getType()),
                                       e.patchify.getInput(), e.patchify.getOrder(),
                                       e.patchify.getPatch(), lead);
  Value product = vit::LinearOp::create(builder, e.linear.getLoc(), withLead(e.linear.getType()),
                                        rows, e.linear.getWeight());
  Value result =
      vit::PositionOp::create(builder, loc, last->getResult(0).getType(), product, table);
  last->getResult(0).replaceAllUsesWith(result);
  for (Operation *op : {e.after.getOperation(), e.prepend.getOperation(), e.before.getOperation(),
                        e.bias.getOperation(), e.linear.getOperation(), e.patchify.getOperation()})
    if (op)
      op->erase();
}

struct FoldTokens : impl::FoldTokensBase<FoldTokens> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<vit::PrependOp> prepends(model.getOps<vit::PrependOp>());
      for (vit::PrependOp prepend : prepends)
        if (auto embedding = matchEmbedding(prepend))
          fold(*embedding);
    }
  }
};
} // namespace
} // namespace vitc
