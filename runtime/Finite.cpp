//===- Finite.cpp - Are the outputs numbers? -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// An activation beyond 65504 becomes infinite in f16, and a few ops later all
// outputs are NaN. Only the outputs are looked at: what is infinite on the way and
// harmless in the end is no error.
//===----------------------------------------------------------------------===//
#include "runtime/Finite.h"
#include "runtime/ElementAt.h"

#include <span>

namespace vitrt {
namespace {

/// An exponent of ones, of whichever type.
bool isFiniteAt(const uint8_t *bytes, uint64_t i, uint32_t dtype) {
  switch (dtype) {
  case VIT_U8:
    return true;
  case VIT_F64:
    return (~elementAt<uint64_t>(bytes, i) & 0x7FF0000000000000) != 0;
  case VIT_F16:
    return (~elementAt<uint16_t>(bytes, i) & 0x7C00) != 0;
  case VIT_BF16:
    return (~elementAt<uint16_t>(bytes, i) & 0x7F80) != 0;
  default:
    return (~elementAt<uint32_t>(bytes, i) & 0x7F800000) != 0;
  }
}

} // namespace

uint64_t countNonfinite(const uint8_t *bytes, uint64_t first, uint64_t count, uint32_t dtype) {
  uint64_t bad = 0;
  for (uint64_t i = first; i != first + count; ++i)
    bad += !isFiniteAt(bytes, i, dtype);
  return bad;
}

namespace {

class FiniteCheck {
public:
  FiniteCheck(const vit_library &library, const SizedPlan &sized, int batch,
              const HostBytes &bytesOf)
      : library(library), sized(sized), batch(batch), bytesOf(bytesOf),
        images(library.batch_axis ? 1 : uint64_t(batch)) {}

  Status check() {
    for (uint32_t i = 0; i != library.output_count; ++i) {
      std::vector<uint64_t> bad;
      uint64_t values = 0;
      if (Status counted = count(false, i, bad, values); !counted)
        return counted;
      for (uint64_t image = 0; image != images; ++image) {
        if (!bad[image])
          continue;
        if (Status known = lookAtInputs(); !known)
          return known;
        if (!badInputs[image])
          return {VIT_NOT_FINITE, text(i, image, bad[image], values)};
      }
    }
    return {};
  }

private:
  /// For each image of an input or output: how many of its `values` are bad.
  Status count(bool isInput, uint32_t index, std::vector<uint64_t> &bad, uint64_t &values) {
    uint64_t bytes = isInput ? sized.inputBytes(library, index, batch)
                             : sized.outputBytes(library, index, batch);
    uint32_t dtype = (isInput ? library.inputs : library.outputs)[index].dtype;
    values = bytes / sizeOf(dtype) / images;
    const uint8_t *data = nullptr;
    if (Status given = bytesOf(isInput, index, bytes, data); !given)
      return given;
    bad.resize(images);
    for (uint64_t image = 0; image != images; ++image)
      bad[image] = countNonfinite(data, image * values, values, dtype);
    return {};
  }

  Status lookAtInputs() {
    if (!badInputs.empty())
      return {};
    badInputs.assign(images, 0);
    for (uint32_t i = 0; i != library.input_count; ++i) {
      std::vector<uint64_t> bad;
      uint64_t values = 0;
      if (Status counted = count(true, i, bad, values); !counted) {
        badInputs.clear();
        return counted;
      }
      for (uint64_t image = 0; image != images; ++image)
        badInputs[image] += bad[image];
    }
    return {};
  }

  std::string text(uint32_t output, uint64_t image, uint64_t bad, uint64_t values) const {
    std::string text = outputText(library, output) + " has " + std::to_string(bad) + " of " +
                       std::to_string(values) + " values that are not finite";
    text += library.batch_axis ? "" : " for image " + std::to_string(image);
    text += ", although the inputs are finite; ";
    bool half = false;
    for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
      half |= weight.dtype == VIT_F16;
    return text + (half ? "a value in the model was too large for f16: build with --residual f32, "
                          "or with --dtype bf16"
                        : "look for the first such value with vitc check --bisect");
  }

  const vit_library &library;
  const SizedPlan &sized;
  int batch;
  const HostBytes &bytesOf;
  uint64_t images;
  std::vector<uint64_t> badInputs; // of each image; empty: not known yet
};

} // namespace

Status checkFinite(const vit_library &library, const SizedPlan &sized, int batch,
                   const HostBytes &bytesOf) {
  return FiniteCheck(library, sized, batch, bytesOf).check();
}

} // namespace vitrt
