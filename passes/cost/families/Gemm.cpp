//===- Gemm.cpp - Kernels around linears ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// All tiles that kernels can be built for are tried: there are a few thousand. With splits, a block
// sums its share of K and leaves f32 sums in scratch memory; the last block of a tile to do so adds
// those of all. Shares are multiples of 128 bytes, so which products a share sums depends on
// nothing but K and the number of splits.
//
// A thread holds its sums, the fragments of one k-step (of two, if they are double-buffered), and
// addresses: a pointer for each operand, and for each 16-byte copy of a k-block an offset and
// whether its row exists. The epilogue works on the sums row group by row group when the fragments
// are dead: what it reads and where from takes no more than they did.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Gemm.h"

#include "passes/cost/Classic.h"
#include "passes/cost/Family.h"

#include <fmt/format.h>

using namespace vitc::cost;

namespace {

constexpr int64_t shortRow = 64, longRow = 128; // bytes of a row in a stage: what swizzles know
constexpr int64_t mostBlocksAlongM = 65535;     // the second dimension of the grid
constexpr int bytesOfSum = 4;
constexpr int bytesOfRow = 8;     // mean and reciprocal deviation
constexpr double l2PerCycle = 48; // bytes that one multiprocessor reads from L2 or writes to it

// Geometry -------------------------------------------------------------------

/// Columns of K that shares are multiples of: the longest k-block.
int64_t shareUnit(const Work &work) { return longRow / work.inputBytes; }

/// Columns of K in every share but the last.
int64_t shareOf(const Work &work, const GemmSchedule &s) {
  if (s.splits == 1)
    return work.depth;
  return ceilDiv(ceilDiv(work.depth, shareUnit(work)), s.splits) * shareUnit(work);
}

int threadsOf(const GemmSchedule &s) { return 32 * s.warpsM() * s.warpsN(); }

/// 16-byte copies that one thread starts for a k-block.
int copiesPerThread(const Work &work, const GemmSchedule &s) {
  int threads = threadsOf(s), row = s.tile[2] / copyColumns(work.inputBytes);
  return int(ceilDiv(s.tile[0] * row, threads) + work.products * ceilDiv(s.tile[1] * row, threads));
}

/// Registers of a thread for the fragments of one k-step as they are loaded.
int64_t fragmentRegisters(const Work &work, const GemmSchedule &s, const MmaShape &mma) {
  return s.warp[0] / mma.m * mma.registersOfA() +
         work.products * (s.warp[1] / mma.n * mma.registersOfB());
}

/// Beside them, for the parts of f32 fragments: a second one of each of B, and both of a tile of A;
/// and a sixth more, for ptxas splits what is loaded long before it is multiplied.
int64_t partRegisters(const Work &work, const GemmSchedule &s, const MmaShape &mma) {
  if (!work.threefold)
    return 0;
  return work.products * (s.warp[1] / mma.n * mma.registersOfB()) + 2 * mma.registersOfA() +
         (s.accumulators(work) + fragmentRegisters(work, s, mma)) / 6;
}

/// Blocks whose registers should fit in one multiprocessor, whatever their shared memory. Without a
/// demand ptxas takes more registers than it needs, and the driver's compiler yet more. The steps
/// are those at which another block of 128 threads fits; what a tile needs without spilling was
/// measured over those of bench/register_sweep.py.
int demandOf(const Work &work, const GemmSchedule &s, const GemmGeometry &g) {
  int64_t sums = s.accumulators(work), copies = g.stageBytes / copyBytes / g.threads;
  int64_t needed = sums + s.buffers * fragmentRegisters(work, s, *g.mma) +
                   partRegisters(work, s, *g.mma) + 2 * copies + 4 * work.activations;
  if (s.buffers == 2)
    needed += 12;
  // Many addresses and values alive beside the accumulators may have more rather than spill.
  bool heavy = work.activations + work.results > 3;
  int registers = heavy ? 255 : needed <= 108 && sums <= 64 ? 128 : needed <= 147 ? 168 : 255;
  return std::max(1, commonRegistersPerSm / (registers * g.threads));
}

void addSlots(GemmGeometry &g, const Work &work, const GemmSchedule &s) {
  g.staged = work.columns * work.narrowest % copyBytes == 0;
  // The padding of a slot's rows spreads the pairs of a store over the banks: 8 rows of 4 pairs (of
  // 4 bytes; of 8 bytes, 4 rows at a time) lie in different ones if a row is an odd number of such
  // fours.
  g.slotColumns = (s.warp[1] / g.mma->n | 1) * g.mma->n;
  g.slotBytes = g.mma->m * g.slotColumns * work.outputBytes;
  int64_t warps = g.threads / 32;
  g.slots = 2 * warps * g.slotBytes <= g.ringBytes ? 2 : 1;
  g.rowsOffset = std::max(g.ringBytes, g.staged ? warps * g.slots * g.slotBytes : 0);
  g.shared = g.rowsOffset + (work.normalized ? bytesOfRow * s.tile[0] : 0);
}

} // namespace

GemmGeometry vitc::cost::gemmGeometry(const Work &work, const GemmSchedule &s) {
  GemmGeometry g;
  g.mma = &mmaOf(work);
  int64_t all = ceilDiv(work.depth, s.tile[2]);
  g.blocks = s.splits > 1 ? shareOf(work, s) / s.tile[2] : all;
  g.lastBlocks = all - (s.splits - 1) * g.blocks;
  g.threads = threadsOf(s);
  g.grid[0].times = ceilDiv(work.columns, s.tile[1]);
  g.grid[1] = {work.rows, s.tile[0], 1};
  g.grid[2].times = s.splits;
  if (s.splits > 1)
    g.sums = bytesOfSum * work.products * s.tile[0] * s.tile[1];

  g.rowBytes = int64_t(s.tile[2]) * work.inputBytes;
  g.tileBytesOfA = s.tile[0] * g.rowBytes;
  g.tileBytesOfB = s.tile[1] * g.rowBytes;
  g.stageBytes = g.tileBytesOfA + work.products * g.tileBytesOfB;
  g.ringBytes = s.stages * g.stageBytes;
  addSlots(g, work, s);
  g.minBlocks = demandOf(work, s, g);
  return g;
}

namespace {

Geometry geometry(const Work &work, const Schedule &s) { return gemmGeometry(work, s.gemm()); }

// Text -----------------------------------------------------------------------

std::optional<Schedule> gemmRead(const Written &s, const Work &, const Gpu &) {
  if (s.block.size() != 3 || s.warp.size() != 2)
    return std::nullopt;
  return Schedule{GemmSchedule{.tile = {s.block[0], s.block[1], s.block[2]},
                               .warp = {s.warp[0], s.warp[1]},
                               .stages = s.stages,
                               .buffers = s.buffers,
                               .splits = s.splits}};
}

// What cannot be built -------------------------------------------------------

/// What no schedule can change.
std::string objectionTo(const Work &work) {
  if (int chunk = copyColumns(work.inputBytes); work.depth % chunk != 0)
    return fmt::format("expected K to be a multiple of {}, found {}: run vit-pad-widths", chunk,
                       work.depth);
  return "";
}

std::string gemmObjection(const Work &work, const Schedule &schedule, const Limits &limits) {
  if (std::string why = objectionTo(work); !why.empty())
    return why;
  const GemmSchedule &s = schedule.gemm();
  const MmaShape *mma = &mmaOf(work);
  auto [bm, bn, bk] = s.tile;
  auto [wm, wn] = s.warp;
  if (int64_t row = int64_t(bk) * work.inputBytes; row != shortRow && row != longRow)
    return fmt::format("expected BK of {} or {}, found {}", shortRow / work.inputBytes,
                       longRow / work.inputBytes, bk);
  if (bm % wm || bn % wn || wm % mma->m || wn % mma->n)
    return fmt::format("expected a warp tile of {}s by {}s that divides the block tile {}x{}, "
                       "found {}x{}",
                       mma->m, mma->n, bm, bn, wm, wn);
  if (work.group && wn % work.group != 0)
    return fmt::format("expected warps that compute whole groups of {} columns, whose moments are "
                       "a result, found {}",
                       work.group, wn);
  if (int64_t sums = s.accumulators(work); sums > limits.accumulators)
    return fmt::format("expected at most {} accumulators in a thread, found {} of {} linear{} with "
                       "a warp tile of {}x{}: choose a smaller one",
                       limits.accumulators, sums, work.products, work.products == 1 ? "" : "s", wm,
                       wn);
  if (s.stages < 2 || s.stages > 8)
    return fmt::format("expected 2 to 8 stages, found {}", s.stages);
  if (int64_t share = shareOf(work, s); (s.splits - 1) * share >= work.depth)
    return fmt::format("expected a share of K = {} for each of {} splits, but {} columns each "
                       "leave none for the last: choose fewer splits",
                       work.depth, s.splits, share);
  return "";
}

int tallestTile(const Preferences &p) { return p.tile ? p.tile->tile[0] : 256; }

int64_t blocksAlongM(const Work &work, int tileM, int64_t maxBatch) {
  return ceilDiv(work.rows * maxBatch, tileM);
}

std::string gemmImpossible(const Work &work, int64_t maxBatch, const Preferences &p) {
  if (std::string why = objectionTo(work); !why.empty())
    return why;
  int tallest = tallestTile(p);
  if (blocksAlongM(work, tallest, maxBatch) <= mostBlocksAlongM)
    return "";
  return fmt::format("max-batch {} has {} rows, at most {} blocks of {} can be launched", maxBatch,
                     work.rows * maxBatch, mostBlocksAlongM, tallest);
}

// Candidates -----------------------------------------------------------------

/// Parts of K that are worth a block of their own: at least 192 columns each.
std::vector<int> splitsOf(const Work &work, const Preferences &p) {
  std::vector<int> splits = {1};
  if (!p.batchInvariant)
    for (int n : {2, 3, 4, 6, 8})
      if (work.depth / n >= 192)
        splits.push_back(n);
  return splits;
}

void addTile(std::vector<Schedule> &list, const Work &work, GemmSchedule s, const Preferences &p) {
  // Where a thread has many copies to start, and where long k-blocks go round three stages, ptxas
  // needs far more registers than the rest of such tiles.
  constexpr int mostCopies = 16;
  if (copiesPerThread(work, s) > mostCopies)
    return;
  // Long k-blocks of f32 have all their fragments split at once, and spill.
  if (work.threefold && s.tile[2] * work.inputBytes == longRow)
    return;
  for (int stages : {2, 3, 4})
    for (int buffers : {1, 2}) {
      s.stages = stages, s.buffers = buffers;
      if (s.tile[2] * work.inputBytes == shortRow || stages != 3)
        addCandidate(list, work, {s}, p);
    }
}

std::vector<Schedule> givenTile(const Work &work, const Preferences &p) {
  std::vector<Schedule> list;
  for (int buffers : {1, 2}) {
    GemmSchedule s = *p.tile;
    s.buffers = buffers;
    addCandidate(list, work, {s}, p);
  }
  return list;
}

constexpr int mostWarps = 8; // of a block: two or more of such blocks fill a multiprocessor

std::vector<Schedule> wholeTiles(const Work &work, const Preferences &p) {
  std::vector<Schedule> list;
  const MmaShape *mma = &mmaOf(work);
  int mostN = int(std::min<int64_t>(256, ceilDiv(work.columns, mma->n) * mma->n));
  for (int m : {1, 2, 3, 4, 6, 8})
    for (int n : {1, 2, 3, 4, 6, 8}) {
      if (m * n > mostWarps)
        continue;
      for (int wm = mma->m; wm * m <= 256 && wm <= 128; wm += mma->m)
        for (int wn = mma->n; wn * n <= mostN && wn <= 128; wn += mma->n)
          if (work.products * wm * wn / 32 <= mostAccumulators)
            for (int64_t row : {shortRow, longRow})
              addTile(list, work,
                      {.tile = {wm * m, wn * n, int(row / work.inputBytes)}, .warp = {wm, wn}}, p);
    }
  return list;
}

/// The same with K in parts: worth a try only where one image has few blocks.
void addSplits(std::vector<Schedule> &list, const Work &work, const Preferences &p) {
  std::vector<int> splits = splitsOf(work, p);
  size_t whole = list.size();
  for (size_t i = 0; i < whole; ++i)
    for (int n : splits) {
      GemmSchedule s = list[i].gemm();
      s.splits = n;
      int64_t blocks = ceilDiv(work.rows, s.tile[0]) * ceilDiv(work.columns, s.tile[1]);
      Schedule split{s, list[i].registers};
      if (n > 1 && blocks * (n - 1) <= 4 * p.gpu->multiprocessors &&
          objection(work, split, limitsOf(*p.gpu)).empty())
        list.push_back(split);
    }
}

std::vector<Schedule> gemmCandidates(const Work &work, int64_t maxBatch, const Preferences &p) {
  std::vector<Schedule> list;
  if (p.tile) {
    list = givenTile(work, p);
  } else {
    list = wholeTiles(work, p);
    addSplits(list, work, p);
  }
  std::erase_if(list, [&](const Schedule &s) {
    return blocksAlongM(work, s.gemm().tile[0], maxBatch) > mostBlocksAlongM;
  });
  return list;
}

std::vector<Schedule> gemmClassic(const Work &work, int64_t maxBatch, const Preferences &p) {
  return p.tile ? gemmCandidates(work, maxBatch, p) : classicTiles(work, p);
}

// Registers ------------------------------------------------------------------

/// Whether blocks of K are left to copy once the ring has been filled; else the main loop has no
/// copies, nor what they hold.
bool copiesInLoop(const Work &work, const GemmSchedule &s) {
  int64_t blocks = ceilDiv(work.depth, s.tile[2]);
  return s.splits > 1 || blocks > s.stages - (s.buffers == 1 ? 1 : 0);
}

Registers gemmRegisters(const Work &work, const Schedule &schedule) {
  const GemmSchedule &s = schedule.gemm();
  const MmaShape &mma = mmaOf(work);
  double fragments = double(fragmentRegisters(work, s, mma));
  double held =
      double(s.accumulators(work)) + s.buffers * fragments + double(partRegisters(work, s, mma));
  double crowded = 3.0 * std::max(0, copiesPerThread(work, s) - 8);
  double least = held + 26 + 2 * (work.products - 1) + crowded;
  double free = held + (s.buffers == 2 ? 34 : 40) + 5 * (work.products - 1) + crowded;
  if (!copiesInLoop(work, s))
    least -= 10, free -= 14;
  else if (s.tile[2] * work.inputBytes ==
           longRow) // twice the steps and copies in one piece of code
    least += s.stages == 3 ? 24 : 9;
  // Columns that are moved inside N have an address for each group instead of one offset for all.
  if (work.columns % s.tile[1] != 0)
    least += s.warp[1] * (work.activations ? 0.5 : work.vectors ? 0.3 : 0);
  return {least, std::max(least, free)};
}

// Time -----------------------------------------------------------------------

/// What a warp does between two results: `elements` are those of a block.
void addEpilogue(Block &block, const Work &work, const GemmSchedule &s, const Gpu &gpu) {
  double elements = double(s.tile[0]) * s.tile[1];
  Arithmetic ops = work.after;
  ops.cheap += 4 + 2 * work.activations; // rounding, addresses, stores
  double cycles = arithmeticCycles(ops, elements);
  double copies = 2 * double(work.outputBytes) * elements / sharedWidth;
  block.arithmetic += cycles;
  block.shared += copies;
  // Of a thread: as many elements as its warp tile has for each lane, part by part of the block.
  double own = double(s.warp[0]) * s.warp[1] / 32 * double(ceilDiv(threadsOf(s), 128));
  double pace = gpu.pace.epilogue,
         instructions = ops.cheap + instructionsOfFunction * ops.expensive;
  double waits = work.activations ? gpu.pace.memoryLatency : 0;
  block.alone += waits + storeLatency + copies + (pace ? pace * instructions * own : 1.5 * cycles);
}

/// What a block that shares its tile does with its sums, and is done.
void addSums(Block &block, const Work &work, double elements, const Gpu &gpu) {
  block.alone +=
      storeLatency + gpu.pace.memoryLatency + bytesOfSum * work.products * elements / l2PerCycle;
}

/// Seconds of the last block of a tile, behind the others: all sums, then what is fused.
double lastBlockSeconds(const Work &work, const GemmSchedule &s, const Gpu &gpu) {
  double elements = double(s.tile[0]) * s.tile[1];
  Block last;
  last.alone =
      gpu.pace.memoryLatency + s.splits * bytesOfSum * work.products * elements / l2PerCycle;
  addEpilogue(last, work, s, gpu);
  return last.alone / (gpu.clockGhz * 1e9);
}

Block blockOf(const Work &work, const GemmSchedule &s, const Gpu &gpu) {
  const MmaShape &shape = mmaOf(work);
  auto [bm, bn, bk] = s.tile;
  auto [wm, wn] = s.warp;
  int warps = s.warpsM() * s.warpsN();
  double steps = double(ceilDiv(shareOf(work, s), bk)) * bk / shape.k;
  // One k-step: of a warp, of the block.
  double mma =
      work.products * (wm / double(shape.m)) * (wn / double(shape.n)) * mmaCycles(shape, gpu);
  double stepBytes = shape.k * work.inputBytes;
  double reads = warps * (wm + work.products * wn) * stepBytes / sharedWidth;
  double writes = (bm + work.products * bn) * stepBytes / sharedWidth;
  double perPart = double(ceilDiv(warps, 4)) * mma;

  Block block;
  block.tensor = steps * warps * mma / 4 / tensorShare;
  block.shared = steps * (reads + writes);
  // Two roundings and a difference for each fragment register of an f32.
  double parts = work.threefold ? 3.0 * 32 * double(fragmentRegisters(work, s, shape)) : 0;
  block.arithmetic = steps * warps * parts / lanes;
  double load = sharedLatency + reads;
  double split = double(ceilDiv(warps, 4)) * parts / (lanes / 4);
  double step = s.buffers == 2 ? std::max(perPart, load) : std::max(perPart, mma + load);
  double between = gpu.pace.barrierCost + gpu.pace.copyIssue * copiesPerThread(work, s);
  // Copies of the k-blocks ahead are under way meanwhile, one behind the other.
  double transfer = (bm + work.products * bn) * bk * work.inputBytes / gpu.l2BytesPerCycle();
  double arrival = gpu.pace.memoryLatency + gpu.pace.copyQueue * transfer;
  double kBlock = std::max((step + split) * bk / shape.k + between, arrival / (s.stages - 1));
  block.alone = gpu.pace.memoryLatency + 100 + kBlock * steps * shape.k / bk;
  if (s.splits > 1)
    addSums(block, work, double(bm) * bn, gpu);
  else
    addEpilogue(block, work, s, gpu);
  return block;
}

LaunchCost gemmTime(const Work &work, const Schedule &schedule, int64_t batch, const Gpu &gpu) {
  const GemmSchedule &s = schedule.gemm();
  int64_t m = work.rows * batch, tilesM = ceilDiv(m, s.tile[0]);
  int64_t tilesN = ceilDiv(work.columns, s.tile[1]);
  LaunchCost launch;
  double weight = double(work.products) * work.columns * work.depth * work.inputBytes;
  launch.l2 = tilesN * double(work.rootRead) * batch + tilesM * weight;
  launch.dram = dramBytes(work, batch, gpu);
  launch.l2 += double(work.otherRead + work.written) * batch;
  if (s.splits > 1) // written, then read
    launch.l2 += 2.0 * bytesOfSum * s.splits * m * work.columns * work.products;
  launch.block = blockOf(work, s, gpu);
  launch.blocks = tilesM * tilesN * s.splits;
  if (s.splits > 1)
    launch.after = lastBlockSeconds(work, s, gpu);
  return launch;
}

bool gemmAlike(const Schedule &a, const Schedule &b) {
  const GemmSchedule &x = a.gemm(), &y = b.gemm();
  return x.warp == y.warp && x.buffers == y.buffers && x.tile[2] == y.tile[2];
}

/// Copies that do not come out even take instructions that do nothing.
double gemmHandicap(const Work &work, const Schedule &schedule) {
  const GemmSchedule &s = schedule.gemm();
  int threads = threadsOf(s), chunks = s.tile[2] / copyColumns(work.inputBytes);
  return 1 + 0.01 * (s.tile[0] * chunks % threads != 0) +
         0.01 * (s.tile[1] * chunks % threads != 0);
}

} // namespace

int64_t vitc::cost::mostGemmRows(const Preferences &preferences) {
  return mostBlocksAlongM * tallestTile(preferences);
}

const FamilyTraits vitc::cost::gemmFamily = {
    .name = "gemm",
    .candidates = gemmCandidates,
    .classic = gemmClassic,
    .impossible = gemmImpossible,
    .read = gemmRead,
    .objection = gemmObjection,
    .geometry = geometry,
    .registers = gemmRegisters,
    .time = gemmTime,
    .alike = gemmAlike,
    .handicap = gemmHandicap,
    .bounded = true,
    .recomputes = false,
};
