//===- Attention.cpp - How an attention kernel is laid out ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A thread holds the scores of two query rows: 4 registers for every 8 keys. That is the peak; when
// the probabilities are packed in pairs, half of them are free again, and the result needs fewer.
// Around it the loop over the head's columns keeps one step of Q and of K and a few addresses.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Attention.h"

#include <algorithm>

namespace vitc {

namespace {

/// Shared memory one block may have on sm_89: 99 KB.
constexpr int64_t maxSharedPerBlock = 99 * 1024;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Registers per thread, as ptxas was seen to need without spilling.
int64_t estimateRegisters(int64_t keyTiles, int64_t headDim) {
  int64_t scores = 4 * keyTiles;
  int64_t result = 2 * keyTiles + headDim / 2;
  return std::max(scores, result) + 24;
}

/// Blocks of `warps` warps in one multiprocessor, by registers; allocation is in steps of 8.
int64_t blocksByRegisters(int64_t registers, int64_t warps) {
  int64_t warpsPerQuarter = 16384 / (ceilDiv(registers, 8) * 8 * 32);
  return 4 * warpsPerQuarter / warps;
}

/// By shared memory: 100 KB, of which the system takes 1 KB for each block.
int64_t blocksByShared(int64_t bytes) { return 100 * 1024 / (bytes + 1024); }

} // namespace

AttentionPlan planAttention(int64_t keys, int64_t headDim, int64_t rows, int64_t blockRows) {
  AttentionPlan plan;
  plan.keys = keys;
  plan.keyTiles = ceilDiv(keys, 8);
  plan.rows = rows;

  // An odd number of 16-byte chunks per row: 8 rows are in 8 different bank groups.
  plan.pitch = 16 * (headDim / 8 | 1);
  // 16 warps leave 128 registers, 8 leave 255. All rows of Q must fit beside K.
  plan.registers = estimateRegisters(plan.keyTiles, headDim);
  int64_t registers = plan.registers;
  int64_t mostWarps = std::min<int64_t>(
      registers <= 128 ? 16 : 8, (maxSharedPerBlock - plan.bufferBytes()) / (16 * plan.pitch));
  int64_t rowTiles = ceilDiv(rows, 16);
  plan.warps = std::min({mostWarps, std::max<int64_t>(blockRows / 16, 1), rowTiles});
  plan.rowBlocks = ceilDiv(rowTiles, plan.warps);
  plan.warps = ceilDiv(rowTiles, plan.rowBlocks); // equal shares
  // One row, as of a class token, is work for one warp; four copy keys and values faster.
  bool helpers = rows <= 16 && keys > 32;
  plan.threads = 32 * (helpers ? 4 : plan.warps);

  int64_t blockWarps = plan.threads / 32;
  int64_t byRegisters = blocksByRegisters(registers, blockWarps);
  // With V beside K the helpers of a single warp leave early; else they go along, on zeros.
  int64_t both = 2 * plan.bufferBytes() + 16 * plan.warps * plan.pitch;
  int64_t one = plan.bufferBytes() + 16 * blockWarps * plan.pitch;
  int64_t blocksOfBoth = std::min(byRegisters, blocksByShared(both));
  int64_t blocksOfOne = std::min(byRegisters, blocksByShared(one));
  plan.resident = both <= maxSharedPerBlock && (helpers || blocksOfBoth >= blocksOfOne);
  plan.queryRows = 16 * (plan.resident ? plan.warps : blockWarps);
  plan.shared = plan.resident ? both : one;
  // Without a demand ptxas takes more registers than it needs.
  int64_t wanted = plan.resident ? blocksOfBoth : blocksOfOne;
  plan.minBlocks = wanted > 1 ? wanted : 0;
  return plan;
}

} // namespace vitc
