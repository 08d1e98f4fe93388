//===- Tokens.h - How kernels on tokens lie on the device -------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_TOKENS_H
#define PASSES_COST_FAMILIES_TOKENS_H

#include "passes/cost/Geometry.h"

namespace vitc::cost {

/// A block has some columns of one image. Each of `shares` groups of threads sums a share of the
/// tokens, every shares-th of them, and the shares are added in a fixed order.
struct MeanGeometry : Geometry {
  int vector = 1;  ///< neighbouring columns of a thread
  int vectors = 0; ///< of a block; the last block of a row may have fewer
  int64_t vectorsPerRow = 0;
  int64_t blocksPerRow = 0;
  int shares = 1;    ///< by the number of tokens alone: they decide how a column is summed
  int64_t turns = 0; ///< tokens of a share, the last of which it may not have
};
MeanGeometry meanGeometry(const Work &work, const TokensSchedule &schedule);

/// Loads that a thread has under way.
inline constexpr int meanLoads = 8;

} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_TOKENS_H
