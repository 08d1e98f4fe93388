//===- Classic.cpp - Schedules by well-known rules ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The rules that much advice on fused kernels gives, as they stand, to be compared with the model:
//
//   elementwise work in blocks of 256 threads, 512 where there is enough of it
//   matrix products with BLOCK_M and BLOCK_N of 32 or 64 and BLOCK_K of 32
//   above 128 registers, halve the block
//   two or three configurations, with a smaller one to fall back on
//   keep results of exp, log, div and sqrt; do add, mul and max again where registers are short
//
// They know neither the shape of a problem nor the number of multiprocessors.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Classic.h"

#include <algorithm>

using namespace vitc::cost;

Schedule vitc::cost::halved(const Schedule &tile) {
  Schedule half = tile;
  int side = tile.block[0] > tile.block[1] ? 0 : 1;
  if (tile.block[side] <= 32)
    return tile;
  half.block[side] /= 2;
  half.warp[side] /= 2;
  return half;
}

static std::vector<Schedule> classicTiles(const Work &work, const Preferences &preferences) {
  int bound = std::min(classicRegisters, preferences.registerBudget);
  auto registers = [&](const Schedule &tile) { return predictRegisters(work, tile); };
  Schedule tile{.block = {64, 64, 32}, .warp = {32, 32}, .stages = 3};
  tile = halvedToFit(tile, registers);
  std::vector<Schedule> tiles;
  for (;;) {
    tiles.push_back(tile);
    tiles.back().registers = boundFor(work, tile, bound);
    if (halved(tile) == tile)
      return tiles;
    tile = halved(tile);
  }
}

static Schedule classicElements(const Work &work, int64_t maxBatch, const Gpu &gpu) {
  int64_t elements = work.rows * work.columns * maxBatch;
  int threads = elements >= int64_t(2) * 512 * work.vector * gpu.multiprocessors ? 512 : 256;
  return {.block = {threads * work.vector}, .warp = {32 * work.vector}};
}

std::vector<Schedule> vitc::cost::classicSchedules(const Work &work, int64_t maxBatch,
                                                   const Preferences &preferences) {
  switch (work.root) {
  case Root::Linear:
    return classicTiles(work, preferences);
  case Root::Attention: {
    // No rule says anything about it.
    Preferences model = preferences;
    model.tilePolicy = TilePolicy::Model;
    auto found = best(work, maxBatch, model);
    return found ? std::vector{found->schedule} : std::vector<Schedule>();
  }
  case Root::LayerNorm: {
    Schedule keep{.block = {8}, .warp = {1}}, again = keep; // 256 threads
    again.recompute = true;
    bool pressed =
        predictRegisters(work, keep) > std::min(classicRegisters, preferences.registerBudget);
    if (preferences.fusePolicy == FusePolicy::Recompute ||
        (preferences.fusePolicy == FusePolicy::Auto && pressed && !work.before.expensive))
      return {again};
    return {keep};
  }
  default: {
    Schedule first = classicElements(work, maxBatch, *preferences.gpu), small = first;
    small.block[0] = 256 * work.vector;
    return small == first ? std::vector{first} : std::vector{first, small};
  }
  }
}
