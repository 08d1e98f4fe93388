//===- Attention.h - How an attention kernel lies on the device -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_ATTENTION_H
#define PASSES_COST_FAMILIES_ATTENTION_H

#include "passes/cost/Geometry.h"
#include "passes/cost/Mma.h"

namespace vitc::cost {

/// Images of one launch where the kernel is told how many queries each has: they lie along the
/// third dimension of the grid.
inline constexpr int64_t mostImagesOfAnySize = 65535;

// clang-format off
struct AttentionGeometry : Geometry {
  const MmaShape *mma = nullptr;
  int stages = 1;        ///< 1: all keys at once, whole rows of scores; else key blocks, online
  int64_t keys = 0;      ///< keys there is room for: the tokens, or the largest batch; or of a block
  int64_t keyTiles = 0;  ///< groups of mma->n keys that are computed at once
  int64_t keyBlocks = 1; ///< full ones of a sequence, if it is not the batch
  int64_t lastKeys = 0;  ///< of the block after them; 0: there is none
  int64_t columns = 0;   ///< of a head in shared memory: up to a multiple of mma->n, then zeros
  int64_t rows = 0;      ///< query rows of one sequence
  int64_t warpTiles = 1; ///< groups of mma->m query rows that a warp computes
  int64_t warps = 0;     ///< warps that compute; `threads` has more of them if those are too few to
                         ///< copy
  int64_t rowBlocks = 0; ///< blocks for each sequence and head, if it is not the batch
  int64_t registers = 0; ///< of a thread, as ptxas was seen to need them without spilling

  // Shared memory: K, then V if it is resident (else it follows K into the same buffer); online K
  // and V of one block after the other. Then Q, then of windows with parts which key is in which.
  bool resident = false;
  int64_t pitch = 0;       ///< bytes from row to row
  int64_t bufferRows = 0;  ///< of K and of V: the keys up to a multiple of mma->k, then zeros
  int64_t bufferBytes = 0;
  int64_t queryRows = 0;   ///< of Q
  int64_t queryOffset = 0; ///< bytes before Q
  int64_t partsOffset = 0; ///< bytes before the parts
  int64_t partCount = 0;   ///< entries of 4 bytes

  bool online() const { return stages > 1; }
  int64_t warpRows() const { return warpTiles * mma->m; }
  int64_t blockRows() const { return warps * warpRows(); }
};
// clang-format on

AttentionGeometry attentionGeometry(const Work &work, const AttentionSchedule &schedule);

/// The schedule of `rows` query rows for each block, or of fewer where more would not leave each
/// thread the registers, or Q the memory, that it needs. `keys` are those there is room for, or
/// with more than one stage those of a block. A warp gets `warp` of the rows.
AttentionSchedule attentionSchedule(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu,
                                    int stages = 1, int warp = 16);

/// Whether V has a place beside K in blocks of `rows` query rows, and keeps no other block away.
bool valuesFitBeside(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu);

/// Most keys whose scores one warp can hold: 34 tiles of 4 registers beside 64 of the result.
inline constexpr int64_t mostKeys = 272;
/// Columns of a head; they are even.
inline constexpr int64_t leastHeadDim = 2, mostHeadDim = 256;

} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_ATTENTION_H
