//===- CpuTime.h - How long a kernel takes on a CPU -------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// For `explain`: whether a kernel is where it can be, and what it waits for. Nothing is decided by
// it, since a library is built for no processor in particular; times are those of one core of one
// that was measured.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_CPUTIME_H
#define PASSES_COST_CPUTIME_H

#include "passes/cost/Work.h"

#include <string>

namespace vitc::cost {

/// A core, measured: multiply-adds on registers alone, and copies that leave the nearest cache.
struct CpuCore {
  const char *name;
  double gigahertz;
  double gflops; ///< of f32; of bf16 twice as many, of i8 four times
  double l2GBs, dramGBs;
};
inline constexpr CpuCore zen4Core = {"a core of Zen 4", 3.7, 118, 100, 20};

struct CpuPrediction {
  double seconds = 0;
  const char *bound = ""; ///< "FMA", "L2" or "DRAM"
};

/// One thread and one launch, for so many images.
CpuPrediction predictCpu(const Work &work, int64_t batch, const CpuCore &core);

} // namespace vitc::cost

#endif // PASSES_COST_CPUTIME_H
