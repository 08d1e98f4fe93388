//===- HashWeights.cpp - Weights and inputs made from their names ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything is f32 with one rounding per operation (this file is compiled
// without contraction), except the fan-in scale, which is computed in f64 and
// rounded once. The uniform values have 24 bits and are exact.
//===----------------------------------------------------------------------===//
#include "weights/HashWeights.h"
#include "weights/Float.h"

#include <cmath>

namespace vitrt {
namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (unsigned char c : text)
    hash = (hash ^ c) * 0x100000001B3;
  return hash;
}

uint64_t splitMix(uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

float roundToHalf(float value) { return halfToFloat(doubleToHalf(value)); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// offset + scale * value: the range of the tensor's values.
struct Range {
  float offset, scale;
};

Range rangeOf(std::string_view name, std::span<const int64_t> shape) {
  if (contains(name, "cls_token") || contains(name, "position_embeddings") ||
      contains(name, "pos_embed"))
    return {0, 0.5f};
  if (shape.size() >= 2) {
    double fanIn = 1;
    for (int64_t extent : shape.subspan(1))
      fanIn *= double(extent);
    return {0, float(std::sqrt(3.0 / fanIn))};
  }
  bool weight = name.size() >= 7 && name.substr(name.size() - 7) == ".weight";
  return {weight ? 1.0f : 0.0f, 0.1f};
}

} // namespace

void hashUniform(std::string_view name, uint64_t first, std::span<float> out) {
  uint64_t seed = fnv1a(name) + first * 0x9E3779B97F4A7C15;
  for (float &value : out) {
    value = float(int32_t(splitMix(seed) >> 40) - (1 << 23)) * 0x1p-23f;
    seed += 0x9E3779B97F4A7C15;
  }
}

void hashTensor(std::string_view name, std::span<const int64_t> shape, double add,
                std::span<float> out) {
  hashUniform(name, 0, out);
  if (name == "pixel_values")
    return;
  Range range = rangeOf(name, shape);
  float shift = float(add);
  for (float &value : out) {
    float scaled = range.scale * value;
    value = roundToHalf(range.offset + scaled);
    if (shift != 0)
      value = roundToHalf(value + shift);
  }
}

} // namespace vitrt
