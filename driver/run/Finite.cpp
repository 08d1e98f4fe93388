//===- Finite.cpp - Are inputs and outputs numbers? ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Finite.h"
#include "runtime/Finite.h"
#include "runtime/Inspect.h"
#include "runtime/WeightValues.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vitc::driver {

using vitrt::numberText;
using vitrt::quoted;

/// Pixels of 8 bits are integers up to 255. Normalised values hardly ever are integers, and those
/// of darkest pictures, or of few grey levels, may be small in both.
static constexpr float fewestLevels = 20;

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
  if (!input.bytes && pixels && largest > fewestLevels && input.perImage.size() == 3)
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

//===----------------------------------------------------------------------===//
// Which step
//===----------------------------------------------------------------------===//

namespace {

/// A word between underscores.
bool hasWord(std::string_view name, std::string_view word) {
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('_', begin), name.size());
    if (name.substr(begin, end - begin) == word)
      return true;
    begin = end + 1;
  }
  return false;
}

/// What the kernel stores, by its name; nothing for names that are not the compiler's.
std::optional<vit_dtype> storedType(std::string_view kernel) {
  constexpr std::pair<std::string_view, vit_dtype> types[] = {
      {"bf16", VIT_BF16}, {"f16", VIT_F16}, {"tf32", VIT_TF32}, {"f32", VIT_F32}};
  for (auto [word, type] : types)
    if (hasWord(kernel, word))
      return type;
  return std::nullopt;
}

/// The first step that writes what is no number, and how it stores.
struct Writer {
  std::string label, kernel;
  vit_dtype type;
};

std::optional<Writer> writerOf(const vitrt::StepView &view, const vit_library &library) {
  std::optional<vit_dtype> named = storedType(view.kernel->base);
  for (const vitrt::WrittenValue &value : view.written) {
    bool output = value.kind == VIT_ARG_OUTPUT;
    if (!output && (!named || view.written.size() > 1)) // which of them has the name's type?
      continue;
    vit_dtype type = output ? vit_dtype(library.outputs[value.index].dtype) : *named;
    uint64_t count = value.bytes.size() / vitrt::sizeOf(type);
    if (type != VIT_F64 && vitrt::countNonfinite(value.bytes.data(), 0, count, type) != 0)
      return Writer{view.step->label, view.kernel->base, type};
  }
  return std::nullopt;
}

} // namespace

Result<std::string> explainStep(vit_workspace *workspace, const vit_library &library,
                                const RunnableModel &model, const Nonfinite &found) {
  std::vector<std::vector<float>> outputs;
  std::vector<void *> pointers;
  for (const ValueShape &output : model.outputs) {
    outputs.emplace_back(size_t(found.batch * output.count()));
    pointers.push_back(outputs.back().data());
  }
  std::optional<Writer> first;
  std::vector<uint8_t> bytes;
  const void *inputs[] = {asStored(model.input, found.input, bytes)};
  auto done = vitrt::runHostObserved(workspace, int(found.batch), inputs, 1, pointers.data(),
                                     int(pointers.size()),
                                     [&](const vitrt::StepView &view) -> Result<void> {
                                       first = first ? first : writerOf(view, library);
                                       return {};
                                     });
  if (!done)
    return done.takeError();
  std::string text = ": a value has left the range of its type; build with --residual f32 or "
                     "--dtype bf16";
  if (!first)
    return text;
  text = ": " + quoted(first->label) + " (kernel " + first->kernel +
         ") is the first to write such values; ";
  if (first->kernel.find("norm") != first->kernel.npos)
    text +=
        "norms square what they read in f32, so if that is beyond 1e18, repair the weights; else ";
  if (first->type != VIT_F16)
    return text + "repair the weights, or build with --dtype bf16 if it is not yet";
  return text + "build with " + (hasWord(first->kernel, "add") ? "--residual f32" : "--dtype bf16");
}

} // namespace vitc::driver
