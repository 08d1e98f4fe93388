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

FOREIGN(bitonic_sort) {
  auto keys = c.random<uint32_t>(1024, 0, 4e9);
  auto values = each(1024, [](size_t i) { return int(i); });
  auto k = c.input(keys), v = c.input(values);
  c.launch("bitonic_sort", {2}, {256}, k, v);
  for (int block = 0; block < 2; ++block)
    std::sort(values.begin() + 512 * block, values.begin() + 512 * (block + 1),
              [&](int a, int b) { return keys[a] < keys[b]; });
  c.expect(k, each(1024, [&](size_t i) { return keys[values[i]]; }));
  c.expect(v, values);
}

FOREIGN(transpose_tiled) {
  const int rows = 70, columns = 45;
  auto x = c.random<float>(rows * columns);
  auto bytes = c.random<uint8_t>(rows * columns, 0, 255);
  auto out = c.output<float>(x.size()), outBytes = c.output<uint8_t>(x.size());
  c.launch("transpose_tiled", {2, 3}, {32, 8}, c.input(x), out, rows, columns);
  c.launch("transpose_bytes", {2, 3}, {32, 8}, c.input(bytes), outBytes, rows, columns);
  auto from = [&](size_t i) { return i % rows * columns + i / rows; };
  c.expect(out, each(x.size(), [&](size_t i) { return x[from(i)]; }));
  c.expect(outBytes, each(x.size(), [&](size_t i) { return bytes[from(i)]; }));
}

FOREIGN(histogram) {
  auto bytes = c.random<uint8_t>(5000, 0, 60);
  auto counts = c.zeros<uint32_t>(256);
  c.launch("histogram", {4}, {128}, c.input(bytes), counts, 5000);
  std::vector<uint32_t> wanted(256);
  for (uint8_t b : bytes)
    ++wanted[b];
  c.expect(counts, wanted);
}
