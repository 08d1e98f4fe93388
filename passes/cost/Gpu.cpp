//===- Gpu.cpp - The devices we know --------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Tensor rates are dense f16 with f32 accumulation: 512 FLOP per SM and clock on GeForce Ada, 1024
// on its data centre cards, 4096 on Hopper. L2 bandwidth is what published kernels draw on the RTX
// 4090, 12 bytes per SM and clock, carried over to the other Ada cards; 33 on Hopper.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Cost.h"

using namespace vitc::cost;

static constexpr int kib = 1024;

static const Gpu gpus[] = {
    {.name = "rtx4090",
     .arch = "sm_89",
     .multiprocessors = 128,
     .clockGhz = 2.52,
     .tensorTflops = 165.2,
     .dramGBs = 1008,
     .l2GBs = 4000,
     .smemPerSm = 100 * kib,
     .smemPerBlock = 99 * kib,
     .warpsPerSm = 48,
     .blocksPerSm = 24},
    {.name = "rtx4060",
     .arch = "sm_89",
     .multiprocessors = 24,
     .clockGhz = 2.46,
     .tensorTflops = 30.2,
     .dramGBs = 272,
     .l2GBs = 708,
     .smemPerSm = 100 * kib,
     .smemPerBlock = 99 * kib,
     .warpsPerSm = 48,
     .blocksPerSm = 24},
    {.name = "l4",
     .arch = "sm_89",
     .multiprocessors = 58,
     .clockGhz = 2.04,
     .tensorTflops = 121.0,
     .dramGBs = 300,
     .l2GBs = 1420,
     .smemPerSm = 100 * kib,
     .smemPerBlock = 99 * kib,
     .warpsPerSm = 48,
     .blocksPerSm = 24},
    {.name = "l40s",
     .arch = "sm_89",
     .multiprocessors = 142,
     .clockGhz = 2.52,
     .tensorTflops = 362.0,
     .dramGBs = 864,
     .l2GBs = 4294,
     .smemPerSm = 100 * kib,
     .smemPerBlock = 99 * kib,
     .warpsPerSm = 48,
     .blocksPerSm = 24},
    {.name = "h200",
     .arch = "sm_90",
     .multiprocessors = 132,
     .clockGhz = 1.83,
     .tensorTflops = 989.0,
     .dramGBs = 4240,
     .l2GBs = 8000,
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
