//===- QuantizePanels.cpp - Weights of products of i8 ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The scale of a column is rounded to f32 before it divides: what a kernel
// multiplies by is what the steps were made with. A recipe's values are f64, so
// bytes are, too, until they are stored.
//===----------------------------------------------------------------------===//
#include "runtime/QuantizePanels.h"
#include "runtime/Parallel.h"
#include "runtime/RecipeSteps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace vitrt {
namespace {

constexpr size_t group = 4;  ///< steps of a column that are neighbours
constexpr size_t behind = 8; ///< bytes of a column that are no steps: scale and sum
constexpr double largest = 127;

size_t groupsOf(size_t columns) { return (columns + group - 1) / group; }

/// Of one row of the matrix. Values that leave no scale f32 can divide by are zeros; one that is no
/// number makes the column none.
float scaleOf(std::span<const double> row) {
  double most = 0;
  for (double value : row)
    most = std::max(most, std::fabs(value));
  if (!std::ranges::all_of(row, [](double value) { return std::isfinite(value); }))
    return std::numeric_limits<float>::quiet_NaN();
  auto scale = float(most / largest);
  return scale < std::numeric_limits<float>::min() ? 0.0f : scale;
}

/// One column of a panel.
class ColumnWriter {
public:
  ColumnWriter(double *panel, size_t index, size_t width)
      : panel(panel), index(index), width(width) {}

  void write(std::span<const double> row) {
    float scale = scaleOf(row);
    int32_t sum = 0;
    for (size_t k = 0; scale > 0 && k != row.size(); ++k) {
      double step = std::clamp(std::nearbyint(row[k] / double(scale)), -largest, largest);
      place(k / group)[k % group] = step;
      sum += int32_t(step);
    }
    size_t groups = groupsOf(row.size());
    writeBytes(groups, std::bit_cast<uint32_t>(scale));
    writeBytes(groups + 1, uint32_t(sum));
  }

private:
  /// Four bytes: steps, the scale, or the sum.
  double *place(size_t i) { return panel + (i * width + index) * group; }
  void writeBytes(size_t i, uint32_t number) {
    for (size_t byte = 0; byte != group; ++byte)
      place(i)[byte] = int8_t(number >> (8 * byte));
  }

  double *const panel;
  const size_t index, width;
};

} // namespace

bool fitsPanels(const vit_recipe_step &step, std::span<const int64_t> operand) {
  std::span<const int64_t> shape = shapeOf(step);
  if (operand.size() != 2 || shape.size() != 3 || shape[2] < 1)
    return false;
  auto rows = size_t(operand[0]), panel = size_t(shape[2]);
  return size_t(shape[0]) == rows / panel + (rows % panel != 0) &&
         size_t(shape[1]) == groupsOf(size_t(operand[1])) * group + behind;
}

Doubles quantizePanels(const vit_recipe_step &step, const Doubles &matrix, size_t columns) {
  auto width = size_t(step.shape[2]);
  size_t size = size_t(step.shape[1]) * width, rows = matrix.size() / std::max<size_t>(1, columns);
  Doubles out(countOf(shapeOf(step)));
  parallelParts(size_t(step.shape[0]), size, [&](size_t begin, size_t end) {
    std::fill(out.begin() + ptrdiff_t(begin * size), out.begin() + ptrdiff_t(end * size), 0.0);
    for (size_t row = begin * width; row < std::min(rows, end * width); ++row)
      ColumnWriter(out.data() + row / width * size, row % width, width)
          .write(std::span(matrix).subspan(row * columns, columns));
  });
  return out;
}

} // namespace vitrt
