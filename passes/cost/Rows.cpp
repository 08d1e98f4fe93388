//===- Rows.cpp - Blocks of attention and layer_norm ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A warp of attention does 16 query rows against all keys; a block shares keys and values among its
// warps. All rows of a sequence in one block read them once, which is best while there are enough
// sequences to fill the device; otherwise the rows are split.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Cost.h"

#include <algorithm>

using namespace vitc::cost;

int vitc::cost::chooseAttentionRows(int64_t queries, int64_t sequences, const Gpu &gpu) {
  int64_t warps = std::max<int64_t>(1, (queries + 15) / 16);
  int64_t perBlock = std::min<int64_t>(warps, 16);
  // Two blocks an SM hide each other's loads.
  while (perBlock > 2 && sequences * ((warps + perBlock - 1) / perBlock) < 2 * gpu.multiprocessors)
    perBlock = (perBlock + 1) / 2;
  // The same number of blocks with equal shares.
  int64_t blocks = (warps + perBlock - 1) / perBlock;
  return static_cast<int>(16 * ((warps + blocks - 1) / blocks));
}

int vitc::cost::chooseNormRows(int64_t rows, const Gpu &gpu) {
  int perBlock = 8;
  while (perBlock > 1 && rows < static_cast<int64_t>(perBlock) * gpu.multiprocessors)
    perBlock /= 2;
  return perBlock;
}

int vitc::cost::chooseElements(int64_t width) {
  int columns = 8;
  while (width % columns != 0)
    columns /= 2;
  return 256 * columns;
}
