//===- Triton.cpp - What Triton compiled ----------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"
#include "../Numbers.h"

#include <algorithm>
#include <numeric>

using namespace foreign;

namespace {

std::vector<uint16_t> encoded(const Format &f, const std::vector<double> &values) {
  return each(values.size(), [&](size_t i) { return uint16_t(encode(f, values[i])); });
}
template <class T> std::vector<double> decoded(const Format &f, const std::vector<T> &bits) {
  return each(bits.size(), [&](size_t i) { return decode(f, bits[i]); });
}

/// A product of 100x96 and 96x80, whose last tiles are cut.
template <class In, class Out>
void product(Case &c, const char *kernel, const std::vector<In> &a, const std::vector<In> &b,
             const std::vector<double> &left, const std::vector<double> &right, double tolerance) {
  const int m = 100, n = 80, k = 96;
  auto out = c.output<Out>(m * n);
  c.triton(kernel, {2, 2}, c.input(a), c.input(b), out, m, n, k);
  c.expect(out,
           each(m * n,
                [&](size_t i) {
                  double sum = 0;
                  for (int l = 0; l < k; ++l)
                    sum += left[i / n * k + l] * right[l * n + i % n];
                  return Out(sum);
                }),
           tolerance);
}
template <class Bits>
void floatProduct(Case &c, const char *kernel, const Format &f, double tolerance) {
  auto bits = [&](size_t count) {
    auto values = c.random<double>(count);
    return each(count, [&](size_t i) { return Bits(encode(f, values[i])); });
  };
  auto a = bits(100 * 96), b = bits(96 * 80);
  product<Bits, float>(c, kernel, a, b, decoded(f, a), decoded(f, b), tolerance);
}

} // namespace

FOREIGN(triton_add) {
  const int n = 700;
  auto x = c.random<float>(n), y = c.random<float>(n);
  auto out = c.output<float>(n);
  c.triton("triton_add", {3}, c.input(x), c.input(y), out, n);
  c.expect(out, each(n, [&](size_t i) { return x[i] + y[i]; }));
}

FOREIGN(triton_softmax) {
  const int rows = 3, columns = 400;
  auto x = c.random<float>(rows * columns, -5, 5);
  auto out = c.output<float>(x.size());
  c.triton("triton_softmax", {rows}, c.input(x), out, columns);
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

FOREIGN(triton_layer_norm) {
  const int rows = 3, columns = 600;
  auto x = encoded(half, c.random<double>(rows * columns, -1, 3));
  auto gain = c.random<float>(columns), bias = c.random<float>(columns);
  auto out = c.output<uint16_t>(x.size());
  c.triton("triton_layer_norm", {rows}, c.input(x), c.input(gain), c.input(bias), out, columns,
           1e-5f);
  auto in = decoded(half, x);
  std::vector<double> wanted;
  for (int row = 0; row < rows; ++row) {
    const double *v = &in[row * columns];
    double mean = std::accumulate(v, v + columns, 0.0) / columns, variance = 0;
    for (int i = 0; i < columns; ++i)
      variance += (v[i] - mean) * (v[i] - mean) / columns;
    for (int i = 0; i < columns; ++i)
      wanted.push_back((v[i] - mean) / std::sqrt(variance + 1e-5) * gain[i] + bias[i]);
  }
  c.expect(c.input(decoded(half, c.download<uint16_t>(out))), wanted, 2e-3);
}

FOREIGN(triton_matmul_f16) { floatProduct<uint16_t>(c, "triton_matmul_f16", half, 1e-4); }
FOREIGN(triton_matmul_bf16) { floatProduct<uint16_t>(c, "triton_matmul_bf16", bfloat, 1e-4); }
// The tensor cores of some devices keep fewer bits of a sum of 8-bit products.
FOREIGN(triton_matmul_fp8) { floatProduct<uint8_t>(c, "triton_matmul_fp8", e4m3, 2e-2); }

FOREIGN(triton_matmul_tf32) {
  auto exact = [&](size_t count) { // in 10 bits of fraction, as f16 has
    auto values = decoded(half, encoded(half, c.random<double>(count)));
    return std::vector<float>(values.begin(), values.end());
  };
  auto a = exact(100 * 96), b = exact(96 * 80);
  product<float, float>(c, "triton_matmul_tf32", a, b, {a.begin(), a.end()}, {b.begin(), b.end()},
                        1e-4);
}

FOREIGN(triton_matmul_s8) {
  auto a = c.random<int8_t>(100 * 96, -128, 127), b = c.random<int8_t>(96 * 80, -128, 127);
  product<int8_t, int32_t>(c, "triton_matmul_s8", a, b, {a.begin(), a.end()}, {b.begin(), b.end()},
                           0);
}

FOREIGN(triton_attention) {
  const int heads = 2, tokens = 100, width = 32;
  const float scale = 0.2f;
  auto numbers = [&] { return encoded(half, c.random<double>(heads * tokens * width, -2, 2)); };
  auto q = numbers(), k = numbers(), v = numbers();
  auto out = c.output<uint16_t>(q.size());
  c.triton("triton_attention", {2, heads}, c.input(q), c.input(k), c.input(v), out, tokens, scale);
  auto queries = decoded(half, q), keys = decoded(half, k), values = decoded(half, v);
  std::vector<double> wanted(q.size());
  for (int row = 0; row < heads * tokens; ++row) {
    int head = row / tokens * tokens;
    double sum = 0;
    std::vector<double> p;
    for (int j = head; j <= row; ++j) { // the tokens before it
      double score = 0;
      for (int d = 0; d < width; ++d)
        score += queries[row * width + d] * keys[j * width + d] * scale;
      p.push_back(std::exp(score));
      sum += p.back();
    }
    for (int d = 0; d < width; ++d)
      for (size_t j = 0; j < p.size(); ++j)
        wanted[row * width + d] += p[j] / sum * values[(head + j) * width + d];
  }
  c.expect(c.input(decoded(half, c.download<uint16_t>(out))), wanted, 4e-3);
}

FOREIGN(triton_scan) {
  const int rows = 2, columns = 900;
  auto x = c.random<float>(rows * columns);
  auto sums = c.output<float>(x.size()), maxima = c.output<float>(x.size());
  c.triton("triton_scan", {rows}, c.input(x), sums, maxima, columns);
  std::vector<float> wantedSums, wantedMaxima(x.size());
  for (int row = 0; row < rows; ++row) {
    double sum = 0;
    for (int i = 0; i < columns; ++i)
      wantedSums.push_back(float(sum += x[row * columns + i]));
    float most = 0; // what the block has beyond the row
    for (int i = columns; i--;)
      wantedMaxima[row * columns + i] = most = std::max(most, x[row * columns + i]);
  }
  c.expect(sums, wantedSums, 1e-5);
  c.expect(maxima, wantedMaxima);
}

FOREIGN(triton_sort) {
  const int rows = 3, n = 256;
  auto x = c.random<float>(rows * n);
  auto out = c.output<float>(x.size()), largest = c.output<int>(rows);
  c.triton("triton_sort", {rows}, c.input(x), out, largest);
  std::vector<int> where;
  for (int row = 0; row < rows; ++row) {
    auto begin = x.begin() + row * n;
    where.push_back(int(std::max_element(begin, begin + n) - begin));
    std::sort(begin, begin + n);
  }
  c.expect(out, x);
  c.expect(largest, where);
}

FOREIGN(triton_histogram) {
  const int n = 1300, bins = 64;
  auto x = c.random<int>(n, 0, bins - 1);
  auto counts = c.zeros<int>(bins);
  auto sum = c.zeros<float>(1);
  c.triton("triton_histogram", {3}, c.input(x), counts, sum, n);
  std::vector<int> wanted(bins);
  for (int v : x)
    ++wanted[v];
  wanted[bins - 1] += 3 * 512 - n;
  c.expect(counts, wanted);
  c.expect(sum, std::vector<float>{float(std::accumulate(x.begin(), x.end(), 0))}, 1e-6);
}

namespace {

/// A number of Triton's tl.rand: Philox with ten rounds on the counter (offset, 0, 0, 0).
float randomAt(uint32_t seed, uint32_t offset) {
  uint32_t counter[4] = {offset, 0, 0, 0}, key[2] = {seed, 0};
  for (int round = 0; round < 10; ++round) {
    uint64_t a = 0xD2511F53ull * counter[0], b = 0xCD9E8D57ull * counter[2];
    uint32_t next[4] = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b),
                        uint32_t(a >> 32) ^ counter[3] ^ key[1], uint32_t(a)};
    std::copy(next, next + 4, counter);
    key[0] += 0x9E3779B9u, key[1] += 0xBB67AE85u;
  }
  int32_t x = int32_t(counter[0]);
  return float(x < 0 ? -x - 1 : x) * 4.6566127342e-10f;
}

} // namespace

FOREIGN(triton_math) {
  const int n = 300, seed = 17;
  auto x = encoded(bfloat, c.random<double>(n, -3, 3));
  auto out = c.output<uint16_t>(n);
  auto random = c.output<float>(n);
  c.triton("triton_math", {3}, c.input(x), out, random, seed, n);
  std::vector<double> wanted;
  for (double v : decoded(bfloat, x))
    wanted.push_back(0.5 * v * (1 + std::erf(v / std::sqrt(2.0))) + std::tanh(v) * std::sin(v) +
                     std::log2(1 + v * v) - 1 / (1 + std::exp(-v)));
  c.expect(c.input(decoded(bfloat, c.download<uint16_t>(out))), wanted, 5e-3);
  c.expect(random, each(n, [&](size_t i) { return randomAt(seed, uint32_t(i)); }), 1e-6);
}

FOREIGN(triton_transpose) {
  const int rows = 48, columns = 112;
  auto x = encoded(half, c.random<double>(rows * columns));
  auto out = c.output<uint16_t>(x.size());
  auto sums = c.zeros<float>(columns);
  c.triton("triton_transpose", {2, 2}, c.input(x), out, sums, rows, columns);
  c.expect(out, each(x.size(), [&](size_t i) { return x[i % rows * columns + i / rows]; }));
  auto values = decoded(half, x);
  c.expect(sums,
           each(columns,
                [&](size_t j) {
                  double sum = 0;
                  for (int i = 0; i < rows; ++i)
                    sum += values[i * columns + j];
                  return float(sum);
                }),
           1e-5);
}
