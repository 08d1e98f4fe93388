//===- Gpu.cpp - The devices we know --------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Sources. Multiprocessors, boost clock, tensor rate, DRAM bandwidth and size of the L2: NVIDIA's
// Ada GPU architecture whitepaper (v2.1, tables of the RTX 4090, 4080, 4060 Ti), its RTX 4060 page,
// the whitepapers of GA102 (RTX 3090) and of RTX Blackwell (RTX 5090), and the data sheets of L4,
// L40S, RTX 6000 Ada, A100 80 GB SXM, H100 SXM and H200 SXM (dense rates, half of those stated with
// sparsity). They agree with products per SM and clock: 512 FLOP on GeForce cards, 1024 on Ada's
// professional ones, 2048 on the A100, 4096 on Hopper. DRAM of the H200 is a measured copy, 88 % of
// its data sheet, which is carried over to the H100. Limits of an SM: CUDA C++ programming guide,
// table of compute capabilities 8.0, 8.6, 8.9, 9.0 and 12.0.
//
// L2 bandwidth has no data sheet. On the RTX 4090 published kernels draw 3.9 TB/s (tinygrad PR
// #6926: 166 TFLOP/s with tiles of 64 x 128), 12 bytes per SM and clock, which is carried over to
// the other cards of that kind of SM, from the RTX 3090 to the 5090; 5120 bytes per clock on the
// A100 (whitepaper), of which two thirds are sustained. mma.sync reaches 62 % of Hopper's rate
// (arXiv 2501.12084). A kernel of a CUDA graph follows another after 1.25 us on an RTX 4090 (arXiv
// 2510.26742), which is carried over to the other GeForce cards of Ada and later; after 0.83 us on
// an RTX 3090 (measured by MegaQwen), and 1.3 us on an H100.
//
// The L2 and the pace of the H200 are measured, bench/data/h200-sweep.csv: fitted on the kernels of
// ViT-B and ViT-L there, and rounded (test/unit/passes/cost/SweepTest.cpp has how close they come).
// They are of sm_89 code as the driver compiles it. The H100 has the same SMs and clock, and
// theirs.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Gpu.h"

#include <algorithm>

using namespace vitc::cost;

static constexpr int kib = 1024, mib = 1024 * 1024;

static constexpr Pace h200Pace = {.memoryLatency = 650,
                                  .barrierCost = 15,
                                  .copyIssue = 9,
                                  .copyQueue = 1,
                                  .epilogue = 1.6,
                                  .normLatency = 2500,
                                  .blockStart = 130,
                                  .sharedDrag = 0.25,
                                  .trafficDrag = 0.25,
                                  .moveDrag = 0.8};

// clang-format off
static const Gpu gpus[] = {
    // Bandwidths in GB/s; rows of sm_89 have what all of Ada has.
    // name         arch    SMs   GHz  TFLOP/s mma   DRAM  L2                   size      gap   registers shared per SM, block warps blocks
    {"rtx4090",   "sm_89", 128, 2.52,  165.2, 1.00, 1008,  12.4 * 128 * 2.52,  72 * mib, 1.25, 65536, 100 * kib,  99 * kib, 48, 24},
    {"rtx4080",   "sm_89",  76, 2.505,  97.5, 1.00,  716.8, 12.4 * 76 * 2.505, 64 * mib, 1.25, 65536, 100 * kib,  99 * kib, 48, 24},
    {"rtx4060ti", "sm_89",  34, 2.535,  44.1, 1.00,  288,  12.4 * 34 * 2.535,  32 * mib, 1.25, 65536, 100 * kib,  99 * kib, 48, 24},
    {"rtx4060",   "sm_89",  24, 2.46,   30.2, 1.00,  272,  12.4 * 24 * 2.46,   24 * mib, 1.25, 65536, 100 * kib,  99 * kib, 48, 24},
    {"l4",        "sm_89",  58, 2.04,  121.0, 1.00,  300,  12.4 * 58 * 2.04,   48 * mib, 0.8,  65536, 100 * kib,  99 * kib, 48, 24},
    {"l40s",      "sm_89", 142, 2.52,  362.0, 1.00,  864,  12.4 * 142 * 2.52,  96 * mib, 0.8,  65536, 100 * kib,  99 * kib, 48, 24},
    {"rtx6000ada", "sm_89", 142, 2.505, 364.2, 1.00, 960,  12.4 * 142 * 2.505, 96 * mib, 0.8,  65536, 100 * kib,  99 * kib, 48, 24},
    {"rtx3090",   "sm_86",  82, 1.695,  71.2, 1.00,  936,  12.4 * 82 * 1.695,   6 * mib, 0.83, 65536, 100 * kib,  99 * kib, 48, 16},
    {"rtx5090",   "sm_120", 170, 2.407, 209.5, 1.00, 1792, 12.4 * 170 * 2.407, 96 * mib, 1.25, 65536, 100 * kib,  99 * kib, 48, 24},
    {"a100",      "sm_80", 108, 1.41,  312,   1.00, 2039,  4800,               40 * mib, 1.3,  65536, 164 * kib, 163 * kib, 64, 32},
    {"h100",      "sm_90", 132, 1.83,  989,   0.62, 2960,  9000,               50 * mib, 1.3,  65536, 228 * kib, 227 * kib, 64, 32, h200Pace},
    {"h200",      "sm_90", 132, 1.83,  989,   0.62, 4240,  9000,               60 * mib, 1.3,  65536, 228 * kib, 227 * kib, 64, 32, h200Pace},
};
// clang-format on

const Gpu *vitc::cost::findGpu(const std::string &name) {
  for (const Gpu &gpu : gpus)
    if (name == gpu.name)
      return &gpu;
  return nullptr;
}

int vitc::cost::largestSmemPerBlock() {
  int most = 0;
  for (const Gpu &gpu : gpus)
    most = std::max(most, gpu.smemPerBlock);
  return most;
}

std::string vitc::cost::knownGpus() {
  std::string names;
  for (const Gpu &gpu : gpus)
    names += (names.empty() ? "" : ", ") + std::string(gpu.name);
  return names;
}

//===----------------------------------------------------------------------===//
// Occupancy
//===----------------------------------------------------------------------===//

static constexpr int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

int vitc::cost::blocksByRegisters(int registersPerSm, int threads, int registers) {
  int warps = (threads + 31) / 32;
  int perWarp = int(roundUp(int64_t(registers) * 32, 256));
  return registersPerSm / 4 / perWarp * 4 / warps;
}

Occupancy vitc::cost::occupancy(const Gpu &gpu, int threads, int registers, int64_t smem) {
  Occupancy result;
  int warps = (threads + 31) / 32;
  result.byRegisters = blocksByRegisters(gpu.registersPerSm, threads, registers);
  result.bySmem = smem > gpu.smemPerBlock ? 0 : int(gpu.smemPerSm / roundUp(smem + kib, 128));
  result.byWarps = gpu.warpsPerSm / warps;
  result.byBlocks = gpu.blocksPerSm;
  struct Bound {
    const char *name;
    int blocks;
  };
  const Bound bounds[] = {{"blocks", result.byBlocks},
                          {"warps", result.byWarps},
                          {"registers", result.byRegisters},
                          {"shared memory", result.bySmem}};
  const Bound &least =
      *std::min_element(std::begin(bounds), std::end(bounds),
                        [](const Bound &a, const Bound &b) { return a.blocks < b.blocks; });
  result.blocks = least.blocks;
  result.limit = least.name;
  result.warps = result.blocks * warps;
  return result;
}

int vitc::cost::registersFor(const Gpu &gpu, int threads, int blocks) {
  int warps = (threads + 31) / 32;
  // Warps are shared out among four parts of the file.
  int64_t perQuarter = (int64_t(blocks) * warps + 3) / 4;
  if (blocks == 1)
    perQuarter = roundUp(warps, 4) / 4;
  int64_t perWarp = gpu.registersPerSm / 4 / perQuarter / 256 * 256;
  return int(std::min<int64_t>(255, perWarp / 32));
}
