//===- RecipeSteps.h - Shapes and operands of recipe steps -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_RECIPESTEPS_H
#define VITC_RUNTIME_RECIPESTEPS_H

#include "runtime/LargeArray.h"
#include "vit/library.h"

#include <cstddef>
#include <span>
#include <vector>

namespace vitrt {

inline std::span<const int64_t> shapeOf(const vit_recipe_step &step) {
  return {step.shape, step.rank};
}
inline std::span<const int64_t> fileShapeOf(const vit_recipe_step &step) {
  return {step.file_shape, step.file_rank};
}

/// Whether a shape has no negative extent, and so few elements that products of it are exact.
inline bool isBounded(std::span<const int64_t> shape) {
  constexpr int64_t most = int64_t(1) << 36;
  int64_t count = 1;
  for (int64_t extent : shape)
    if (extent < 0 || __builtin_mul_overflow(count, std::max<int64_t>(extent, 1), &count) ||
        count > most)
      return false;
  return true;
}

inline size_t countOf(std::span<const int64_t> shape) {
  size_t count = 1;
  for (int64_t extent : shape)
    count *= size_t(extent);
  return count;
}

/// Elements of one row: everything but dimension 0.
inline size_t rowOf(std::span<const int64_t> shape) {
  return shape.empty() ? 1 : countOf(shape.subspan(1));
}

inline std::span<const uint32_t> operandsOf(const vit_recipe_step &step) {
  return {step.operands, step.operand_count};
}

/// A matrix turned, in row-major order both times.
Doubles transpose(const Doubles &in, size_t rows, size_t columns);

} // namespace vitrt
#endif // VITC_RUNTIME_RECIPESTEPS_H
