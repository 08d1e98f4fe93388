//===- Attention.h - How an attention kernel lies on the device -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_ATTENTION_H
#define PASSES_COST_FAMILIES_ATTENTION_H

#include "passes/cost/Geometry.h"
#include "passes/cost/Mma.h"

namespace vitc::cost {

// clang-format off
struct AttentionGeometry : Geometry {
  const MmaShape *mma = nullptr;
  int64_t keys = 0;      ///< keys there is room for: the tokens, or the largest batch
  int64_t keyTiles = 0;  ///< groups of mma->n keys that are computed
  int64_t rows = 0;      ///< query rows of one sequence
  int64_t warps = 0;     ///< warps that compute, mma->m query rows each; `threads` has more of them
                         ///< if those are too few to copy
  int64_t rowBlocks = 0; ///< blocks for each sequence and head
  int64_t registers = 0; ///< of a thread, as ptxas was seen to need them without spilling

  // Shared memory: K, then V if it is resident (else it follows K into the same buffer), then Q.
  bool resident = false;
  int64_t pitch = 0;       ///< bytes from row to row
  int64_t bufferRows = 0;  ///< of K and of V: the keys up to a multiple of mma->k, then zeros
  int64_t bufferBytes = 0;
  int64_t queryRows = 0;   ///< of Q
  int64_t queryOffset = 0; ///< bytes before Q
};
// clang-format on

AttentionGeometry attentionGeometry(const Work &work, const AttentionSchedule &schedule);

/// The schedule of `rows` query rows for each block, or of fewer where more would not leave each
/// thread the registers, or Q the memory, that it needs. `keys` are those there is room for.
AttentionSchedule attentionSchedule(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu);

/// Whether V has a place beside K in blocks of `rows` query rows, and keeps no other block away.
bool valuesFitBeside(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu);

/// Most keys whose scores one warp can hold: 34 tiles of 4 registers beside 64 of the result.
inline constexpr int64_t mostKeys = 272;
/// Columns of a head.
inline constexpr int64_t leastHeadDim = 16, mostHeadDim = 128;
/// Largest batch of a model whose images attend to each other: all are keys, known when it runs.
inline constexpr int64_t mostBatchOverBatch = 17;

} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_ATTENTION_H
