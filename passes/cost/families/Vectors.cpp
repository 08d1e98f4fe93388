//===- Vectors.cpp - Kernels whose threads take vectors of columns --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A thread has registers for one vector of each operand.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Vectors.h"

#include <fmt/format.h>

using namespace vitc::cost;

/// Elements of a block come in multiples of this: every warp then has whole vectors.
static constexpr int elementUnit = 32 * widestVector;

VectorGeometry vitc::cost::vectorGeometry(const Work &work, const VectorSchedule &s) {
  VectorGeometry g;
  g.vector = work.vector;
  g.vectors = s.elements / g.vector;
  g.vectorsPerRow = work.columns / g.vector;
  // As many threads as the schedule has warps for, or fewer that share the block evenly.
  g.threads = int(std::min<int64_t>(32 * (s.elements / s.warp), g.vectors));
  while (g.vectors % g.threads != 0)
    g.threads -= 32;
  g.grid[0] = {work.rows * g.vectorsPerRow, g.vectors, 1};
  return g;
}

std::string vitc::cost::vectorObjection(const VectorSchedule &s) {
  if (s.elements % elementUnit != 0)
    return fmt::format("expected a block that is a multiple of {} elements, found {}", elementUnit,
                       s.elements);
  if (s.elements % s.warp != 0)
    return fmt::format("expected a warp's part that divides a block's, found {} of {} elements",
                       s.warp, s.elements);
  return "";
}

Registers vitc::cost::vectorRegisters(const Work &work) {
  double operands = 1 + std::min(1, work.vectors) + 0.5 * std::max(0, work.activations - 1) +
                    (work.before.expensive + work.after.expensive ? 1.2 : 0);
  double all = 8 + work.vector * std::min(operands, 4.5);
  return {all, all};
}

static VectorSchedule ofThreads(const Work &work, int threads) {
  return {threads * work.vector, 32 * work.vector};
}

std::vector<VectorSchedule> vitc::cost::vectorSchedules(const Work &work) {
  std::vector<VectorSchedule> list;
  for (int threads : {256, 512, 128})
    if (VectorSchedule s = ofThreads(work, threads); vectorObjection(s).empty())
      list.push_back(s);
  return list;
}

std::vector<VectorSchedule> vitc::cost::classicVectors(const Work &work, int64_t maxBatch,
                                                       const Gpu &gpu) {
  int64_t elements = work.rows * work.columns * maxBatch;
  VectorSchedule small = ofThreads(work, 256);
  if (elements < int64_t(2) * 512 * work.vector * gpu.multiprocessors)
    return {small};
  return {ofThreads(work, 512), small};
}

LaunchCost vitc::cost::vectorTime(const Work &work, const VectorSchedule &s, int64_t batch,
                                  const Gpu &gpu, int placing) {
  double elements = s.elements;
  Arithmetic ops = work.after;
  ops.cheap += work.before.cheap + 2 + placing / work.vector;
  ops.expensive += work.before.expensive;
  LaunchCost launch;
  launch.block.arithmetic = arithmeticCycles(ops, elements);
  double turns = elements / work.vector / vectorGeometry(work, s).threads;
  launch.block.alone =
      turns * (gpu.pace.memoryLatency + 200) + launch.block.arithmetic + storeLatency;
  auto bytes = double(work.activationBytes());
  launch.block.moved = bytes / double(work.rows * work.columns) * elements;
  launch.l2 = bytes * batch;
  launch.dram = dramBytes(work, batch, gpu);
  launch.blocks = ceilDiv(work.rows * batch * work.columns, s.elements);
  return launch;
}
