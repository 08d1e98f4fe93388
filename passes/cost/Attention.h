//===- Attention.h - How an attention kernel is laid out --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The decisions of the attention kernel apart from its instructions: schedules are chosen by what
// follows from them, the kernel is written by them, and tests can look at them.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_ATTENTION_H
#define PASSES_COST_ATTENTION_H

#include <cstdint>

namespace vitc {

struct AttentionPlan {
  int64_t keys = 0;     ///< keys there is room for: the tokens, or the largest batch
  int64_t keyTiles = 0; ///< groups of 8 keys that are computed
  int64_t rows = 0;     ///< query rows of one sequence
  int64_t warps = 0;    ///< warps that compute, 16 query rows each
  int64_t threads =
      0; ///< of a block; more than the warps that compute if those are too few to copy
  int64_t rowBlocks = 0;  ///< blocks for each sequence and head
  int64_t pitch = 0;      ///< bytes from row to row in shared memory
  int64_t queryRows = 0;  ///< rows of Q in shared memory
  bool resident = false;  ///< V has a buffer of its own; otherwise it follows K into the same one
  int64_t shared = 0;     ///< bytes of all
  int64_t registers = 0;  ///< of a thread, as ptxas needs them without spilling
  unsigned minBlocks = 0; ///< blocks that should fit in one multiprocessor, 0: no demand

  /// Rows of a buffer: the keys up to a multiple of 16, zeros behind the last.
  int64_t bufferRows() const { return (keys + 15) / 16 * 16; }
  int64_t bufferBytes() const { return bufferRows() * pitch; }
  /// Q lies behind K and V.
  int64_t queryOffset() const { return bufferBytes() * (resident ? 2 : 1); }
};

/// Most keys whose scores one warp can hold: 34 tiles of 4 registers beside 64 of the result.
constexpr int64_t maxAttentionKeys = 272;

/// `blockRows` are the query rows per block that the schedule asks for; fewer are taken where more
/// would not leave each thread the registers it needs. 1 <= keys <= maxAttentionKeys, headDim is a
/// multiple of 8 in [16, 128].
AttentionPlan planAttention(int64_t keys, int64_t headDim, int64_t rows, int64_t blockRows);

} // namespace vitc

#endif // PASSES_COST_ATTENTION_H
