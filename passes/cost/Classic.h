//===- Classic.h - Schedules by well-known rules ----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_CLASSIC_H
#define PASSES_COST_CLASSIC_H

#include "passes/cost/Search.h"

namespace vitc::cost {

/// The rule that more than 128 registers are too many.
inline constexpr int classicRegisters = 128;

/// A tile with half the block, along the longer side (N of a square), and half the warp tile;
/// itself if it is 32x32.
GemmSchedule halved(const GemmSchedule &tile);

/// `tile`, halved while `registers` of it are above classicRegisters.
template <typename Registers> GemmSchedule halvedToFit(GemmSchedule tile, Registers registers) {
  while (registers(tile) > classicRegisters && halved(tile) != tile)
    tile = halved(tile);
  return tile;
}

/// Two or three tiles of linears, the smallest last.
std::vector<Schedule> classicTiles(const Work &work, const Preferences &preferences);

} // namespace vitc::cost

#endif // PASSES_COST_CLASSIC_H
