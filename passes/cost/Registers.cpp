//===- Registers.cpp - Registers of a thread ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A linear holds its sums, the fragments of one k16 step (of two, if they are double-buffered), and
// addresses: a pointer for each operand, and for each 16-byte copy of a k-block an offset and
// whether its row exists. The epilogue works on the sums row group by row group when the fragments
// are dead: what it reads and where from takes no more than they did. Attention holds the
// scores of two rows, then their packed form beside the result; a layer_norm its part of a row; the
// others one vector of each operand.
//
// ptxas takes more than it needs where nobody asks for fewer, to have loads under way early. So
// there are two numbers: the least that does without spilling, and what is taken if there is room.
// The constants are fitted on what ptxas 13.0 makes of our kernels
// (bench/data/register-calibration.csv), where no random tile that they call fitting spills; a test
// compares both on other shapes.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Attention.h"
#include "passes/cost/Predict.h"

#include <algorithm>
#include <cmath>

using namespace vitc::cost;

namespace {

struct Need {
  double least, free;
};

/// Whether blocks of K are left to copy once the ring has been filled; else the main loop has no
/// copies, nor what they hold.
bool copiesInLoop(const Work &work, const Schedule &s) {
  int64_t blocks = (work.depth + s.block[2] - 1) / s.block[2];
  return s.splits > 1 || blocks > s.stages - (s.buffers == 1 ? 1 : 0);
}

Need linear(const Work &work, const Schedule &s) {
  double fragments = s.warp[0] / 16 * 4 + work.products * (s.warp[1] / 8 * 2);
  double sums = s.accumulators(work), held = sums + s.buffers * fragments;
  double crowded = 3.0 * std::max(0, copiesPerThread(work, s) - 8);
  double least = held + 26 + 2 * (work.products - 1) + crowded;
  double free = held + (s.buffers == 2 ? 34 : 40) + 5 * (work.products - 1) + crowded;
  if (!copiesInLoop(work, s))
    least -= 10, free -= 14;
  else if (s.block[2] == 64) // twice the steps and copies in one piece of code
    least += s.stages == 3 ? 24 : 9;
  // Columns that are moved inside N have an address for each group instead of one offset for all.
  if (s.splits == 1 && work.columns % s.block[1] != 0)
    least += s.warp[1] * (work.activations ? 0.5 : work.vectors ? 0.3 : 0);
  return {least, std::max(least, free)};
}

Need attention(const Work &work, const Schedule &s) {
  int64_t keys = work.overBatch ? s.block[1] : work.keys;
  int64_t queries = work.overBatch ? keys : work.queries;
  vitc::AttentionPlan plan = vitc::planAttention(keys, work.headDim, queries, s.block[0]);
  double scores = 4.0 * plan.keyTiles, result = 2.0 * plan.keyTiles + work.headDim / 2.0;
  double needed = double(plan.registers);
  if (plan.threads != 32 * plan.warps)
    needed += 18; // warps that only copy leave by a branch, around which more lives
  return {needed + 2, needed * (scores > result ? 1.25 : 1.13)};
}

Need norm(const Work &work, const Schedule &s) {
  if (readsRowAgain(work, s))
    return {work.inputBytes == 4 ? 44. : 40., work.inputBytes == 4 ? 44. : 40.};
  double held = columnsPerLane(work);
  double free = held <= 48 ? std::max(34.0, 24 + 1.15 * held) : 1.8 * held;
  double least = held + 28;
  if (work.rowReused) { // by what comes after: the row lives on beside the result
    free += std::clamp(1.3 * held - 5, 5.0, 57.0);
    least += held;
  }
  return {least, std::max(least, free)};
}

Need elements(const Work &work) {
  Arithmetic ops = work.after;
  double operands = 1 + std::min(1, work.vectors) + 0.5 * std::max(0, work.activations - 1) +
                    (work.before.expensive + ops.expensive ? 1.2 : 0);
  double all = 8 + work.vector * std::min(operands, 4.5);
  return {all, all};
}

Need needOf(const Work &work, const Schedule &s) {
  switch (work.root) {
  case Root::Linear:
    return linear(work, s);
  case Root::Attention:
    return attention(work, s);
  case Root::LayerNorm:
    return norm(work, s);
  default:
    return elements(work);
  }
}

} // namespace

int vitc::cost::leastRegisters(const Work &work, const Schedule &s) {
  return int(std::lround(needOf(work, s).least));
}

int vitc::cost::predictRegisters(const Work &work, const Schedule &s) {
  Need need = needOf(work, s);
  int least = int(std::lround(need.least)), free = int(std::lround(std::min(need.free, 255.0)));
  return std::max(least, s.registers ? std::min(free, s.registers) : free);
}

int vitc::cost::boundFor(const Work &work, const Schedule &s, int most) {
  int taken = predictRegisters(work, s) + 4;
  return std::min(most, std::max(leastBudget, (taken + 7) / 8 * 8));
}
