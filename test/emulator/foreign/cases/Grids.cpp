//===- Grids.cpp - Stencils, filters ------------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"

using namespace foreign;

FOREIGN(stencil2d) {
  const int width = 50, height = 37;
  auto x = c.random<float>(width * height);
  auto out = c.output<float>(x.size());
  c.launch("stencil2d", {4, 3}, {16, 16}, c.input(x), out, width, height);
  c.expect(out,
           each(x.size(),
                [&](size_t at) {
                  int i = int(at) % width, j = int(at) / width;
                  if (i == 0 || j == 0 || i == width - 1 || j == height - 1)
                    return x[at];
                  return 0.5f * x[at] +
                         0.125f * (x[at - width] + x[at + width] + x[at - 1] + x[at + 1]);
                }),
           1e-6);
}

FOREIGN(convolve_constant) {
  const int n = 300;
  auto x = c.random<float>(n), filter = c.random<float>(9);
  const float smooth[] = {0.25f, 0.5f, 0.25f};
  auto out = c.output<float>(n), calls = c.output<int>(1);
  c.setVariable("filter", filter);
  c.launch("convolve_constant", {3}, {128}, c.input(x), out, n, 2);
  c.launch("read_calls", {1}, {1}, calls);
  c.expect(out,
           each(n,
                [&](size_t i) {
                  float sum = 3;
                  for (int k = 0; k < 9; ++k)
                    if (int at = int(i) + k - 4; at >= 0 && at < n)
                      sum += filter[k] * x[at];
                  return sum * smooth[2 * i % 3];
                }),
           1e-5);
  c.expect(calls, std::vector<int>{3 + n});
}
