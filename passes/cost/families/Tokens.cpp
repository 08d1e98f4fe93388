//===- Tokens.cpp - Kernels that move rows --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// patchify, prepend, broadcast, select: copies, and gathers, whose threads divide their place in
// the result several times to find where it comes from. And the mean of tokens, whose result is
// small: few columns in a block and many threads for each make blocks enough.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Tokens.h"

#include "passes/cost/families/Vectors.h"

#include <array>
#include <bit>
#include <fmt/format.h>

using namespace vitc::cost;

namespace {

int placing(const Work &work) { return work.gathers ? 40 : 16; }
using Copies = VectorFamily<TokensSchedule, placing>;

const TokensSchedule &of(const Schedule &s) { return std::get<TokensSchedule>(s.numbers); }

// Means ----------------------------------------------------------------------

constexpr std::array vectorsOfBlock = {4, 8, 16, 32};
constexpr int tokensOfShare = 4, leastShares = 8, mostShares = 64;

int sharesOf(const Work &work) {
  if (work.anyKeys)
    return mostShares;
  auto wanted = std::bit_ceil(uint64_t(ceilDiv(work.summed, tokensOfShare)));
  return int(std::clamp<uint64_t>(wanted, leastShares, mostShares));
}

TokensSchedule ofVectors(const Work &work, int vectors) {
  return {{vectors * work.vector, vectors * work.vector}}; // each warp has a share of all of them
}

std::string meanObjection(const Work &work, const TokensSchedule &s) {
  for (int vectors : vectorsOfBlock)
    if (s == ofVectors(work, vectors))
      return "";
  return fmt::format(
      "expected a block, and a warp, of 4, 8, 16 or 32 vectors of {} elements, found "
      "{} and {} elements",
      work.vector, s.elements, s.warp);
}

LaunchCost meanTime(const Work &work, const TokensSchedule &s, int64_t batch, const Gpu &gpu) {
  MeanGeometry g = meanGeometry(work, s);
  double summed = double(g.turns) * g.threads * g.vector;
  LaunchCost launch;
  launch.block.arithmetic = arithmeticCycles({.cheap = 3}, summed);
  double rounds = double(ceilDiv(g.turns, meanLoads)), bytes = summed * work.inputBytes;
  launch.block.alone = rounds * gpu.pace.memoryLatency + bytes / 64 + gpu.pace.barrierCost +
                       40.0 * g.vector + storeLatency;
  launch.l2 = double(work.activationBytes()) * batch;
  launch.dram = dramBytes(work, batch, gpu);
  launch.blocks = g.blocksPerRow * batch;
  return launch;
}

// Both -----------------------------------------------------------------------

std::vector<Schedule> tokensCandidates(const Work &work, int64_t maxBatch, const Preferences &p) {
  if (!work.summed)
    return Copies::candidates(work, maxBatch, p);
  std::vector<Schedule> list;
  for (int vectors : vectorsOfBlock)
    addCandidate(list, work, {ofVectors(work, vectors)}, p);
  return list;
}

std::vector<Schedule> tokensClassic(const Work &work, int64_t maxBatch, const Preferences &p) {
  if (!work.summed)
    return Copies::classic(work, maxBatch, p);
  return {{ofVectors(work, 4)}}; // 256 threads
}

std::string tokensObjection(const Work &work, const Schedule &s, const Limits &limits) {
  return work.summed ? meanObjection(work, of(s)) : Copies::objection(work, s, limits);
}

Geometry tokensGeometry(const Work &work, const Schedule &s) {
  return work.summed ? meanGeometry(work, of(s)) : Copies::geometry(work, s);
}

Registers tokensRegisters(const Work &work, const Schedule &s) {
  if (!work.summed)
    return Copies::registers(work, s);
  double loads = double(std::min<int64_t>(meanGeometry(work, of(s)).turns, meanLoads));
  double all = 20 + work.vector * (1 + loads * work.inputBytes / 4);
  return {24.0 + work.vector, all};
}

LaunchCost tokensTime(const Work &work, const Schedule &s, int64_t batch, const Gpu &gpu) {
  return work.summed ? meanTime(work, of(s), batch, gpu) : Copies::time(work, s, batch, gpu);
}

} // namespace

MeanGeometry vitc::cost::meanGeometry(const Work &work, const TokensSchedule &s) {
  MeanGeometry g;
  g.vector = work.vector;
  g.vectors = s.elements / g.vector;
  g.vectorsPerRow = work.columns / g.vector;
  g.blocksPerRow = ceilDiv(g.vectorsPerRow, g.vectors);
  g.shares = sharesOf(work);
  g.turns = ceilDiv(work.summed, g.shares);
  g.threads = g.vectors * g.shares;
  g.grid[0] = {g.blocksPerRow, 1, 1};
  int warps = g.threads / 32;
  g.shared = warps > 1 ? int64_t(warps) * g.vectors * g.vector * 4 : 0;
  return g;
}

constexpr FamilyTraits vitc::cost::tokensFamily = {
    .name = "tokens",
    .candidates = tokensCandidates,
    .classic = tokensClassic,
    .impossible = nothingImpossible,
    .read = Copies::read,
    .objection = tokensObjection,
    .geometry = tokensGeometry,
    .registers = tokensRegisters,
    .time = tokensTime,
    .alike = Copies::alike,
    .handicap = noHandicap,
    .bounded = false,
    .recomputes = false,
};
