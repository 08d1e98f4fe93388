//===- Quantized.cpp - Values of products of i8, read ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Quantized.h"

#include <cstring>

namespace {

constexpr int64_t behind = 8; ///< bytes: the scale, and a whole number
constexpr int64_t group = 4;  ///< steps of a column of a panel that are neighbours

template <class Number> Number numberAt(const uint8_t *bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

} // namespace

std::vector<double> vitc::driver::decodeRows(std::span<const uint8_t> bytes, int64_t columns) {
  std::vector<double> values(bytes.size());
  int64_t depth = columns - behind;
  for (int64_t begin = 0; begin < int64_t(bytes.size()); begin += columns) {
    const uint8_t *row = bytes.data() + begin;
    auto scale = numberAt<float>(row + depth);
    auto zero = numberAt<int32_t>(row + depth + 4);
    for (int64_t i = 0; i < depth; ++i)
      values[begin + i] = double(scale) * (row[i] - zero);
  }
  return values;
}

std::vector<double> vitc::driver::decodePanels(std::span<const double> bytes, int64_t steps,
                                               int64_t width) {
  std::vector<double> values(bytes.size());
  int64_t depth = steps - behind;
  for (int64_t begin = 0; begin < int64_t(bytes.size()); begin += steps * width)
    for (int64_t column = 0; column < width; ++column) {
      auto place = [&](int64_t step) {
        return begin + (step / group * width + column) * group + step % group;
      };
      uint8_t word[group];
      for (int64_t i = 0; i < group; ++i)
        word[i] = uint8_t(int8_t(bytes[place(depth + i)]));
      auto scale = numberAt<float>(word);
      for (int64_t k = 0; k < depth; ++k)
        values[begin + k * width + column] = double(scale) * bytes[place(k)];
    }
  return values;
}
