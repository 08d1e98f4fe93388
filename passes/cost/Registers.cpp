//===- Registers.cpp - Registers of a thread ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
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

Need linear(const Work &work, const Schedule &s) {
  double sums = s.accumulators(work);
  double fragments = s.buffers * (s.warp[0] / 16 * 4 + work.products * s.warp[1] / 8 * 2);
  double chunks =
      double(s.block[0] + work.products * s.block[1]) * s.block[2] / 8 / threadsOf(work, s);
  double all = sums + fragments + 20 + 2 * chunks;
  return {all, all};
}
Need attention(const Work &work, const Schedule &s) {
  int64_t keys = work.overBatch ? s.block[1] : work.keys;
  auto plan =
      vitc::planAttention(keys, work.headDim, work.overBatch ? keys : work.queries, s.block[0]);
  return {double(plan.registers) + 3, 1.25 * plan.registers};
}
Need norm(const Work &work, const Schedule &s) {
  if (readsRowAgain(work, s))
    return {38, 40};
  double held = columnsPerLane(work);
  double all = std::max(34.0, held <= 64 ? held + 30 : 1.75 * held);
  return {held + 24, all};
}
Need elements(const Work &work) {
  double all = 8 + work.vector * (1 + std::min(2, work.activations + work.vectors) +
                                  (work.after.expensive > 0));
  return {all, all};
}
} // namespace

static Need need(const Work &work, const Schedule &s) {
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

int vitc::cost::leastRegisters(const Work &work, const Schedule &s) {
  return int(std::lround(need(work, s).least));
}

int vitc::cost::predictRegisters(const Work &work, const Schedule &s) {
  int free = int(std::lround(need(work, s).free));
  return std::max(leastRegisters(work, s), s.registers ? std::min(free, s.registers) : free);
}
