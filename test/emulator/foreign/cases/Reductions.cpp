//===- Reductions.cpp - Sums, scans, norms ------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"

#include <algorithm>
#include <numeric>

using namespace foreign;

FOREIGN(saxpy) {
  auto x = c.random<float>(1000), y = c.random<float>(1000);
  auto out = c.output<float>(1000);
  c.launch("saxpy", {3}, {96}, 2.5f, c.input(x), c.input(y), out, 1000);
  c.expect(out, each(1000, [&](size_t i) { return 2.5f * x[i] + y[i]; }), 1e-6);
}

FOREIGN(reduce_sum) {
  auto x = c.random<float>(5000, 0, 1);
  auto sum = c.zeros<float>(1);
  c.launch("reduce_sum", {7}, {256}, c.input(x), sum, 5000);
  c.expect(sum, std::vector<float>{float(std::accumulate(x.begin(), x.end(), 0.0))}, 1e-5);
}

FOREIGN(reduce_groups) {
  const int n = 256;
  auto x = c.random<float>(n);
  auto labels = c.random<int>(n, 0, 6);
  auto sums = c.output<float>(n / 16), counts = c.output<int>(n), ranks = c.output<int>(n),
       scans = c.output<int>(n);
  c.launch("reduce_groups", {2}, {128}, c.input(x), c.input(labels), sums, counts, ranks, scans);
  std::vector<float> wantedSums(n / 16);
  std::vector<int> wantedCounts(n), wantedRanks(n), wantedScans(n);
  for (int i = 0; i < n; ++i) {
    wantedSums[i / 16] += x[i];
    int warp = i / 32 * 32, rank = 0, size = 0, largest = 0;
    for (int j = i / 16 * 16; j < i; ++j)
      wantedScans[i] += labels[j];
    for (int j = warp; j < warp + 32; ++j) {
      wantedCounts[i] += labels[j] == labels[i];
      if (labels[j] % 3 == 1)
        ++size, rank += j < i, largest = std::max(largest, labels[j]);
    }
    wantedRanks[i] = labels[i] % 3 == 1 ? rank + 100 * size + 10000 * largest : -1;
  }
  for (int i = 0; i < n; i += 64) {
    int most = *std::max_element(&wantedCounts[i], &wantedCounts[i] + 64);
    for (int j = i; j < i + 64; ++j)
      wantedCounts[j] += 1000 * most;
  }
  c.expect(sums, wantedSums, 1e-5);
  c.expect(counts, wantedCounts);
  c.expect(ranks, wantedRanks);
  c.expect(scans, wantedScans);
}

FOREIGN(scan_block) {
  auto x = c.random<int>(3 * 192, -50, 50);
  auto out = c.output<int>(x.size());
  c.launch("scan_block", {3}, {192}, c.input(x), out);
  std::vector<int> wanted(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    wanted[i] = x[i] + (i % 192 ? wanted[i - 1] : 0);
  c.expect(out, wanted);
}

FOREIGN(softmax_rows) {
  const int rows = 4, columns = 333;
  auto x = c.random<float>(rows * columns, -8, 8);
  auto out = c.output<float>(x.size());
  c.launch("softmax_rows", {rows}, {128}, c.input(x), out, columns);
  std::vector<float> wanted;
  for (int row = 0; row < rows; ++row) {
    double sum = 0;
    for (int i = 0; i < columns; ++i)
      sum += std::exp(double(x[row * columns + i]));
    for (int i = 0; i < columns; ++i)
      wanted.push_back(float(std::exp(double(x[row * columns + i])) / sum));
  }
  c.expect(out, wanted, 1e-6);
}

FOREIGN(layer_norm) {
  const int rows = 3, columns = 500;
  auto x = c.random<float>(rows * columns, 2, 5), gain = c.random<float>(columns),
       bias = c.random<float>(columns);
  auto out = c.output<float>(x.size());
  c.launch("layer_norm", {rows}, {128}, c.input(x), c.input(gain), c.input(bias), out, columns,
           1e-5f);
  std::vector<float> wanted;
  for (int row = 0; row < rows; ++row) {
    const float *in = &x[row * columns];
    double mean = std::accumulate(in, in + columns, 0.0) / columns, variance = 0;
    for (int i = 0; i < columns; ++i)
      variance += (in[i] - mean) * (in[i] - mean) / columns;
    for (int i = 0; i < columns; ++i)
      wanted.push_back(float((in[i] - mean) / std::sqrt(variance + 1e-5) * gain[i] + bias[i]));
  }
  c.expect(out, wanted, 1e-4);
}

FOREIGN(matvec) {
  const int rows = 37, columns = 200;
  auto a = c.random<float>(rows * columns), x = c.random<float>(columns);
  auto y = c.output<float>(rows);
  c.launch("matvec", {5}, {256}, c.input(a), c.input(x), y, rows, columns / 4);
  c.expect(y,
           each(rows,
                [&](size_t row) {
                  double sum = 0;
                  for (int i = 0; i < columns; ++i)
                    sum += double(a[row * columns + i]) * x[i];
                  return float(sum);
                }),
           1e-4);
}
