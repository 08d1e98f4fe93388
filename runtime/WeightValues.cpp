//===- WeightValues.cpp - Values that are of no use ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Weights that are no numbers, and those that a narrower type turns into
// infinities or zeros: the outputs would say nothing of it.
//===----------------------------------------------------------------------===//
#include "runtime/WeightValues.h"
#include "runtime/Parallel.h"
#include "runtime/Recipe.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>

namespace vitrt {
namespace {

const char *nameOfDtype(uint32_t dtype) {
  constexpr const char *names[] = {"f32", "f16", "bf16", "f64", "tf32"};
  return dtype <= VIT_TF32 ? names[dtype] : "an unknown type";
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
  case VIT_TF32: // ties go away from zero
    return {0x1.FFEp127, 0x1.FFFFFFFFFFFFFp-138};
  case VIT_F32:
    return {0x1.FFFFFFp127, 0x1p-150};
  default:
    return {HUGE_VAL, 0};
  }
}

/// What to do about values beyond the range of `dtype`, the largest of which is `size`.
const char *cureFor(uint32_t dtype, double size) {
  auto [infinite, zero] = limitsOf(VIT_BF16);
  return dtype == VIT_F16 && size < infinite && size > zero
             ? "; build with --dtype bf16"
             : "; repair the weights, no type of the code holds it";
}

} // namespace

std::string numberText(double number) {
  char text[32];
  snprintf(text, sizeof text, "%g", number);
  return std::isnan(number) ? "nan" : text; // without a sign
}

/// Whether none becomes infinite, and one stays.
static bool isInRange(std::span<const double> values, uint32_t dtype) {
  auto [infinite, zero] = limitsOf(dtype);
  std::atomic<bool> leaves = false, survives = false;
  parallelParts(values.size(), 1, [&, infinite = infinite, zero = zero](size_t begin, size_t end) {
    bool large = false, some = false;
    for (double number : values.subspan(begin, end - begin)) {
      double size = std::fabs(number);
      large |= size >= infinite && size <= std::numeric_limits<double>::max();
      some |= !(size <= zero);
    }
    if (large)
      leaves = true;
    if (some)
      survives = true;
  });
  return survives && !leaves;
}

std::string rangeProblem(const std::string &who, std::span<const double> values, uint32_t dtype) {
  if (isInRange(values, dtype))
    return "";
  auto [infinite, zero] = limitsOf(dtype);
  double largest = 0;
  bool survives = false; // one that is no zero, maybe no number either
  for (double number : values) {
    double size = std::fabs(number);
    if (size >= infinite && std::isfinite(number))
      return who + " " + numberText(number) + ", too large for " + nameOfDtype(dtype) +
             cureFor(dtype, size);
    survives |= !(size <= zero);
    largest = std::max(largest, size);
  }
  if (largest == 0 || survives)
    return "";
  return who + " nothing but values too small for " + nameOfDtype(dtype) + " (the largest is " +
         numberText(largest) + "), which would all be 0" + cureFor(dtype, largest);
}

static bool leavesRange(std::span<const double> values, uint32_t dtype) {
  double infinite = limitsOf(dtype).infinite;
  return std::ranges::any_of(
      values, [=](double v) { return std::isfinite(v) && std::fabs(v) >= infinite; });
}

std::vector<uint32_t> loadsOf(const vit_library &library, uint32_t value) {
  std::vector<uint32_t> loads, open = {value};
  std::vector<bool> seen(value + 1);
  while (!open.empty()) {
    uint32_t next = open.back();
    open.pop_back();
    if (seen[next])
      continue;
    seen[next] = true;
    const vit_recipe_step &step = library.recipe[next];
    if (step.op == VIT_RECIPE_LOAD)
      loads.push_back(next);
    for (uint32_t i = step.operand_count; i-- != 0;)
      if (step.operands[i] < next) // else it is damaged
        open.push_back(step.operands[i]);
  }
  return loads;
}

std::string originOf(const vit_library &library, WeightSource &source, uint32_t value,
                     uint32_t dtype) {
  std::vector<std::string> all, culprits;
  for (uint32_t load : loadsOf(library, value)) {
    const vit_recipe_step &step = library.recipe[load];
    all.push_back(quoted(source.keyOf(step)));
    auto values = source.load(step); // again: what was made of it is gone
    if (values && leavesRange(*values, dtype))
      culprits.push_back(all.back());
  }
  std::string text;
  const std::vector<std::string> &named = culprits.empty() ? all : culprits;
  for (const std::string &name : named)
    text += (text.empty() ? "" : &name == &named.back() ? " and " : ", ") + name;
  if (named.empty())
    return "a table of angles holds";
  if (named.size() == 1)
    return text + " holds";
  return culprits.empty() ? "what is made of " + text + " holds" : text + " hold";
}

std::string finiteProblem(const std::string &name, std::span<const double> values) {
  auto isBad = [](double value) { return !std::isfinite(value); };
  auto first = std::find_if(values.begin(), values.end(), isBad);
  if (first == values.end())
    return "";
  return quoted(name) + " has " + std::to_string(std::count_if(first, values.end(), isBad)) +
         " of " + std::to_string(values.size()) + " values that are not finite, element " +
         std::to_string(first - values.begin()) + " is " + numberText(*first);
}

} // namespace vitrt
