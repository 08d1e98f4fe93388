//===- Programs.cpp - Control flow, pointers, threads that work together -------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"
#include "../Numbers.h"

#include <algorithm>
#include <numeric>

using namespace foreign;

FOREIGN(async_pipeline) {
  const int tiles = 5;
  auto x = c.random<float>(tiles * 256);
  auto out = c.output<float>(tiles * 128), sums = c.output<float>(tiles * 256);
  c.launch("async_barrier", {1}, {128}, c.input(x), out, tiles);
  c.launch("async_pipeline", {1}, {64}, c.input(x), sums, tiles);
  c.expect(out, each(tiles * 128, [&](size_t i) { return x[i / 128 * 128 + 127 - i % 128]; }));
  c.expect(sums, each(tiles * 256, [&](size_t i) {
             size_t quad = i / 4 % 64;
             return x[i] + x[i / 256 * 256 + (63 - quad) * 4 + i % 4];
           }));
}

FOREIGN(last_block) {
  const int n = 3000;
  auto x = c.random<float>(n, 0, 1);
  float total = float(std::accumulate(x.begin(), x.end(), 0.0));
  for (int again = 0; again < 2; ++again) { // the counter is back at zero
    auto partial = c.output<float>(6), sum = c.output<float>(1);
    c.launch("last_block", {6}, {128}, c.input(x), partial, sum, n);
    c.expect(sum, std::vector<float>{total}, 1e-5);
  }
}

FOREIGN(switch_table) {
  const int length = 20;
  auto programs = c.random<uint8_t>(64 * length, 0, 9);
  auto inputs = c.random<int>(64, -1000, 1000);
  auto results = c.output<int>(64);
  c.launch("switch_table", {1}, {64}, c.input(programs), c.input(inputs), results, length);
  c.expect(results, each(64, [&](size_t i) {
             int stack[8] = {inputs[i]}, depth = 0;
             for (int at = 0; at < length; ++at) {
               int &top = stack[depth], before = top;
               switch (programs[i * length + at]) {
               case 0:
                 top = int(uint32_t(top) + 3);
                 break;
               case 1:
                 top = int(uint32_t(top) * 5);
                 break;
               case 2:
                 depth = std::min(depth + 1, 7);
                 stack[depth] = before ^ 0x55;
                 break;
               case 3:
                 if (depth)
                   --depth, stack[depth] = int(uint32_t(stack[depth]) - uint32_t(before));
                 break;
               case 4:
                 top /= 3;
                 break;
               case 5:
                 top %= 7;
                 break;
               case 6:
                 top = ~top;
                 break;
               case 7:
                 top >>= 2;
                 break;
               default:
                 if (depth)
                   std::swap(stack[depth], stack[depth - 1]);
               }
             }
             return stack[depth];
           }));
}

FOREIGN(compact) {
  const int n = 500, limit = 40;
  auto x = c.random<int>(n, 0, 100);
  auto count = c.zeros<int>(1);
  auto out = c.input(std::vector<int>(n, -1));
  c.launch("compact", {4}, {128}, c.input(x), out, count, n, limit);
  std::vector<int> kept;
  std::copy_if(x.begin(), x.end(), std::back_inserter(kept), [&](int v) { return v < limit; });
  c.expect(count, std::vector<int>{int(kept.size())});
  auto found = c.download<int>(out); // in no certain order
  kept.resize(n, -1);
  std::sort(found.begin(), found.end());
  std::sort(kept.begin(), kept.end());
  c.expect(c.input(found), kept);
}

FOREIGN(radix_sort) {
  auto x = c.random<uint32_t>(512, 0, 4294967295.0);
  auto out = c.output<uint32_t>(512);
  c.launch("radix_sort", {2}, {256}, c.input(x), out);
  std::sort(x.begin(), x.begin() + 256);
  std::sort(x.begin() + 256, x.end());
  c.expect(out, x);
}

FOREIGN(batched_pointers) {
  struct Problem {
    uint64_t a, out, bias;
    int64_t stride;
  };
  const int rows = 5, columns = 7;
  auto bias = c.random<float>(columns);
  std::vector<std::vector<float>> inputs;
  std::vector<Problem> problems;
  std::vector<Buffer> outputs;
  Buffer biases = c.input(bias);
  for (int p = 0; p < 3; ++p) {
    int64_t stride = columns + p;
    inputs.push_back(c.random<float>(rows * stride));
    outputs.push_back(c.zeros<float>(rows * stride));
    problems.push_back(
        {c.input(inputs[p]).address, outputs[p].address, p == 1 ? 0 : biases.address, stride});
  }
  c.launch("batched_pointers", {3}, {32}, c.input(problems), rows, columns);
  for (int p = 0; p < 3; ++p)
    c.expect(outputs[p],
             each(inputs[p].size(),
                  [&](size_t i) {
                    size_t column = i % problems[p].stride;
                    if (column >= size_t(columns))
                      return 0.0f;
                    return 2 * inputs[p][i] + (p == 1 ? 0 : bias[column]);
                  }),
             1e-6);
  auto x = c.random<float>(7);
  Buffer out = c.zeros<float>(14);
  Problem problem{c.input(x).address, out.address, biases.address, 2};
  c.launch("by_value", {1}, {32}, problem, 7);
  c.expect(out, each(14, [&](size_t i) { return i % 2 ? 0 : x[i / 2] - bias[i / 2]; }), 1e-6);
}

FOREIGN(shared_dynamic) {
  const int n = 6000;
  auto x = c.random<double>(n);
  auto keys = c.random<int16_t>(n, 0, n - 1);
  auto out = c.output<double>(n);
  c.launchWith(n * 11, "shared_dynamic", {1}, {256}, c.input(x), c.input(keys), out, n);
  c.expect(out, each(n, [&](size_t i) { return x[keys[i]] * (keys[n - 1 - i] & 1 ? -1 : 1); }));
}

FOREIGN(spmv) {
  const int rows = 70, columns = 90;
  std::vector<int> starts = {0}, where;
  for (int row = 0; row < rows; ++row) {
    for (int k = 0; k < row * 7 % 23; ++k)
      where.push_back((row * 13 + k * 31) % columns);
    starts.push_back(int(where.size()));
  }
  auto values = c.random<float>(where.size()), x = c.random<float>(columns);
  auto y = c.output<float>(rows);
  c.launch("spmv", {9}, {64}, c.input(starts), c.input(where), c.input(values), c.input(x), y,
           rows);
  c.expect(y,
           each(rows,
                [&](size_t row) {
                  double sum = 0;
                  for (int i = starts[row]; i < starts[row + 1]; ++i)
                    sum += double(values[i]) * x[where[i]];
                  return float(sum);
                }),
           1e-5);
}

FOREIGN(nbody) {
  const int n = 100;
  auto bodies = c.random<float>(4 * n, 0.1, 2);
  auto out = c.output<float>(3 * n);
  c.launch("nbody", {2}, {64}, c.input(bodies), out, n);
  std::vector<float> wanted;
  for (int i = 0; i < n; ++i) {
    double a[3] = {};
    for (int j = 0; j < n; ++j) {
      double d[3], squared = 0.01;
      for (int k = 0; k < 3; ++k)
        d[k] = double(bodies[4 * j + k]) - bodies[4 * i + k], squared += d[k] * d[k];
      for (int k = 0; k < 3; ++k)
        a[k] += d[k] * bodies[4 * j + 3] / (squared * std::sqrt(squared));
    }
    wanted.insert(wanted.end(), {float(a[0]), float(a[1]), float(a[2])});
  }
  c.expect(out, wanted, 1e-4);
}

FOREIGN(mandelbrot) {
  const int width = 45, height = 30, limit = 60;
  auto out = c.output<uint16_t>(width * height);
  c.launch("mandelbrot", {3, 4}, {16, 8}, out, width, height, limit);
  c.expect(out, each(width * height, [&](size_t at) {
             volatile float cx = -2 + 3.0f * float(at % width) / width,
                            cy = -1 + 2.0f * float(at / width) / height, a = 0, b = 0;
             int n = 0;
             for (;; ++n) {
               volatile float aa = a * a, bb = b * b, sum = aa + bb;
               if (sum > 4 || n == limit)
                 return uint16_t(n);
               volatile float twice = 2 * a, product = twice * b, difference = aa - bb;
               b = product + cy;
               a = difference + cx;
             }
           }));
}

FOREIGN(named_barriers) {
  const int rounds = 4;
  auto x = c.random<int>(64 * rounds, 0, 1000);
  auto out = c.output<int>(64 * rounds), counts = c.output<int>(96);
  c.launch("named_barriers", {1}, {128}, c.input(x), out, rounds);
  c.expect(out, each(64 * rounds, [&](size_t i) { return 3 * x[i / 64 * 64 + 63 - i % 64]; }));
  auto y = c.random<int>(96, 0, 8);
  y[77] = 9;
  c.launch("counting_barriers", {1}, {96}, c.input(y), counts);
  int above = int(std::count_if(y.begin(), y.end(), [](int v) { return v > 3; }));
  c.expect(counts, std::vector<int>(96, above * 4 + 2));
}

FOREIGN(atomics) {
  const int n = 96;
  auto x = c.random<int>(n, -100, 100);
  std::vector<int> ints(14);
  std::vector<uint32_t> words = {~0u, 0, 0, 3, 5};
  std::vector<int64_t> wide = {0, 0, 0, 0};
  std::vector<double> doubles = {0};
  ints[5] = 1, ints[7] = 42;
  auto i = c.input(ints), w = c.input(words), l = c.input(wide), f = c.zeros<float>(1),
       d = c.input(doubles), h = c.zeros<uint16_t>(2), old = c.output<int>(1);
  c.launch("atomics", {3}, {32}, c.input(x), i, w, l, f, d, h, old);
  for (int v : x) {
    ints[0] += v, ints[1] -= v, ints[2] = std::min(ints[2], v), ints[3] = std::max(ints[3], v);
    ints[4] += 2, ints[8] += 2, ++ints[10 + (v & 3)];
    ints[5] = int(uint32_t(ints[5]) * 3);
    words[0] &= ~(1u << (v & 31)), words[1] |= 1u << (v & 31), words[2] ^= uint32_t(v);
    words[3] = words[3] >= 10 ? 0 : words[3] + 1;
    words[4] = words[4] == 0 || words[4] > 6 ? 6 : words[4] - 1;
    wide[0] += int64_t(uint64_t(int64_t(v)) << 20), wide[1] = std::min<int64_t>(wide[1], v);
    wide[2] = std::max<int64_t>(wide[2], 3 * int64_t(v)), wide[3] ^= int64_t(1ull << (v & 63));
  }
  ints[6] = n, ints[7] = 77;
  c.expect(i, ints);
  c.expect(w, words);
  c.expect(l, wide);
  c.expect(f, std::vector<float>{n / 2.0f});
  c.expect(d, std::vector<double>{n / 4.0});
  c.expect(h, std::vector<uint16_t>{uint16_t(encode(half, n)), uint16_t(encode(half, 2 * n))});
  c.expect(old, std::vector<int>{42});
}

FOREIGN(message) {
  auto x = c.random<int>(32, 0, 1000);
  auto out = c.output<int>(32);
  c.launch("message", {1}, {96}, c.input(x), out);
  c.expect(out, each(32, [&](size_t i) { return 2 * (x[31 - i] + 1); }));
}

FOREIGN(spin_lock) {
  const int threads = 40;
  auto shared = c.zeros<int>(1), order = c.output<int>(threads);
  c.launch("spin_lock", {1}, {40}, shared, order);
  auto turns = c.download<int>(order); // each thread had one of its own
  std::sort(turns.begin(), turns.end());
  c.expect(c.input(turns), each(threads, [](size_t i) { return int(i); }));
  c.expect(shared, std::vector<int>{threads});
}

FOREIGN(function_pointers) {
  auto x = c.random<int>(40, 0, 30);
  auto areas = c.output<float>(40);
  auto values = c.output<int>(40);
  c.launch("function_pointers", {1}, {40}, c.input(x), areas, values);
  c.expect(areas,
           each(40,
                [&](size_t i) {
                  float v = float(x[i]);
                  return x[i] % 2 ? v * v / 2 + 4 : 3 * v * v / 2;
                }),
           1e-6);
  c.expect(values, each(40, [&](size_t i) {
             int v = x[i];
             for (int step = 0; step < 3; ++step) {
               int which = (x[i] + step) % 3;
               v = (which == 0 ? 2 * v : which == 1 ? v * v : -v) % 1000;
             }
             return v;
           }));
}
