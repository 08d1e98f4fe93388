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
// The n extra rows of the linear cost less than moving all the others.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

namespace vitc {
#define GEN_PASS_DEF_FOLDTOKENS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
struct Embedding {
  vit::PositionOp position;
  vit::PrependOp prepend;
  vit::BiasAddOp bias; ///< null if there is none
  vit::LinearOp linear;
  vit::PatchifyOp patchify;
};

template <typename Op> Op singleUseProducer(Value value) {
  auto op = value.getDefiningOp<Op>();
  return op && op->hasOneUse() ? op : Op();
}

std::optional<Embedding> matchEmbedding(vit::PositionOp position) {
  Embedding e{position, singleUseProducer<vit::PrependOp>(position.getInput()), {}, {}, {}};
  if (!e.prepend)
    return std::nullopt;
  Value rows = e.prepend.getInput();
  if ((e.bias = singleUseProducer<vit::BiasAddOp>(rows)))
    rows = e.bias.getInput();
  if ((e.linear = singleUseProducer<vit::LinearOp>(rows)))
    e.patchify = singleUseProducer<vit::PatchifyOp>(e.linear.getInput());
  // Tables are added up in one type; other leading rows would be tokens already.
  Type element = e.position.getTable().getType().getElementType();
  if (!e.patchify || e.patchify.getLead() != 0 ||
      e.prepend.getTokens().getType().getElementType() != element)
    return std::nullopt;
  return e;
}

void fold(Embedding e) {
  OpBuilder builder(e.position);
  auto tokens = e.prepend.getTokens().getType();
  auto table = e.position.getTable().getType();
  int64_t lead = tokens.getDimSize(0), width = tokens.getDimSize(1);
  auto patches = table.clone({table.getDimSize(0) - lead, width});

  Location loc = e.position.getLoc();
  Value head = vit::SliceOp::create(builder, loc, tokens, e.position.getTable(), 0);
  head = vit::AddOp::create(builder, loc, tokens, e.prepend.getTokens(), head);
  Value tail = vit::SliceOp::create(builder, loc, patches, e.position.getTable(), lead);
  if (e.bias)
    tail = vit::BiasAddOp::create(builder, loc, patches, tail, e.bias.getBias());
  Value sum = vit::ConcatOp::create(builder, loc, table, ValueRange{head, tail});

  auto withLead = [&](RankedTensorType type) {
    return type.clone({ShapedType::kDynamic, type.getDimSize(1) + lead, type.getDimSize(2)});
  };
  Value rows = vit::PatchifyOp::create(builder, e.patchify.getLoc(), withLead(e.patchify.getType()),
                                       e.patchify.getInput(), e.patchify.getOrder(),
                                       e.patchify.getPatch(), lead);
  Value product = vit::LinearOp::create(builder, e.linear.getLoc(), withLead(e.linear.getType()),
                                        rows, e.linear.getWeight());
  Value result = vit::PositionOp::create(builder, loc, e.position.getType(), product, sum);
  e.position.getResult().replaceAllUsesWith(result);
  for (Operation *op : {e.position.getOperation(), e.prepend.getOperation(),
                        e.bias ? e.bias.getOperation() : nullptr, e.linear.getOperation(),
                        e.patchify.getOperation()})
    if (op)
      op->erase();
}

struct FoldTokens : impl::FoldTokensBase<FoldTokens> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<vit::PositionOp> positions(model.getOps<vit::PositionOp>());
      for (vit::PositionOp position : positions)
        if (auto embedding = matchEmbedding(position))
          fold(*embedding);
    }
  }
};
} // namespace
} // namespace vitc
