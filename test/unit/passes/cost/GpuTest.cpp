//===- GpuTest.cpp - Devices and occupancy ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Gpu.h"

#include <catch2/catch.hpp>

using namespace vitc::cost;

TEST_CASE("tensor rates follow from multiprocessors and clocks") {
  // FLOP per SM and clock: GeForce, professional Ada, Ampere, Hopper.
  auto perClock = [](const char *name) {
    const Gpu &gpu = *findGpu(name);
    return gpu.tensorTflops * 1e3 / gpu.multiprocessors / gpu.clockGhz;
  };
  for (const char *name : {"rtx4090", "rtx4080", "rtx4060ti", "rtx4060", "rtx3090", "rtx5090"})
    CHECK(perClock(name) == Approx(512).epsilon(0.01));
  for (const char *name : {"l4", "l40s", "rtx6000ada"})
    CHECK(perClock(name) == Approx(1024).epsilon(0.015));
  CHECK(perClock("a100") == Approx(2048).epsilon(0.01));
  for (const char *name : {"h100", "h200"})
    CHECK(perClock(name) == Approx(4096).epsilon(0.01));
  CHECK(findGpu("rtx9999") == nullptr);
  CHECK(knownGpus() ==
        "rtx4090, rtx4080, rtx4060ti, rtx4060, l4, l40s, rtx6000ada, rtx3090, rtx5090, "
        "a100, h100, h200");
}

TEST_CASE("blocks by registers step at the sizes of the register file") {
  const Gpu &gpu = *findGpu("rtx4090");
  struct Step {
    int registers, blocks;
  };
  // 128 threads: 16384 registers of a quarter, in units of 256 for a warp.
  for (Step step : {Step{40, 12},
                    {48, 10},
                    {56, 9},
                    {64, 8},
                    {72, 7},
                    {80, 6},
                    {96, 5},
                    {128, 4},
                    {168, 3},
                    {255, 2}})
    CHECK(occupancy(gpu, 128, step.registers, 0).blocks == step.blocks);
  CHECK(occupancy(gpu, 128, 129, 0).blocks == 3);
  for (Step step : {Step{128, 2}, {168, 1}, {255, 1}})
    CHECK(occupancy(gpu, 256, step.registers, 0).blocks == step.blocks);
}

TEST_CASE("a block's warps are shared out among four quarters") {
  const Gpu &gpu = *findGpu("rtx4090");
  CHECK(occupancy(gpu, 13 * 32, 128, 0).blocks == 1); // 16 warps of 4096 registers
  CHECK(occupancy(gpu, 13 * 32, 136, 0).blocks == 0); // a quarter has room for 3 of 4352
}

TEST_CASE("shared memory of a block is rounded to 128 bytes and 1 KB more") {
  const Gpu &gpu = *findGpu("rtx4090");
  CHECK(occupancy(gpu, 128, 32, 99 * 1024).bySmem == 1);
  CHECK(occupancy(gpu, 128, 32, 99 * 1024 + 1).bySmem == 0);
  CHECK(occupancy(gpu, 128, 32, 49 * 1024).bySmem == 2);
  CHECK(occupancy(gpu, 128, 32, 49 * 1024 + 1).bySmem == 1);
  CHECK(occupancy(gpu, 128, 32, 24 * 1024).bySmem == 4);
  CHECK(occupancy(*findGpu("h200"), 128, 32, 227 * 1024).bySmem == 1);
}

TEST_CASE("the least bound is the limit and has a name") {
  const Gpu &gpu = *findGpu("rtx4090");
  Occupancy o = occupancy(gpu, 128, 96, 48 * 1024);
  CHECK(o.blocks == 2);
  CHECK(o.warps == 8);
  CHECK(std::string(o.limit) == "shared memory");
  CHECK(o.byRegisters == 5);
  CHECK(o.byWarps == 12);
  CHECK(o.byBlocks == 24);
  CHECK(std::string(occupancy(gpu, 256, 128, 0).limit) == "registers");
  CHECK(std::string(occupancy(gpu, 32, 16, 0).limit) == "blocks");
  CHECK(std::string(occupancy(gpu, 512, 32, 0).limit) == "warps");
}

TEST_CASE("bounds on registers leave room for the blocks they are for") {
  const Gpu &gpu = *findGpu("rtx4090");
  CHECK(registersFor(gpu, 128, 1) == 255);
  CHECK(registersFor(gpu, 128, 3) == 168);
  CHECK(registersFor(gpu, 128, 4) == 128);
  CHECK(registersFor(gpu, 256, 2) == 128);
  CHECK(registersFor(gpu, 13 * 32, 1) == 128);
  for (int threads = 32; threads <= 1024; threads += 32)
    for (int blocks = 1; blocks * threads <= 1536; ++blocks) {
      int registers = registersFor(gpu, threads, blocks);
      INFO(threads << " threads, " << blocks << " blocks: " << registers << " registers");
      CHECK(occupancy(gpu, threads, registers, 0).byRegisters >= blocks);
      if (registers < 248)
        CHECK(occupancy(gpu, threads, registers + 1, 0).byRegisters < blocks);
    }
}
