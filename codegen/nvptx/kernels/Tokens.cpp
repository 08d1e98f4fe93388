//===- Tokens.cpp - Prepend, broadcast, select ----------------------------===//
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
  int64_t tokens = vit::rowsPerImage(type);
  cost::VectorGeometry geometry = tokensGeometry(k);

  overVectors(k, type, geometry, [&](Value row, Value column, Value) {
    Value image = k.divU(row, tokens);
    TokenPlace place{row, image, k.sub(row, k.mul(image, tokens)), column};
    Region region(k);
    Known known;
    known[root] = source(region, place, geometry.vector);
    Place target{row, column, 0, place.token};
    region.store(target, region.results(target, geometry.vector, known));
  });
  return k.finish(geometry);
}

LogicalResult emitPrepend(KernelBuilder &k) {
  auto op = k.rootAs<vit::PrependOp>();
  int64_t prepended = k.typeOf(op.getTokens()).getDimSize(0);
  int64_t tokens = vit::rowsPerImage(k.typeOf(op.getInput()));
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    Known tokenRow, inputRow;
    return k.ifElse(
        k.less(place.token, prepended), SmallVector<Type>(vector, k.f32),
        [&] {
          Place at{place.row, place.column, 0, place.token};
          return region.evaluate(op.getTokens(), at, vector, tokenRow);
        },
        [&] {
          Value token = k.sub(place.token, k.imm(prepended));
          Place at{k.add(k.mul(place.image, tokens), token), place.column, 0, token};
          return region.evaluate(op.getInput(), at, vector, inputRow);
        });
  });
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
  auto op = k.rootAs<vit::SelectOp>();
  int64_t tokens = vit::rowsPerImage(k.typeOf(op.getInput()));
  // The operand may be computed, at its own place.
  return emitTokens(k, [&](Region &region, const TokenPlace &place, unsigned vector) {
    Value row = k.add(k.mul(place.image, tokens), k.imm(op.getToken()));
    Known known;
    return region.evaluate(op.getInput(), {row, place.column, 0, k.imm(op.getToken())}, vector,
                           known);
  });
}

} // namespace vitc::codegen
