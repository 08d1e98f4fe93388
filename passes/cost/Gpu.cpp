//===- Gpu.cpp - The devices we know --------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Sources. Multiprocessors, boost clock, tensor rate, DRAM bandwidth and size of the L2: NVIDIA's
// Ada GPU architecture whitepaper (v2.1, tables of the RTX 4090, 4080, 4060 Ti), its RTX 4060 page,
// and the data sheets of L4, L40S, A100 80 GB SXM and H200 SXM (dense rates, half of those stated
// with sparsity). They agree with products per SM and clock: 512 FLOP on GeForce Ada, 1024 on its
// data centre cards, 2048 on Ampere's, 4096 on Hopper. DRAM of the H200 is a measured copy. Limits
// of an SM: CUDA C++ programming guide, table of compute capabilities 8.0, 8.9 and 9.0.
//
// L2 bandwidth has no data sheet. On the RTX 4090 published kernels draw 3.9 TB/s (tinygrad PR
// #6926: 166 TFLOP/s with tiles of 64 x 128), 12 bytes per SM and clock, which is carried over to
// the other Ada cards; 5120 bytes per clock on the A100 (whitepaper), of which two thirds are
// sustained; 8 TB/s on Hopper, the constant of DeepGEMM. mma.sync reaches 62 % of Hopper's rate
// (arXiv 2501.12084). A kernel of a CUDA graph follows another after 0.6 to 0.8 us on GeForce cards
// and 1.3 us on an H100.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Gpu.h"

#include <algorithm>

using namespace vitc::cost;

static constexpr int kib = 1024, mib = 1024 * 1024;

/// What all of sm_89 have in common.
static constexpr Gpu ada(const char *name, int multiprocessors, double clockGhz,
                         double tensorTflops, double dramGBs, int l2Mib) {
  return {.name = name,
          .arch = "sm_89",
          .multiprocessors = multiprocessors,
          .clockGhz = clockGhz,
          .tensorTflops = tensorTflops,
          .dramGBs = dramGBs,
          .l2GBs = 12.4 * multiprocessors * clockGhz,
          .l2Bytes = double(l2Mib) * mib,
          .launchGapUs = 0.8,
          .smemPerSm = 100 * kib,
          .smemPerBlock = 99 * kib,
          .warpsPerSm = 48,
          .blocksPerSm = 24};
}

static const Gpu gpus[] = {
    ada("rtx4090", 128, 2.52, 165.2, 1008, 72),
    ada("rtx4080", 76, 2.505, 97.5, 716.8, 64),
    ada("rtx4060ti", 34, 2.535, 44.1, 288, 32),
    ada("rtx4060", 24, 2.46, 30.2, 272, 24),
    ada("l4", 58, 2.04, 121.0, 300, 48),
    ada("l40s", 142, 2.52, 362.0, 864, 96),
    {.name = "a100",
     .arch = "sm_80",
     .multiprocessors = 108,
     .clockGhz = 1.41,
     .tensorTflops = 312,
     .dramGBs = 2039,
     .l2GBs = 4800,
     .l2Bytes = 40.0 * mib,
     .launchGapUs = 1.3,
     .smemPerSm = 164 * kib,
     .smemPerBlock = 163 * kib,
     .warpsPerSm = 64,
     .blocksPerSm = 32},
    {.name = "h200",
     .arch = "sm_90",
     .multiprocessors = 132,
     .clockGhz = 1.83,
     .tensorTflops = 989,
     .mmaShare = 0.62,
     .dramGBs = 4240,
     .l2GBs = 8000,
     .l2Bytes = 60.0 * mib,
     .launchGapUs = 1.3,
     .smemPerSm = 228 * kib,
     .smemPerBlock = 227 * kib,
     .warpsPerSm = 64,
     .blocksPerSm = 32},
};

const Gpu *vitc::cost::findGpu(const std::string &name) {
  for (const Gpu &gpu : gpus)
    if (name == gpu.name)
      return &gpu;
  return nullptr;
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

Occupancy vitc::cost::occupancy(const Gpu &gpu, int threads, int registers, int64_t smem) {
  Occupancy result;
  int warps = (threads + 31) / 32;
  int perWarp = int(roundUp(int64_t(registers) * 32, 256));
  result.byRegisters = gpu.registersPerSm / 4 / perWarp * 4 / warps;
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
