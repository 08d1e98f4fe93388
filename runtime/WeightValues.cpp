//===- WeightValues.cpp - Values that are of no use ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Weights that are no numbers, and those that a narrower type turns into
// infinities or zeros: the outputs would say nothing of it.
//===----------------------------------------------------------------------===//
#include "runtime/WeightValues.h"
#include "runtime/Recipe.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vitrt {
namespace {

const char *nameOfDtype(uint32_t dtype) {
  constexpr const char *names[] = {"f32", "f16", "bf16", "f64"};
  return dtype < 4 ? names[dtype] : "an unknown type";
}

/// What rounds to infinity, and the largest that rounds to zero.
struct Limits {
  double infinite, zero;
};
Limits limitsOf(uint32_t dtype) {
  switch (dtype) {
  case VIT_F16:
    return {65520, 0x1p-25};
  case VIT_BF16:
    return {0x1.FFp127, 0x1p-134};
  case VIT_F32:
    return {0x1.FFFFFFp127, 0x1p-150};
  default:
    return {HUGE_VAL, 0};
  }
}

} // namespace

std::string numberText(double number) {
  char text[32];
  snprintf(text, sizeof text, "%g", number);
  return std::isnan(number) ? "nan" : text; // without a sign
}

std::string rangeProblem(const std::string &name, std::span<const double> values, uint32_t dtype) {
  auto [infinite, zero] = limitsOf(dtype);
  double largest = 0;
  bool survives = false; // one that is no zero, maybe no number either
  for (double number : values) {
    double size = std::fabs(number);
    if (size >= infinite && std::isfinite(number))
      return quoted(name) + " holds " + numberText(number) + ", too large for " +
             nameOfDtype(dtype) + "; build with another --dtype";
    survives |= !(size <= zero);
    largest = std::max(largest, size);
  }
  if (largest == 0 || survives)
    return "";
  return quoted(name) + " holds nothing but values too small for " + nameOfDtype(dtype) +
         " (the largest is " + numberText(largest) +
         "), which would all be 0; build with another --dtype";
}

std::string finiteProblem(const std::string &name, const std::vector<double> &values) {
  auto isBad = [](double value) { return !std::isfinite(value); };
  auto first = std::find_if(values.begin(), values.end(), isBad);
  if (first == values.end())
    return "";
  return quoted(name) + " has " + std::to_string(std::count_if(first, values.end(), isBad)) +
         " of " + std::to_string(values.size()) + " values that are not finite, element " +
         std::to_string(first - values.begin()) + " is " + numberText(*first);
}

} // namespace vitrt
