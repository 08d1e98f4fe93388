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
// What they say about a family is in its file; here is what concerns tiles of linears.
//
// They know neither the shape of a problem nor the number of multiprocessors.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Classic.h"

#include <algorithm>

using namespace vitc::cost;

GemmSchedule vitc::cost::halved(const GemmSchedule &tile) {
  GemmSchedule half = tile;
  int side = tile.tile[0] > tile.tile[1] ? 0 : 1;
  if (tile.tile[side] <= 32)
    return tile;
  half.tile[side] /= 2;
  half.warp[side] /= 2;
  return half;
}

std::vector<Schedule> vitc::cost::classicTiles(const Work &work, const Preferences &preferences) {
  int bound = std::min(classicRegisters, preferences.registerBudget);
  auto registers = [&](const GemmSchedule &tile) { return predictRegisters(work, {tile}); };
  GemmSchedule tile{.tile = {64, 64, 32}, .warp = {32, 32}, .stages = 3};
  tile = halvedToFit(tile, registers);
  std::vector<Schedule> tiles;
  for (;;) {
    tiles.push_back({tile, boundFor(work, {tile}, bound)});
    if (halved(tile) == tile)
      return tiles;
    tile = halved(tile);
  }
}
