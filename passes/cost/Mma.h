//===- Mma.h - The tensor core's instructions -------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_MMA_H
#define PASSES_COST_MMA_H

#include "passes/cost/Work.h"

#include <cstdint>

namespace vitc::cost {

/// One instruction of a warp: D (m x n) = A (m x k) * B (k x n) + C, with f32 sums.
struct MmaShape {
  int m, n, k;
  int bytes;        ///< of an element of A and B
  double rate;      ///< products per cycle, as a part of Gpu::tensorTflops
  int instructions; ///< that one product takes; more than one multiply parts of the elements

  /// Registers of a lane: fragments of A and B, and sums.
  constexpr int registersOfA() const { return m * k * bytes / (32 * 4); }
  constexpr int registersOfB() const { return n * k * bytes / (32 * 4); }
  constexpr int sums() const { return m * n / 32; }
};

/// The instruction for what the root of `work`, a linear or an attention, multiplies.
const MmaShape &mmaOf(const Work &work);

/// Bytes of one copy to shared memory, of one row that ldmatrix reads, and of the widest access.
inline constexpr int copyBytes = 16;
/// Neighbouring elements that one copy takes. Rows that are copied are multiples of it.
constexpr int copyColumns(int bytes) { return copyBytes / bytes; }

} // namespace vitc::cost

#endif // PASSES_COST_MMA_H
