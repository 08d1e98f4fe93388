//===- Tokens.cpp - Kernels that put tokens where they belong -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Copies, so memory decides: a thread takes as many neighbouring columns as one or two accesses of
// 16 bytes hold, and neighbouring threads take neighbouring vectors of the result.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Tokens.h"

#include "codegen/nvptx/kernels/Families.h"
#include "passes/cost/families/Vectors.h"

using namespace mlir;

namespace vitc::codegen {

using Values = PtxBuilder::Values;

static cost::VectorGeometry tokensGeometry(KernelBuilder &k) {
  return cost::vectorGeometry(k.work, std::get<cost::TokensSchedule>(k.schedule.numbers));
}

LogicalResult
emitTokens(KernelBuilder &k,
           function_ref<Values(Region &, const TokenPlace &, unsigned vector)> source) {
  Value root = k.root()->getResult(0);
  RankedTensorType type = k.typeOf(root);
  cost::VectorGeometry geometry = tokensGeometry(k);

  overVectors(k, type, geometry, [&](Value row, Value column, Value) {
    Value tokens = k.tokensOf(type), image = k.divU(row, tokens);
    TokenPlace place{row, image, k.sub(row, k.mul(image, tokens)), column};
    Region region(k);
    Known known;
    known[root] = source(region, place, geometry.vector);
    Place target{row, column, 0, place.token};
    region.store(target, region.results(target, geometry.vector, known));
  });
  return k.finish(geometry);
}

/// The tokens of `first`, then those of `second`, of every image.
static LogicalResult emitJoin(KernelBuilder &k, Value first, Value second) {
  auto tokensOf = [&](Value value) {
    RankedTensorType type = k.typeOf(value);
    return k.tokens(vit::isBatchTensor(type) ? vit::rowsPerImage(type) : type.getDimSize(0));
  };
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    // A table has the rows of one image.
    auto read = [&](Value value, Value token) {
      Known known;
      Value row = k.add(k.mul(place.image, tokensOf(value)), token);
      return region.evaluate(value, {row, place.column, 0, token}, vector, known);
    };
    return k.ifElse(
        k.less(place.token, tokensOf(first)), SmallVector<Type>(vector, k.f32),
        [&] { return read(first, place.token); },
        [&] { return read(second, k.sub(place.token, tokensOf(first))); });
  });
}

LogicalResult emitPrepend(KernelBuilder &k) {
  auto op = k.rootAs<vit::PrependOp>();
  return emitJoin(k, op.getTokens(), op.getInput());
}

LogicalResult emitAppend(KernelBuilder &k) {
  auto op = k.rootAs<vit::AppendOp>();
  return emitJoin(k, op.getInput(), op.getTokens());
}

LogicalResult emitBroadcast(KernelBuilder &k) {
  auto op = k.rootAs<vit::BroadcastOp>();
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    Known known;
    return region.evaluate(op.getTokens(), {place.row, place.column, 0, place.token}, vector,
                           known);
  });
}

LogicalResult emitSelect(KernelBuilder &k) {
  Value input = k.root()->getOperand(0);
  auto select = dyn_cast<vit::SelectOp>(k.root());
  int64_t first = select ? select.getToken() : k.rootAs<vit::SliceTokensOp>().getFirst();
  // The operand may be computed, at its own place.
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    Value token = k.add(place.token, k.tokens(first));
    Known known;
    return region.evaluate(
        input,
        {k.add(k.mul(place.image, k.tokensOf(k.typeOf(input))), token), place.column, 0, token},
        vector, known);
  });
}

LogicalResult emitMerge(KernelBuilder &k) {
  auto op = k.rootAs<vit::MergePatchesOp>();
  int64_t across = op.getGrid()[1], tokens = op.getGrid()[0] * across;
  int64_t width = k.widthOf(op.getInput());
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    Value row = k.divU(place.token, across / 2);
    Value column = k.sub(place.token, k.mul(row, across / 2));
    // The four go down first, then right.
    Value corner = k.divU(place.column, width);
    Value down = k.bitAnd(corner, 1), right = k.shr(corner, 1);
    Value token = k.add(k.mul(k.add(k.mul(row, 2), down), across), k.add(k.mul(column, 2), right));
    Known known;
    return region.evaluate(op.getInput(),
                           {k.add(k.mul(place.image, tokens), token),
                            k.sub(place.column, k.mul(corner, width)), 0, token},
                           vector, known);
  });
}

} // namespace vitc::codegen
