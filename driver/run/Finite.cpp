//===- Finite.cpp - Are inputs and outputs numbers? ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Finite.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vitc::driver {

using vitrt::quoted;

/// Pixels of 8 bits are integers up to 255. Normalised values hardly ever are integers, and those
/// of darkest pictures, or of few grey levels, may be small in both.
static constexpr float fewestLevels = 20;

static std::string numberText(double value) {
  char text[32];
  snprintf(text, sizeof text, "%g", value);
  return std::isnan(value) ? "nan" : text; // without a sign
}

bool isFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

std::vector<std::string> inputWarnings(const ValueShape &input, std::span<const float> values) {
  std::vector<std::string> warnings;
  auto isBad = [](float value) { return !std::isfinite(value); };
  auto first = std::find_if(values.begin(), values.end(), isBad);
  if (first != values.end()) {
    int64_t at = first - values.begin(), perImage = input.count();
    warnings.push_back(quoted(input.name) + " has " +
                       std::to_string(std::count_if(first, values.end(), isBad)) + " of " +
                       std::to_string(values.size()) + " values that are not finite, of image " +
                       std::to_string(at / perImage) + " element " + std::to_string(at % perImage) +
                       " is " + numberText(*first) + "; what is made of them is no number either");
  }
  float largest = 0;
  bool pixels = std::all_of(values.begin(), values.end(), [&](float value) {
    largest = std::max(largest, value);
    return value >= 0 && value <= 255 && value == std::floor(value);
  });
  if (pixels && largest > fewestLevels && input.perImage.size() == 3)
    warnings.push_back(quoted(input.name) + " has only integers from 0 to " + numberText(largest) +
                       ", as pixels of 8 bits; the model expects normalised values: give "
                       "(pixel / 255 - mean) / std, as its preprocessor_config.json says");
  return warnings;
}

std::string Nonfinite::text() const {
  return "image " + std::to_string(image) + " of " + quoted(output) + " has " + numberText(value) +
         " although its input is finite";
}

RunFunction FiniteWatch::function() {
  return [this](int64_t batch, std::span<const float> input,
                std::span<std::vector<double>> outputs) -> Result<void> {
    auto done = run(batch, input, outputs);
    if (done && !found)
      look(batch, input, outputs);
    images += batch;
    return done;
  };
}

void FiniteWatch::look(int64_t batch, std::span<const float> input,
                       std::span<const std::vector<double>> outputs) {
  size_t perImage = size_t(model.input.count());
  for (size_t i = 0; i != outputs.size(); ++i) {
    size_t count = size_t(model.outputs[i].count());
    for (int64_t image = 0; image != batch; ++image) {
      auto values = std::span(outputs[i]).subspan(size_t(image) * count, count);
      auto bad = std::find_if(values.begin(), values.end(),
                              [](double value) { return !std::isfinite(value); });
      auto own = model.batchAxis ? input : input.subspan(size_t(image) * perImage, perImage);
      if (bad == values.end() || !isFinite(own))
        continue;
      found = {model.outputs[i].name, images + image, *bad, batch, {input.begin(), input.end()}};
      return;
    }
  }
}

} // namespace vitc::driver
