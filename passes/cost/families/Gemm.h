//===- Gemm.h - How kernels around linears lie on the device ----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_GEMM_H
#define PASSES_COST_FAMILIES_GEMM_H

#include "passes/cost/Geometry.h"
#include "passes/cost/Mma.h"
#include "passes/cost/Search.h"

namespace vitc::cost {

/// Part 0 of a kernel around linears.
struct GemmGeometry : Geometry {
  const MmaShape *mma = nullptr;
  int64_t blocks = 0;     ///< k-blocks of every share of K but the last
  int64_t lastBlocks = 0; ///< of the last, 1 to `blocks`

  // The ring of stages, each with the tile of A, then one of B for each linear. Operands are copied
  // in chunks of copyBytes.
  int64_t rowBytes = 0; ///< of a row of one of the tiles
  int64_t tileBytesOfA = 0, tileBytesOfB = 0;
  int64_t stageBytes = 0;
  int64_t ringBytes = 0;

  // Results leave through `slots` slots for each warp, from the start of the ring on, if their rows
  // allow it. A slot has mma->m rows of every result, each `slotColumns` columns long.
  bool staged = false;
  int64_t slotColumns = 0;
  int64_t slotBytes = 0;
  int64_t slots = 0;

  /// Behind ring and slots: mean and reciprocal deviation of each row, if rows are normalised.
  int64_t rowsOffset = 0;
};
GemmGeometry gemmGeometry(const Work &work, const GemmSchedule &schedule);

/// Rows that one launch can have with the tallest tile.
int64_t mostGemmRows(const Preferences &preferences);

/// Part 1, which adds the shares of a kernel that is split: a vector for each thread.
} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_GEMM_H
