//===- Upright.cpp - Pictures that lie on their side -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Upright.h"

#include <cstring>

namespace vitc::driver {

vitrt::Result<void> UprightSink::begin(int64_t fileWidth, int64_t fileHeight) {
  width = fileWidth;
  height = fileHeight;
  if (!isPlain())
    pixels.resize(size_t(3 * width * height));
  bool turned = orientation >= 5;
  return inner.begin(turned ? height : width, turned ? width : height);
}

void UprightSink::row(int64_t index, const uint8_t *rgb) {
  if (isPlain())
    inner.row(index, rgb);
  else
    std::memcpy(&pixels[size_t(3 * width * index)], rgb, size_t(3 * width));
}

void UprightSink::finish() {
  if (isPlain())
    return;
  // Row and column of the file for row y and column x: from where the first pixel is, and steps.
  bool turned = orientation >= 5;
  bool fromBottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  bool fromRight = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  int64_t down = 3 * width * (fromBottom ? -1 : 1), right = fromRight ? -3 : 3;
  int64_t start = (fromBottom ? 3 * width * (height - 1) : 0) + (fromRight ? 3 * (width - 1) : 0);
  int64_t rows = turned ? width : height, columns = turned ? height : width;
  int64_t perRow = turned ? right : down, perColumn = turned ? down : right;
  std::vector<uint8_t> line(size_t(3 * columns));
  for (int64_t y = 0; y != rows; ++y) {
    for (int64_t x = 0; x != columns; ++x)
      std::memcpy(&line[size_t(3 * x)], &pixels[size_t(start + y * perRow + x * perColumn)], 3);
    inner.row(y, line.data());
  }
}

} // namespace vitc::driver
