//===- Time.cpp - Seconds of a launch -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The multiprocessor with the most blocks decides: blocks that live on it together take the units'
// time, but no less than one takes alone. That is what makes tiles that do not divide the problem
// into whole waves expensive, and few large tiles at small batches. Beside it the whole launch
// cannot be faster than its traffic from L2 and from DRAM; how much of that is hidden behind the
// rest differs by device. Blocks that start together read together, and write together when they
// end.
//
// Activations cost DRAM nothing while what a launch reads and writes fits in L2, for the launch
// before has just written them. Weights are read once for each launch: those of a whole model do
// not fit. Blocks of a linear go through N first, so its input is read from DRAM once.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Time.h"

#include "passes/cost/Family.h"

using namespace vitc::cost;

static constexpr double dramShare = 0.92;
static constexpr double l2Keeps = 0.8; // of its size, for activations

double Block::unit(const Pace &pace) const {
  return std::max({tensor, shared, arithmetic}) + pace.sharedDrag * shared + pace.blockStart;
}

const char *Block::unitName() const {
  if (shared > std::max(tensor, arithmetic))
    return "shared memory";
  return tensor > arithmetic ? "tensor cores" : "arithmetic";
}

double vitc::cost::arithmeticCycles(Arithmetic ops, double count) {
  double instructions = ops.cheap + instructionsOfFunction * ops.expensive;
  return count * std::max(instructions / lanes, resultsOfFunction * ops.expensive / functionUnits);
}

double vitc::cost::mmaCycles(const MmaShape &mma, const Gpu &gpu) {
  double flopsPerCycle =
      gpu.tensorTflops * mma.rate * gpu.mmaShare * 1e3 / gpu.multiprocessors / gpu.clockGhz;
  return mma.instructions * 2.0 * mma.m * mma.n * mma.k / (flopsPerCycle / 4);
}

double vitc::cost::dramBytes(const Work &work, int64_t batch, const Gpu &gpu) {
  double bytes = double(work.activationBytes()) * batch, room = l2Keeps * gpu.l2Bytes;
  return bytes * std::clamp((bytes - room) / room, 0.0, 1.0) + work.weightRead;
}

/// Cycles of `count` blocks that start together on one multiprocessor.
static double wave(int64_t count, const Block &block, const Gpu &gpu) {
  if (count == 0)
    return 0;
  double moving = gpu.pace.moveDrag * double(count) * block.moved / gpu.l2BytesPerCycle();
  return std::max(double(count) * block.unit(gpu.pace), block.alone + moving);
}

static void addTime(Prediction &p, const LaunchCost &launch, const Gpu &gpu) {
  const Block &block = launch.block;
  int64_t most = ceilDiv(launch.blocks, gpu.multiprocessors);
  int64_t together = std::max<int64_t>(1, p.occupancy.blocks);
  int64_t full = most / together;
  double cycles = double(full) * wave(together, block, gpu) + wave(most % together, block, gpu);
  struct Bound {
    double seconds;
    const char *name;
  };
  bool busy = cycles < 1.25 * most * block.unit(gpu.pace);
  Bound bounds[] = {{cycles / (gpu.clockGhz * 1e9), busy ? block.unitName() : "latency"},
                    {launch.l2 / (gpu.l2GBs * 1e9), "L2"},
                    {launch.dram / (dramShare * gpu.dramGBs * 1e9), "DRAM"}};
  const Bound &worst = *std::max_element(std::begin(bounds), std::end(bounds),
                                         [](auto &a, auto &b) { return a.seconds < b.seconds; });
  double others = -worst.seconds;
  for (const Bound &bound : bounds)
    others += bound.seconds;
  p.seconds = worst.seconds + gpu.pace.trafficDrag * others + launchStart + launch.after;
  p.bound = worst.name;
}

Prediction vitc::cost::predict(const Work &work, const Schedule &s, int64_t batch, const Gpu &gpu) {
  Prediction p;
  Geometry geometry = geometryOf(work, s);
  p.registers = predictRegisters(work, s);
  p.threads = geometry.threads;
  p.smem = geometry.shared;
  p.occupancy = occupancy(gpu, p.threads, std::min(p.registers, 255), p.smem);
  addTime(p, traitsOf(work).time(work, s, batch, gpu), gpu);
  return p;
}
