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

#include <algorithm>

using namespace mlir;

namespace vitc {

using Values = PtxBuilder::Values;

LogicalResult emitTokens(KernelBuilder &k, unsigned vector,
                         function_ref<Values(Region &, const TokenPlace &)> source) {
  vit::ScheduleAttr schedule = k.schedule(1, 1);
  if (!schedule)
    return failure();
  Value root = k.root()->getResult(0);
  RankedTensorType type = k.typeOf(root);
  int64_t elements = schedule.getBlock()[0], tokens = vit::rowsPerImage(type);
  if (elements % (32 * 8) != 0)
    return k.error() << "expected a block that is a multiple of 256 elements, found " << elements;

  // As many threads as the schedule has warps for, or fewer that share the block evenly.
  int64_t vectors = elements / vector;
  int64_t threads = std::clamp<int64_t>(elements / schedule.getWarp()[0] * 32, 32, 1024);
  threads = std::min(threads, vectors);
  while (vectors % threads != 0)
    threads -= 32;
  int64_t vectorsPerRow = type.getShape().back() / vector;
  LaunchShape launch;
  launch.threads = threads;
  launch.grid[0] = {static_cast<uint32_t>(tokens * vectorsPerRow), static_cast<uint32_t>(vectors),
                    1};

  Value first = k.add(k.mul(k.ctaX(), vectors), k.tid());
  Value end = k.mul(k.rows(type), vectorsPerRow);
  for (int64_t i = 0; i < vectors; i += threads) {
    Value index = k.add(first, i);
    k.ifThen(k.less(index, end), [&] {
      Value row = k.divU(index, vectorsPerRow);
      Value column = k.mul(k.sub(index, k.mul(row, vectorsPerRow)), vector);
      Value image = k.divU(row, tokens);
      TokenPlace place{row, image, k.sub(row, k.mul(image, tokens)), column};
      Region region(k);
      Known known;
      known[root] = source(region, place);
      Place target{row, column, 0, place.token};
      region.store(target, region.results(target, vector, known));
    });
  }
  return k.finish(launch);
}

LogicalResult emitPrepend(KernelBuilder &k) {
  auto op = k.rootAs<vit::PrependOp>();
  unsigned vector = vectorWidth(k.widthOf(op.getResult()), 8);
  int64_t prepended = k.typeOf(op.getTokens()).getDimSize(0);
  int64_t tokens = vit::rowsPerImage(k.typeOf(op.getInput()));
  return emitTokens(k, vector, [&](Region &region, const TokenPlace &place) {
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
  unsigned vector = vectorWidth(k.widthOf(op.getResult()), 8);
  return emitTokens(k, vector, [&](Region &region, const TokenPlace &place) {
    Known known;
    return region.evaluate(op.getTokens(), {place.row, place.column, 0, place.token}, vector,
                           known);
  });
}

LogicalResult emitSelect(KernelBuilder &k) {
  auto op = k.rootAs<vit::SelectOp>();
  unsigned vector = vectorWidth(k.widthOf(op.getResult()), 8);
  int64_t tokens = vit::rowsPerImage(k.typeOf(op.getInput()));
  // The operand may be computed, at its own place.
  return emitTokens(k, vector, [&](Region &region, const TokenPlace &place) {
    Value row = k.add(k.mul(place.image, tokens), k.imm(op.getToken()));
    Known known;
    return region.evaluate(op.getInput(), {row, place.column, 0, k.imm(op.getToken())}, vector,
                           known);
  });
}

} // namespace vitc
