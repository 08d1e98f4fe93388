//===- VitTokens.cpp - Which tokens are computed from which -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What ops that are not row-wise answer to TokenInterface, and the answers that all others share.
//
//===----------------------------------------------------------------------===//

#include "dialect/VitOps.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;

void vit::needSameTokens(const llvm::BitVector &tokens, MutableArrayRef<llvm::BitVector> operands) {
  for (llvm::BitVector &operand : operands)
    if (operand.size() == tokens.size())
      operand |= tokens;
    else if (tokens.any()) // a vector
      operand.set();
}

/// Token `token` of an activation.
static Value selectToken(OpBuilder &builder, Location loc, Value value, int64_t token) {
  auto type = cast<RankedTensorType>(value.getType());
  return SelectOp::create(builder, loc, collapseToRows(type), value, token);
}

Value vit::computeOnToken(OpBuilder &builder, Operation *op, int64_t token, unsigned count) {
  llvm::SmallDenseMap<Value, Value> selected; // an operand that is there twice is selected once
  SmallVector<Value> operands(op->getOperands());
  for (Value &operand : MutableArrayRef(operands).take_front(count))
    if (isBatchTensor(operand.getType())) {
      Value &one = selected[operand];
      operand = one = one ? one : selectToken(builder, op->getLoc(), operand, token);
    }
  Operation *clone = builder.clone(*op);
  clone->setOperands(operands);
  Value result = clone->getResult(0);
  result.setType(collapseToRows(cast<RankedTensorType>(result.getType())));
  return result;
}

/// A token of a table, for every image.
static Value broadcastToken(OpBuilder &builder, Location loc, TypedValue<RankedTensorType> table,
                            int64_t token, Type result) {
  auto type = table.getType();
  Value row = table;
  if (type.getDimSize(0) != 1)
    row = SliceOp::create(builder, loc, type.clone({1, type.getDimSize(1)}), table, token);
  return BroadcastOp::create(builder, loc, result, row);
}

void PatchifyOp::needTokens(const llvm::BitVector &tokens,
                            MutableArrayRef<llvm::BitVector> operands) {
  if (tokens.find_last() >= static_cast<int64_t>(getLead()))
    operands[0].set();
}
Value PatchifyOp::computeToken(OpBuilder &, int64_t) { return {}; }

void PrependOp::needTokens(const llvm::BitVector &tokens,
                           MutableArrayRef<llvm::BitVector> operands) {
  int64_t lead = getTokens().getType().getDimSize(0);
  for (unsigned token : tokens.set_bits())
    token < lead ? operands[0].set() : operands[1].set(token - lead);
}
Value PrependOp::computeToken(OpBuilder &builder, int64_t token) {
  int64_t lead = getTokens().getType().getDimSize(0);
  RankedTensorType type = collapseToRows(getType());
  if (token < lead)
    return broadcastToken(builder, getLoc(), getTokens(), token, type);
  Value row = selectToken(builder, getLoc(), getInput(), token - lead);
  return row.getType() == type ? row : CastOp::create(builder, getLoc(), type, row);
}

void AppendOp::needTokens(const llvm::BitVector &tokens,
                          MutableArrayRef<llvm::BitVector> operands) {
  int64_t before = getInput().getType().getDimSize(1);
  for (unsigned token : tokens.set_bits())
    token < before ? operands[0].set(token) : operands[1].set();
}
Value AppendOp::computeToken(OpBuilder &builder, int64_t token) {
  int64_t before = getInput().getType().getDimSize(1);
  RankedTensorType type = collapseToRows(getType());
  if (token >= before)
    return broadcastToken(builder, getLoc(), getTokens(), token - before, type);
  Value row = selectToken(builder, getLoc(), getInput(), token);
  return row.getType() == type ? row : CastOp::create(builder, getLoc(), type, row);
}

void BroadcastOp::needTokens(const llvm::BitVector &tokens,
                             MutableArrayRef<llvm::BitVector> operands) {
  if (tokens.any())
    operands[0].set();
}
Value BroadcastOp::computeToken(OpBuilder &builder, int64_t token) {
  return broadcastToken(builder, getLoc(), getTokens(), token, collapseToRows(getType()));
}

void PositionOp::needTokens(const llvm::BitVector &tokens,
                            MutableArrayRef<llvm::BitVector> operands) {
  needSameTokens(tokens, operands);
}
Value PositionOp::computeToken(OpBuilder &builder, int64_t token) {
  auto table = getTable().getType();
  Value row = SliceOp::create(builder, getLoc(), table.clone(table.getShape().drop_front()),
                              getTable(), token);
  return BiasAddOp::create(builder, getLoc(), collapseToRows(getType()),
                           selectToken(builder, getLoc(), getInput(), token), row);
}

void SelectOp::needTokens(const llvm::BitVector &tokens,
                          MutableArrayRef<llvm::BitVector> operands) {
  if (tokens.any())
    operands[0].set(getToken());
}
/// There are no tokens to choose from.
Value SelectOp::computeToken(OpBuilder &, int64_t) { return {}; }

void SliceTokensOp::needTokens(const llvm::BitVector &tokens,
                               MutableArrayRef<llvm::BitVector> operands) {
  int64_t first = getFirst();
  if (getType().getRank() == 4 && tokens.any()) // shown as a grid
    operands[0].set(first, first + rowsPerImage(getType()));
  else if (getType().getRank() == 3)
    for (unsigned token : tokens.set_bits())
      operands[0].set(first + token);
}
Value SliceTokensOp::computeToken(OpBuilder &builder, int64_t token) {
  if (getType().getRank() != 3)
    return {};
  Value row = selectToken(builder, getLoc(), getInput(), getFirst() + token);
  RankedTensorType type = collapseToRows(getType());
  return row.getType() == type ? row : CastOp::create(builder, getLoc(), type, row);
}

void MeanTokensOp::needTokens(const llvm::BitVector &tokens,
                              MutableArrayRef<llvm::BitVector> operands) {
  if (tokens.any())
    operands[0].set(getFirst(), operands[0].size());
}
/// There are no tokens to choose from.
Value MeanTokensOp::computeToken(OpBuilder &, int64_t) { return {}; }

void MergePatchesOp::needTokens(const llvm::BitVector &tokens,
                                MutableArrayRef<llvm::BitVector> operands) {
  int64_t across = getGrid()[1];
  for (int64_t token : tokens.set_bits())
    for (int64_t corner : {int64_t(0), int64_t(1), across, across + 1})
      operands[0].set(token / (across / 2) * 2 * across + token % (across / 2) * 2 + corner);
}
Value MergePatchesOp::computeToken(OpBuilder &, int64_t) { return {}; }

void RopeOp::needTokens(const llvm::BitVector &tokens, MutableArrayRef<llvm::BitVector> operands) {
  operands[0] |= tokens;
  if (tokens.any())
    operands[1].set();
}
Value RopeOp::computeToken(OpBuilder &builder, int64_t token) {
  auto table = getTable().getType();
  Value row = table.getDimSize(0) == 1
                  ? Value(getTable())
                  : SliceOp::create(builder, getLoc(), table.clone({1, table.getDimSize(1)}),
                                    getTable(), token);
  return RopeOp::create(builder, getLoc(), collapseToRows(getType()),
                        selectToken(builder, getLoc(), getInput(), token), row, getColumns());
}

void AttentionOp::needTokens(const llvm::BitVector &tokens,
                             MutableArrayRef<llvm::BitVector> operands) {
  needSameTokens(tokens, operands.take_front(mixesImages() ? 3 : 1));
  if (!mixesImages() && tokens.any())
    for (llvm::BitVector &operand : operands.drop_front())
      operand.set();
}
/// Null for windows: the keys of one token would have to be gathered.
Value AttentionOp::computeToken(OpBuilder &builder, int64_t token) {
  if (getWindows())
    return {};
  Value result = computeOnToken(builder, *this, token, mixesImages() ? 3 : 1);
  if (auto bias = getBias(); bias && cast<RankedTensorType>(bias.getType()).getDimSize(0) != 1) {
    auto type = cast<RankedTensorType>(bias.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = 1;
    auto one = result.getDefiningOp<AttentionOp>();
    OpBuilder before(one);
    one.getBiasMutable().assign(
        SliceOp::create(before, getLoc(), type.clone(shape), bias, token).getResult());
  }
  return result;
}
