//===- RecipeTables.cpp - Tables of positions, for other grids -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/RecipeTables.h"

#include "runtime/FilterWeights.h"
#include "runtime/Parallel.h"

#include <algorithm>
#include <cmath>

namespace vitrt {
namespace {

/// Whether sizes are positive and their product is `rows`.
bool areRows(int64_t height, int64_t width, int64_t rows) {
  return height > 0 && width > 0 && height <= rows / width && height * width == rows;
}

/// Whether `rows` is (2 height - 1) (2 width - 1) + more, without overflow.
bool areDistances(int64_t height, int64_t width, int64_t more, int64_t rows) {
  return height <= rows && width <= rows && areRows(2 * height - 1, 2 * width - 1, rows - more);
}

/// Whether a resampling of so many lines, each as wide as the result, has a sensible size.
bool canStretch(int64_t height, int64_t width, int64_t columns) {
  constexpr int64_t most = int64_t(1) << 32;
  return columns > 0 && height <= most / width / columns;
}

/// Whether a RELATIVE_BIAS has the `rows` that its table has.
bool fitDistances(const vit_recipe_step &step, int64_t rows) {
  int64_t height = step.grid[0], width = step.grid[1], more = 3 * step.first;
  if (step.grid[2] == 0 && step.grid[3] == 0)
    return areDistances(height, width, more, rows);
  constexpr int64_t most = int64_t(1) << 20; // of a side
  return areRows(step.grid[2], step.grid[3], rows - more) && height > 0 && height <= most &&
         width > 0 && width <= most && canStretch(step.grid[2], 2 * width - 1, step.shape[1]);
}

/// One place of the input that counts for a place of the result.
struct Tap {
  size_t place;
  double weight;
};
using Taps = std::vector<std::vector<Tap>>; // for each place of the result

/// PyTorch's filter where it is not antialiased, which is not the one where it is.
double sharpCubic(double distance) {
  constexpr double a = -0.75;
  double x = std::fabs(distance);
  return x < 1   ? ((a + 2) * x - (a + 3)) * x * x + 1
         : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                 : 0;
}

double linear(double distance) { return std::max(0.0, 1 - std::fabs(distance)); }

/// Along one axis. Without antialiasing, places beyond the edge are the edge's.
Taps tapsOf(const vit_recipe_step &step, int64_t from, int64_t to) {
  bool isCubic = step.filter == VIT_FILTER_CUBIC;
  Taps taps;
  taps.resize(size_t(to));
  if (step.antialias) {
    FilterWeights weights(isCubic ? VIT_PICTURE_BICUBIC : VIT_PICTURE_BILINEAR, from, to);
    for (int64_t place = 0; place != to; ++place) {
      Range inputs = weights.compute(place);
      for (int64_t i = 0; i != inputs.size(); ++i)
        taps[size_t(place)].push_back({size_t(inputs.begin + i), weights[i]});
    }
    return taps;
  }
  double scale = double(from) / double(to), support = isCubic ? 2 : 1;
  for (int64_t place = 0; place != to; ++place) {
    double centre = scale * (double(place) + 0.5) - 0.5;
    auto last = int64_t(std::floor(centre + support));
    for (auto source = int64_t(std::ceil(centre - support)); source <= last; ++source) {
      double distance = double(source) - centre;
      taps[size_t(place)].push_back({size_t(std::clamp<int64_t>(source, 0, from - 1)),
                                     isCubic ? sharpCubic(distance) : linear(distance)});
    }
  }
  return taps;
}

/// `to` becomes a sum of rows of `from`, all of `count` values.
void sumRows(const double *from, std::span<const Tap> taps, double *to, size_t count) {
  std::fill_n(to, count, 0.0);
  for (const Tap &tap : taps) {
    const double *row = from + tap.place * count;
    for (size_t i = 0; i != count; ++i)
      to[i] += tap.weight * row[i];
  }
}

} // namespace

bool fitsTable(const vit_recipe_step &step, std::span<const int64_t> operand) {
  std::span<const int64_t> shape(step.shape, step.rank);
  int64_t height = step.grid[0], width = step.grid[1];
  switch (step.op) {
  case VIT_RECIPE_RESAMPLE:
    return operand.size() == 2 && shape.size() == 2 && operand[1] == shape[1] &&
           areRows(height, width, operand[0]) && areRows(step.grid[2], step.grid[3], shape[0]) &&
           canStretch(height, step.grid[3], shape[1]) && step.filter <= VIT_FILTER_CUBIC &&
           step.antialias <= 1;
  case VIT_RECIPE_RELATIVE_BIAS:
    return operand.size() == 2 && shape.size() == 3 && (step.first == 0 || step.first == 1) &&
           fitDistances(step, operand[0]) && areRows(height, width, shape[0] - step.first) &&
           shape[1] == operand[1] && shape[2] >= shape[0];
  case VIT_RECIPE_ROPE_TABLE:
    return shape.size() == 2 && shape[1] % 2 == 0 && step.first >= 0 && step.first <= shape[0] &&
           areRows(height, width, shape[0] - step.first) &&
           uint64_t(shape[1]) + 4 == step.number_count;
  default:
    return false;
  }
}

Doubles resample(const vit_recipe_step &step, const Doubles &table) {
  auto fromWidth = size_t(step.grid[1]), columns = size_t(step.shape[1]);
  auto height = size_t(step.grid[2]), width = size_t(step.grid[3]);
  Taps down = tapsOf(step, step.grid[0], step.grid[2]),
       across = tapsOf(step, step.grid[1], step.grid[3]);
  Doubles out(height * width * columns);
  parallelParts(height, width * columns, [&](size_t begin, size_t end) {
    Doubles line(fromWidth * columns); // a row of the result before it is stretched
    for (size_t y = begin; y != end; ++y) {
      sumRows(table.data(), down[y], line.data(), fromWidth * columns);
      for (size_t x = 0; x != width; ++x)
        sumRows(line.data(), across[x], out.data() + (y * width + x) * columns, columns);
    }
  });
  return out;
}

/// A table of other distances, for those of a RELATIVE_BIAS. Rows behind them stay.
static Doubles resizedDistances(const vit_recipe_step &bias, const Doubles &table) {
  int64_t heads = bias.shape[1];
  vit_recipe_step step = {};
  step.rank = 2;
  step.shape[1] = heads;
  step.grid[0] = bias.grid[2], step.grid[1] = bias.grid[3];
  step.grid[2] = 2 * bias.grid[0] - 1, step.grid[3] = 2 * bias.grid[1] - 1;
  step.filter = VIT_FILTER_LINEAR;
  Doubles rows = resample(step, table);
  rows.insert(rows.end(), table.end() - 3 * bias.first * heads, table.end());
  return rows;
}

Doubles relativeBias(const vit_recipe_step &step, const Doubles &given) {
  auto height = size_t(step.grid[0]), width = size_t(step.grid[1]), lead = size_t(step.first);
  auto tokens = size_t(step.shape[0]), heads = size_t(step.shape[1]), keys = size_t(step.shape[2]);
  size_t distances = (2 * height - 1) * (2 * width - 1);
  Doubles resized;
  if (step.grid[2])
    resized = resizedDistances(step, given);
  const Doubles &table = step.grid[2] ? resized : given;
  Doubles out(tokens * heads * keys);
  auto rowOf = [&](size_t query, size_t key) {
    if (query < lead && key < lead)
      return distances + 2; // the class token with itself
    if (query < lead || key < lead)
      return distances + (query < lead ? 0 : 1);
    size_t q = query - lead, k = key - lead;
    return (q / width + height - 1 - k / width) * (2 * width - 1) + q % width + width - 1 -
           k % width;
  };
  parallelParts(tokens, heads * keys, [&](size_t begin, size_t end) {
    std::fill(out.begin() + int64_t(begin * heads * keys),
              out.begin() + int64_t(end * heads * keys), 0.0);
    for (size_t query = begin; query != end; ++query)
      for (size_t key = 0; key != tokens; ++key)
        for (size_t head = 0, row = rowOf(query, key); head != heads; ++head)
          out[(query * heads + head) * keys + key] = table[row * heads + head];
  });
  return out;
}

Doubles ropeTable(const vit_recipe_step &step) {
  auto width = size_t(step.grid[1]), lead = size_t(step.first);
  auto tokens = size_t(step.shape[0]), pairs = size_t(step.shape[1]) / 2;
  const double *origin = step.numbers, *stride = origin + 2, *down = origin + 4,
               *across = down + pairs;
  Doubles out;
  out.reserve(tokens * pairs * 2);
  for (size_t token = 0; token != tokens; ++token)
    for (size_t pair = 0; pair != pairs; ++pair) {
      double angle = 0;
      if (token >= lead) {
        size_t line = (token - lead) / width, column = (token - lead) % width;
        double y = origin[0] + stride[0] * double(line), x = origin[1] + stride[1] * double(column);
        angle = y * down[pair] + x * across[pair];
      }
      out.push_back(std::cos(angle));
      out.push_back(std::sin(angle));
    }
  return out;
}

Doubles rowSums(const Doubles &in, size_t rows) {
  Doubles out(rows, 0.0);
  size_t width = rows ? in.size() / rows : 0;
  for (size_t i = 0; i != rows * width; ++i)
    out[i / width] += in[i];
  return out;
}

} // namespace vitrt
