//===- Predict.h - What a launch will take ----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_PREDICT_H
#define PASSES_COST_PREDICT_H

#include "passes/cost/Schedule.h"

namespace vitc::cost {

struct Prediction {
  int registers = 0; ///< of a thread, as ptxas will find; above 255 it would spill
  int threads = 0;
  int64_t smem = 0; ///< bytes of a block
  Occupancy occupancy;
  double seconds = 0;     ///< of the launch alone, without the gap before it
  const char *bound = ""; ///< what most of it waits for: "tensor cores", "latency", "shared
                          ///< memory", "arithmetic", "L2" or "DRAM"
};

/// Registers of a thread, fitted on what ptxas finds for kernels of ours: what it takes under the
/// schedule's bound, and the least that it can do with. Above the bound, or 255, it spills.
int predictRegisters(const Work &work, const Schedule &schedule);
int leastRegisters(const Work &work, const Schedule &schedule);

/// What a budget may be: an address alone takes two, and ptxas keeps the last of 256.
inline constexpr int leastBudget = 24, mostBudget = 255;

/// A bound, at most `most`, that leaves ptxas a little more than what it is predicted to take:
/// without one it takes more than it needs where there is room.
int boundFor(const Work &work, const Schedule &schedule, int most);

/// One launch on `batch` images. The schedule must be one without objection.
Prediction predict(const Work &work, const Schedule &schedule, int64_t batch, const Gpu &gpu);

} // namespace vitc::cost

#endif // PASSES_COST_PREDICT_H
