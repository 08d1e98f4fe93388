//===- Cpu.cpp - How kernels are cut into tiles on a CPU ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Cpu.h"

#include <algorithm>
#include <numeric>

namespace vitc::cost {

int64_t cpuProductRows(int64_t depth) {
  constexpr int64_t step = std::lcm(avx2Cpu.microRows, avx512Cpu.microRows);
  constexpr int64_t most = 14 * step;
  int64_t rows = avx512Cpu.l2 / 2 / (depth * int64_t(sizeof(float)));
  return std::clamp(rows / step * step, step, most);
}

bool cpuRowsCollide(int64_t depth) {
  int64_t bytes = depth * int64_t(sizeof(float));
  return bytes % (avx512Cpu.l1Line * avx512Cpu.l1Sets) == 0;
}

int64_t cpuAttentionKeys(int64_t keys) {
  constexpr int64_t block = 128, few = 2 * block + block / 2;
  return keys && keys <= few ? keys : block;
}

int64_t cpuStreamRows(int64_t width) {
  constexpr int64_t values = 16 << 10;
  return std::max<int64_t>(1, values / width);
}

} // namespace vitc::cost
