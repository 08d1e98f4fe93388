//===- Cpu.cpp - How kernels are cut into tiles on a CPU ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Cpu.h"

#include <algorithm>

namespace vitc::cost {

int64_t cpuProductRows(int64_t columns) {
  constexpr int64_t narrow = 24 * cpuPanel, step = cpuRowStep;
  return columns < narrow ? 9 * step : 17 * step; // 17: the 197 rows of an image, too
}

bool cpuRowsCollide(int64_t bytes) { return bytes % (avx512Cpu.l1Line * avx512Cpu.l1Sets) == 0; }

int64_t cpuAttentionKeys(int64_t keys) {
  constexpr int64_t block = 128, few = 2 * block + block / 2;
  return keys && keys <= few ? keys : block;
}

int64_t cpuStreamRows(int64_t width) {
  constexpr int64_t values = 16 << 10;
  return std::max<int64_t>(1, values / width);
}

} // namespace vitc::cost
