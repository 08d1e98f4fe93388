//===- CpuTime.cpp - How long a kernel takes on a CPU ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/CpuTime.h"
#include "passes/cost/Cpu.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vitc::cost {

namespace {

constexpr int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// What a launch does, whatever it does it with.
struct CpuTraffic {
  double flops = 0;        ///< of products
  double cycles = 0;       ///< of functions on vectors, which come behind products
  double l2 = 0, dram = 0; ///< bytes
};

// Cycles of a vector of 16 values in AVX-512, counted from the instructions that multiply or add.
constexpr double functionCycles = 35, exponentialCycles = 20;

CpuTraffic trafficOfGemm(const Work &work, int64_t rows) {
  constexpr int64_t together = avx512Cpu.microRows;
  int64_t panels = divideUp(work.columns, cpuPanel) * work.products;
  CpuTraffic traffic;
  traffic.flops = 2.0 * double(rows) * double(panels * cpuPanel) * double(work.depth);
  traffic.l2 = double(divideUp(rows, together) * panels) * double(cpuPanel + together) *
               double(work.depth * work.inputBytes);
  int64_t tiles = divideUp(rows, cpuProductRows(work.columns)); // each reads all weights
  traffic.dram = double(tiles) * double(work.weightRead);
  return traffic;
}

CpuTraffic trafficOfAttention(const Work &work, int64_t batch) {
  constexpr int64_t queriesOfTile = 32;
  int64_t queries = work.overBatch ? batch : work.queries,
          keys = work.overBatch ? batch : work.keys,
          sequences = work.heads * (work.overBatch ? work.rows : work.windows * batch);
  double scores = double(sequences) * double(queries) * double(keys);
  CpuTraffic traffic;
  traffic.flops = 4.0 * scores * double(work.headDim);
  traffic.cycles = scores / 16 * exponentialCycles;
  traffic.l2 = double(sequences * divideUp(queries, queriesOfTile)) * double(2 * keys) *
               double(work.headDim * work.inputBytes);
  return traffic;
}

CpuTraffic trafficOf(const Work &work, int64_t batch) {
  int64_t rows = work.rows * batch;
  CpuTraffic traffic;
  if (work.family == Family::Gemm)
    traffic = trafficOfGemm(work, rows);
  else if (work.family == Family::Attention)
    traffic = trafficOfAttention(work, batch);
  double vectors = double(rows) * double(work.columns) / 16;
  traffic.cycles += vectors * (work.before.expensive + work.after.expensive) * functionCycles;
  double activations = double(work.activationBytes()) * double(batch);
  // What one kernel wrote is in the cache for the next one, as far as that goes.
  constexpr double nearby = 8 << 20;
  (activations <= nearby ? traffic.l2 : traffic.dram) += activations;
  if (work.family != Family::Gemm)
    traffic.dram += double(work.weightRead);
  return traffic;
}

} // namespace

CpuPrediction predictCpu(const Work &work, int64_t batch, const CpuCore &core) {
  CpuTraffic traffic = trafficOf(work, batch);
  // As many more multiply-adds at a time as values are narrower.
  double rate = work.family == Family::Gemm ? 4.0 / work.inputBytes : 1;
  std::pair<double, const char *> times[] = {
      {traffic.flops / (core.gflops * 1e9 * rate) + traffic.cycles / (core.gigahertz * 1e9), "FMA"},
      {traffic.l2 / (core.l2GBs * 1e9), "L2"},
      {traffic.dram / (core.dramGBs * 1e9), "DRAM"}};
  auto [seconds, bound] =
      *std::max_element(std::begin(times), std::end(times),
                        [](const auto &a, const auto &b) { return a.first < b.first; });
  return {seconds, bound};
}

} // namespace vitc::cost
