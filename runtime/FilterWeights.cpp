//===- FilterWeights.cpp - What a resized value is a sum of -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/FilterWeights.h"

#include <algorithm>
#include <cmath>

namespace vitrt {
namespace {

double sinc(double x) {
  if (x == 0.0)
    return 1.0;
  x *= M_PI;
  return std::sin(x) / x;
}

double valueOf(uint32_t filter, double x) {
  if (filter == VIT_PICTURE_BOX)
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  if (filter == VIT_PICTURE_LANCZOS)
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  x = std::fabs(x);
  if (filter == VIT_PICTURE_HAMMING)
    return x == 0.0 ? 1.0 : x >= 1.0 ? 0.0 : sinc(x) * (0.54f + 0.46f * std::cos(x * M_PI));
  if (filter == VIT_PICTURE_BILINEAR)
    return x < 1.0 ? 1.0 - x : 0.0;
  constexpr double a = -0.5; // bicubic
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

double supportOf(uint32_t filter) {
  switch (filter) {
  case VIT_PICTURE_LANCZOS:
    return 3.0;
  case VIT_PICTURE_BICUBIC:
    return 2.0;
  case VIT_PICTURE_BOX:
    return 0.5;
  default:
    return 1.0;
  }
}

} // namespace

FilterWeights::FilterWeights(uint32_t filter, int64_t in, int64_t out)
    : filter(filter), in(in), scale(double(in) / double(out)), grown(std::max(scale, 1.0)),
      support(supportOf(filter) * grown), values(size_t(taps())) {}

int64_t FilterWeights::taps() const { return int64_t(std::ceil(support)) * 2 + 1; }

Range FilterWeights::compute(int64_t output) {
  double center = (double(output) + 0.5) * scale, sum = 0, inverse = 1.0 / grown;
  Range inputs = {std::max<int64_t>(0, int64_t(std::floor(center - support + 0.5))),
                  std::min<int64_t>(in, int64_t(std::floor(center + support + 0.5)))};
  inputs.end = std::clamp(inputs.end, inputs.begin, inputs.begin + taps());
  for (int64_t i = 0; i != inputs.size(); ++i) {
    values[size_t(i)] =
        valueOf(filter, (double(i) + double(inputs.begin) - center + 0.5) * inverse);
    sum += values[size_t(i)];
  }
  for (int64_t i = 0; i != inputs.size(); ++i)
    if (sum != 0.0)
      values[size_t(i)] /= sum;
  return inputs;
}

} // namespace vitrt
