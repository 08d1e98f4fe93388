//===- Geometry.h - How a kernel lies on the device -------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_GEOMETRY_H
#define PASSES_COST_GEOMETRY_H

#include "passes/cost/Schedule.h"

namespace vitc::cost {

/// A launch dimension: ceil(count * perCount / divisor) * times, or `times` if perCount is 0.
/// `count` is what Work is for one of: images, or rows for kernels on rank-2 activations.
struct Extent {
  int64_t perCount = 0, divisor = 1, times = 1;
  bool ofSequence = false; ///< `perCount` counts the rows of one image, whatever their number

  bool operator==(const Extent &) const = default;
  int64_t at(int64_t count) const {
    if (ofSequence)
      count = 1;
    return (perCount ? (count * perCount + divisor - 1) / divisor : 1) * times;
  }
};

/// What follows from a work and a schedule, whatever the device, and is the same for all families.
/// Each family adds its own numbers; kernels are written by them.
struct Geometry {
  int threads = 0; ///< of a block
  Extent grid[3];
  int64_t shared = 0; ///< dynamic shared memory of a block, bytes
  int64_t sums = 0;   ///< bytes that a block leaves in device memory for others of its tile, where
                      ///< grid[2] blocks share one; 0: none
  int minBlocks = 0;  ///< blocks that should fit in one multiprocessor, for schedules without a
                      ///< bound on registers; 0: no demand
};

/// Threads that take vectors of neighbouring columns, one after the other.
struct VectorGeometry : Geometry {
  int vector = 1;            ///< neighbouring columns of one access
  int64_t vectors = 0;       ///< of a block
  int64_t vectorsPerRow = 0; ///< of a row of the result
};

/// The schedule must be one without objection.
Geometry geometryOf(const Work &work, const Schedule &schedule);

/// Bytes of device memory that blocks of a launch on `count` leave sums in, and bytes of counters
/// that say of each tile how many have.
int64_t scratchBytes(const Geometry &geometry, int64_t count);
int64_t counterBytes(const Geometry &geometry, int64_t count);

/// Neighbouring columns that one access takes at most: 16 bytes of 2-byte elements, or twice that.
inline constexpr int widestVector = 8;
/// The largest power of two up to `most` that divides `width`.
constexpr int vectorWidth(int64_t width, int most = widestVector) {
  int vector = 1;
  while (vector * 2 <= most && width % (vector * 2) == 0)
    vector *= 2;
  return vector;
}

inline constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

} // namespace vitc::cost

#endif // PASSES_COST_GEOMETRY_H
