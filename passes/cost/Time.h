//===- Time.h - What a launch costs, by units of the device -----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A block of threads is described by two numbers of cycles: how long it keeps the busiest unit of a
// multiprocessor busy, and how long it takes alone, waiting for memory, barriers and itself. Beside
// it the launch has traffic. Families say both, Time.cpp makes seconds of them.
//
// Constants are latencies and instruction counts in cycles of the multiprocessor. They are the same
// for every model; those that differ by device are in its Pace.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_TIME_H
#define PASSES_COST_TIME_H

#include "passes/cost/Mma.h"
#include "passes/cost/Predict.h"

#include <algorithm>

namespace vitc::cost {

inline constexpr double storeLatency = 400; // results to L2, and the end of a block
inline constexpr double sharedLatency = 33; // ldmatrix
inline constexpr double tensorShare = 0.98; // of the tensor cores' rate that a full loop reaches
inline constexpr double sharedWidth = 128;  // bytes of shared memory per cycle
inline constexpr double lanes = 128, functionUnits = 16;                    // per cycle
inline constexpr double instructionsOfFunction = 12, resultsOfFunction = 2; // gelu, silu, tanh
inline constexpr double launchStart = 0.4e-6; // seconds from a launch to its first instructions

/// What one block costs.
struct Block {
  double tensor = 0, shared = 0, arithmetic = 0; ///< cycles of the multiprocessor's units
  double alone = 0;                              ///< from its start to its end
  double moved = 0; ///< bytes it reads before its work, and writes after it

  double unit(const Pace &pace) const;
  const char *unitName() const;
};

/// What all of a launch does.
struct LaunchCost {
  Block block;
  int64_t blocks = 0;
  double l2 = 0, dram = 0; ///< traffic in bytes
  double after = 0;        ///< seconds of what follows from it: a second launch
};

/// Cycles of `count` elementwise operations of each kind on all units of a multiprocessor.
double arithmeticCycles(Arithmetic ops, double count);

/// Cycles one warp's part of a multiprocessor takes for one mma instruction.
double mmaCycles(const MmaShape &mma, const Gpu &gpu);

/// Activations that do not come from L2 or stay there, and weights.
double dramBytes(const Work &work, int64_t batch, const Gpu &gpu);

} // namespace vitc::cost

#endif // PASSES_COST_TIME_H
