//===- Time.cpp - Seconds of a launch -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A block of threads is described by two numbers of cycles: how long it keeps the busiest unit of a
// multiprocessor busy, and how long it takes alone, waiting for memory, barriers and itself. The
// multiprocessor with the most blocks decides: blocks that live on it together take the units'
// time, but no less than one takes alone. That is what makes tiles that do not divide the problem
// into whole waves expensive, and few large tiles at small batches. Beside it the whole launch
// cannot be faster than its traffic from L2 and from DRAM.
//
// Activations cost DRAM nothing while what a launch reads and writes fits in L2, for the launch
// before has just written them. Weights are read once for each launch: those of a whole model do
// not fit. Blocks of a linear go through N first, so its input is read from DRAM once.
//
// Constants are latencies and instruction counts in cycles of the multiprocessor. They are the same
// for every device and model.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Attention.h"
#include "passes/cost/Predict.h"

#include <algorithm>

using namespace vitc::cost;

namespace {

constexpr double memoryLatency = 700; // a load that misses L1 on a busy device
constexpr double storeLatency = 400;  // results to L2, and the end of a block
constexpr double sharedLatency = 33;  // ldmatrix
constexpr double barrierCost = 45;    // wait for copies, barrier, first addresses
constexpr double tensorShare = 0.98;  // of the tensor cores' rate that a full main loop reaches
constexpr double sharedDrag = 0.05;   // of the cycles of shared memory that the other units lose
constexpr double dramShare = 0.92;
constexpr double l2Keeps = 0.8;     // of its size, for activations
constexpr double start = 0.4e-6;    // seconds from a launch to its first instructions everywhere
constexpr double sharedWidth = 128; // bytes of shared memory per cycle
constexpr double lanes = 128, functionUnits = 16; // per cycle

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// What one block costs.
struct Block {
  double tensor = 0, shared = 0, arithmetic = 0; ///< cycles of the multiprocessor's units
  double alone = 0;                              ///< from its start to its end

  double unit() const { return std::max({tensor, shared, arithmetic}) + sharedDrag * shared; }
  const char *unitName() const {
    if (shared > std::max(tensor, arithmetic))
      return "shared memory";
    return tensor > arithmetic ? "tensor cores" : "arithmetic";
  }
};

/// Traffic of the whole launch in bytes.
struct Traffic {
  double l2 = 0, dram = 0;
};

/// Cycles of `count` elementwise operations of each kind on all units of a multiprocessor.
double arithmeticCycles(Arithmetic ops, double count) {
  // A function takes about a dozen instructions and two results of the function unit.
  double instructions = ops.cheap + 12.0 * ops.expensive;
  return count * std::max(instructions / lanes, 2.0 * ops.expensive / functionUnits);
}

double flopsPerCycle(const Gpu &gpu) {
  return gpu.tensorTflops * gpu.mmaShare * 1e3 / gpu.multiprocessors / gpu.clockGhz;
}

/// Cycles one warp's part of a multiprocessor takes for a product of 16 x 8 x 16.
double mmaCycles(const Gpu &gpu) { return 2.0 * 16 * 8 * 16 / (flopsPerCycle(gpu) / 4); }

/// Activations that do not come from L2 or stay there.
double dramOfActivations(const Work &work, int64_t batch, const Gpu &gpu) {
  double bytes = double(work.activationBytes()) * batch, room = l2Keeps * gpu.l2Bytes;
  return bytes * std::clamp((bytes - room) / room, 0.0, 1.0);
}

void finish(Prediction &p, const Block &block, int64_t blocks, const Traffic &traffic,
            const Gpu &gpu) {
  int64_t most = ceilDiv(blocks, gpu.multiprocessors);
  int64_t together = std::max<int64_t>(1, p.occupancy.blocks);
  int64_t full = most / together, rest = most % together;
  double cycles = full * std::max(together * block.unit(), block.alone) +
                  (rest ? std::max(rest * block.unit(), block.alone) : 0);
  struct Bound {
    double seconds;
    const char *name;
  };
  bool busy = cycles < 1.25 * most * block.unit();
  Bound bounds[] = {{cycles / (gpu.clockGhz * 1e9), busy ? block.unitName() : "latency"},
                    {traffic.l2 / (gpu.l2GBs * 1e9), "L2"},
                    {traffic.dram / (dramShare * gpu.dramGBs * 1e9), "DRAM"}};
  const Bound &worst = *std::max_element(std::begin(bounds), std::end(bounds),
                                         [](auto &a, auto &b) { return a.seconds < b.seconds; });
  p.seconds = worst.seconds + start;
  p.bound = worst.name;
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

/// What a warp of a linear does between two results: `elements` are those of a block.
void addEpilogue(Block &block, const Work &work, const Schedule &s, double elements) {
  double bytes = s.splits > 1 ? 4.0 * work.products : double(work.outputBytes);
  Arithmetic ops = s.splits > 1 ? Arithmetic() : work.after;
  ops.cheap += 4 + 2 * work.activations; // rounding, addresses, stores
  double cycles = arithmeticCycles(ops, elements);
  double copies = 2 * bytes * elements / sharedWidth;
  block.arithmetic += cycles;
  block.shared += copies;
  double waits = work.activations && s.splits == 1 ? memoryLatency : 0;
  block.alone += waits + storeLatency + 1.5 * cycles + copies;
}

Block linearBlock(const Work &work, const Schedule &s, int64_t depth, const Gpu &gpu) {
  auto [bm, bn, bk] = s.block;
  auto [wm, wn] = s.warp;
  int warps = s.warpsM() * s.warpsN();
  double steps = double(ceilDiv(depth, bk)) * bk / 16;
  // One k16 step: of a warp, of the block.
  double mma = work.products * (wm / 16.0) * (wn / 8.0) * mmaCycles(gpu);
  double reads = warps * (wm + work.products * wn) * 32 / sharedWidth;
  double writes = (bm + work.products * bn) * 32 / sharedWidth;
  double perPart = double(ceilDiv(warps, 4)) * mma;

  Block block;
  block.tensor = steps * warps * mma / 4 / tensorShare;
  block.shared = steps * (reads + writes);
  double load = sharedLatency + reads;
  double step = s.buffers == 2 ? std::max(perPart, load) : std::max(perPart, mma + load);
  double kBlock = step * bk / 16 + barrierCost;
  // Copies of the k-blocks ahead are under way meanwhile.
  kBlock = std::max(kBlock, memoryLatency / (s.stages - 1));
  block.alone = memoryLatency + 100 + kBlock * steps * 16 / bk;
  addEpilogue(block, work, s, double(bm) * bn);
  return block;
}

double reductionSeconds(const Work &work, const Schedule &s, int64_t batch, const Gpu &gpu) {
  double elements = double(work.rows) * batch * work.columns * work.products;
  double bytes = elements * 4 * s.splits + double(work.otherRead + work.written) * batch;
  return start + gpu.launchGapUs * 1e-6 + bytes / (gpu.l2GBs * 1e9) + 1600 / (gpu.clockGhz * 1e9);
}

void predictLinear(Prediction &p, const Work &work, const Schedule &s, int64_t batch,
                   const Gpu &gpu) {
  int64_t m = work.rows * batch, tilesM = ceilDiv(m, s.block[0]);
  int64_t tilesN = ceilDiv(work.columns, s.block[1]);
  int64_t depth = s.splits > 1 ? ceilDiv(ceilDiv(work.depth, 64), s.splits) * 64 : work.depth;
  Traffic traffic;
  double weight = double(work.products) * work.columns * work.depth * work.inputBytes;
  traffic.l2 = tilesN * double(work.rootRead) * batch + tilesM * weight;
  traffic.dram = dramOfActivations(work, batch, gpu) + work.weightRead;
  if (s.splits > 1)
    traffic.l2 += 4.0 * s.splits * m * work.columns * work.products;
  else
    traffic.l2 += double(work.otherRead + work.written) * batch;
  finish(p, linearBlock(work, s, depth, gpu), tilesM * tilesN * s.splits, traffic, gpu);
  if (s.splits > 1)
    p.seconds += reductionSeconds(work, s, batch, gpu);
}

void predictAttention(Prediction &p, const Work &work, const Schedule &s, int64_t batch,
                      const Gpu &gpu) {
  int64_t keys = work.overBatch ? batch : work.keys, room = work.overBatch ? s.block[1] : keys;
  vitc::AttentionPlan plan =
      vitc::planAttention(room, work.headDim, work.overBatch ? room : work.queries, s.block[0]);
  double perPart = double(ceilDiv(plan.warps, 4));
  double products = plan.keyTiles * double(ceilDiv(work.headDim, 16)) +
                    plan.bufferRows() / 16 * (work.headDim / 8.0);
  double scores = 4.0 * plan.keyTiles; // of a lane
  double copied = (2 * plan.bufferRows() + plan.queryRows) * 2.0 * work.headDim;

  Block block;
  block.tensor = plan.warps * products * mmaCycles(gpu) / 4 / tensorShare;
  // Of each score: scale, exponential, sum, largest, rounding.
  block.arithmetic = plan.warps * 32 * scores * std::max(6 / lanes, 1 / functionUnits);
  double fragments = plan.warps * double(plan.bufferRows()) * work.headDim * 2 * 2;
  block.shared = (fragments + copied) / sharedWidth;
  double softmax = perPart * scores * 10;
  block.alone = memoryLatency + copied / 64 + perPart * products * mmaCycles(gpu) * 1.1 + softmax +
                (plan.resident ? 0 : memoryLatency / 2) + storeLatency + 4 * barrierCost;
  int64_t sequences = work.heads * (work.overBatch ? work.rows : batch);
  int64_t blocks = sequences * plan.rowBlocks;
  Traffic traffic;
  traffic.l2 = blocks * copied + double(work.otherRead + work.written) * batch;
  traffic.dram = dramOfActivations(work, batch, gpu) + work.weightRead;
  finish(p, block, blocks, traffic, gpu);
}

void predictNorm(Prediction &p, const Work &work, const Schedule &s, int64_t batch,
                 const Gpu &gpu) {
  int rows = p.threads / 32 * s.warp[0];
  bool again = readsRowAgain(work, s);
  double elements = double(rows) * work.columns;
  int times = again ? 3 : 1; // mean, variance, result
  Arithmetic ops = work.after;
  ops.cheap += 9 + work.before.cheap * times;
  ops.expensive += work.before.expensive * times;
  Block block;
  block.arithmetic = arithmeticCycles(ops, elements);
  double own = arithmeticCycles(ops, elements / rows) * 4; // a row on one of four parts
  block.alone = s.warp[0] * (times * memoryLatency + 10 * 30 + own + storeLatency);
  Traffic traffic;
  double read = double(work.rootRead) + work.otherRead;
  traffic.l2 = (times * read + work.written) * batch;
  traffic.dram = dramOfActivations(work, batch, gpu) + work.weightRead;
  finish(p, block, ceilDiv(work.rows * batch, rows), traffic, gpu);
}

/// Kernels whose threads take vectors of neighbouring columns: copies, gathers, elementwise ops.
void predictElements(Prediction &p, const Work &work, const Schedule &s, int64_t batch,
                     const Gpu &gpu) {
  double elements = s.block[0];
  Arithmetic ops = work.after;
  ops.cheap += work.before.cheap + 2 + (work.root == Root::Patchify ? 40 : 16) / work.vector;
  ops.expensive += work.before.expensive;
  Block block;
  block.arithmetic = arithmeticCycles(ops, elements);
  double turns = elements / work.vector / p.threads;
  block.alone = turns * (memoryLatency + 200) + block.arithmetic + storeLatency;
  Traffic traffic;
  traffic.l2 = double(work.activationBytes()) * batch;
  traffic.dram = dramOfActivations(work, batch, gpu) + work.weightRead;
  finish(p, block, ceilDiv(work.rows * batch * work.columns, s.block[0]), traffic, gpu);
}

} // namespace

Prediction vitc::cost::predict(const Work &work, const Schedule &s, int64_t batch, const Gpu &gpu) {
  Prediction p;
  p.registers = predictRegisters(work, s);
  p.threads = threadsOf(work, s);
  p.smem = smemOf(work, s);
  p.occupancy = occupancy(gpu, p.threads, std::min(p.registers, 255), p.smem);
  switch (work.root) {
  case Root::Linear:
    predictLinear(p, work, s, batch, gpu);
    break;
  case Root::Attention:
    predictAttention(p, work, s, batch, gpu);
    break;
  case Root::LayerNorm:
    predictNorm(p, work, s, batch, gpu);
    break;
  default:
    predictElements(p, work, s, batch, gpu);
    break;
  }
  return p;
}
