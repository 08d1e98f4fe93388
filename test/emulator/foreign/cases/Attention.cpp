//===- Attention.cpp - Attention without the matrix of scores ------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"
#include "../Numbers.h"

#include <algorithm>

using namespace foreign;

FOREIGN(flash_attention) {
  const int heads = 2, tokens = 75, width = 32;
  const float scale = 0.17f;
  auto numbers = [&] {
    auto values = c.random<double>(heads * tokens * width, -2, 2);
    return each(values.size(), [&](size_t i) { return uint16_t(encode(half, values[i])); });
  };
  auto q = numbers(), k = numbers(), v = numbers();
  auto out = c.output<float>(q.size());
  c.launch("flash_attention", {3, heads}, {128}, c.input(q), c.input(k), c.input(v), out, tokens,
           scale);
  std::vector<float> wanted(q.size());
  for (int row = 0; row < heads * tokens; ++row) {
    int head = row / tokens * tokens;
    std::vector<double> p(tokens);
    double largest = -INFINITY, sum = 0;
    for (int j = 0; j < tokens; ++j) {
      for (int d = 0; d < width; ++d)
        p[j] += decode(half, q[row * width + d]) * decode(half, k[(head + j) * width + d]) * scale;
      largest = std::max(largest, p[j]);
    }
    for (double &e : p)
      sum += e = std::exp(e - largest);
    for (int d = 0; d < width; ++d) {
      double total = 0;
      for (int j = 0; j < tokens; ++j)
        total += p[j] / sum * decode(half, v[(head + j) * width + d]);
      wanted[row * width + d] = float(total);
    }
  }
  c.expect(out, wanted, 1e-5);
}
