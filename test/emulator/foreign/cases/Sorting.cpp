//===- Sorting.cpp - Sorts, and what else moves values about -----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"

#include <algorithm>

using namespace foreign;

FOREIGN(local_sort) {
  const int rows = 75;
  auto in = c.random<float>(rows * 16);
  auto out = c.output<float>(rows * 16), extremes = c.output<float>(rows * 3);
  c.launch("local_sort", {2}, {64}, c.input(in), out, extremes, rows);
  std::vector<float> sorted, ends;
  for (int row = 0; row < rows; ++row) {
    std::vector<float> values(16);
    for (int i = 0; i < 16; ++i)
      values[(i + row) % 16] = in[row * 16 + i];
    int32_t swaps = 0;
    for (int i = 0; i < 16; ++i)
      for (int j = 0; j < i; ++j)
        swaps += values[j] > values[i];
    std::sort(values.begin(), values.end());
    sorted.insert(sorted.end(), values.begin(), values.end());
    float bits;
    memcpy(&bits, &swaps, 4);
    ends.insert(ends.end(), {values[0], values[15], bits});
  }
  c.expect(out, sorted);
  c.expect(extremes, ends);
}
