//===- Attention.cpp - Kernels around an attention ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A thread holds the scores of two query rows: 4 registers for every 8 keys. That is the peak; when
// the probabilities are packed in pairs, half of them are free again, and the result needs fewer.
// Around it the loop over the head's columns keeps one step of Q and of K and a few addresses.
//
// Which rows a block has, and whether V lies beside K, a schedule says. Both are decided by what
// fits: V beside K saves a wait, V after K leaves room for more blocks.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Attention.h"

#include "passes/cost/Family.h"

#include <fmt/format.h>

using namespace vitc::cost;

namespace {

constexpr int copyWarps = 4; // copy keys and values faster than the one that has a single row

/// Keys there is room for: those of the work, or where the batch decides, `keys`.
int64_t roomFor(const Work &work, int64_t keys) { return work.overBatch ? keys : work.keys; }

/// Registers per thread, as ptxas was seen to need without spilling.
int64_t registersOf(int64_t keyTiles, int64_t headDim) {
  int64_t scores = 4 * keyTiles;
  int64_t result = 2 * keyTiles + headDim / 2;
  return std::max(scores, result) + 24;
}

/// Warps whose registers fit: 16 leave a thread 128, 8 leave it 255.
int64_t mostWarps(int64_t registers, int registersPerSm) {
  return registersPerSm / 32 / (registers <= 128 ? 128 : 256);
}

/// All but what depends on whether V is resident; equal shares of the rows for every block.
AttentionGeometry geometryOfRows(const Work &work, int64_t keys, int64_t blockRows) {
  AttentionGeometry g;
  g.mma = findMma(work.inputBytes);
  g.keys = keys;
  g.keyTiles = ceilDiv(keys, g.mma->n);
  g.rows = work.overBatch ? keys : work.queries;
  // An odd number of 16-byte chunks per row: 8 rows are in 8 different bank groups.
  g.pitch = copyBytes * (work.headDim / copyColumns(work.inputBytes) | 1);
  g.bufferRows = ceilDiv(keys, g.mma->k) * g.mma->k;
  g.bufferBytes = g.bufferRows * g.pitch;
  g.registers = registersOf(g.keyTiles, work.headDim);
  int64_t rowTiles = ceilDiv(g.rows, g.mma->m);
  int64_t warps = std::clamp<int64_t>(blockRows / g.mma->m, 1, rowTiles);
  g.rowBlocks = ceilDiv(rowTiles, warps);
  g.warps = ceilDiv(rowTiles, g.rowBlocks);
  // One row, as of a class token, is work for one warp.
  bool helpers = g.rows <= g.mma->m && keys > 32;
  g.threads = 32 * int(helpers ? copyWarps : g.warps);
  return g;
}

/// Registers of a thread that do without spilling.
int leastOf(const AttentionGeometry &g) {
  // Warps that only copy leave by a branch, around which more lives.
  return int(g.registers) + (g.threads != 32 * g.warps ? 18 : 0) + 2;
}

/// With V beside K the helpers of a single warp leave early; else they go along, on zeros.
void placeValues(AttentionGeometry &g, bool resident) {
  g.resident = resident;
  g.queryRows = g.mma->m * (resident ? g.warps : g.threads / 32);
  g.queryOffset = g.bufferBytes * (resident ? 2 : 1);
  g.shared = g.queryOffset + g.queryRows * g.pitch;
}

} // namespace

AttentionGeometry vitc::cost::attentionGeometry(const Work &work, const AttentionSchedule &s) {
  AttentionGeometry g = geometryOfRows(work, roomFor(work, s.keys), s.rows);
  placeValues(g, s.resident);
  if (work.overBatch)
    g.grid[0] = {0, 1, g.rowBlocks * work.rows};
  else
    g.grid[0] = {1, 1, g.rowBlocks};
  g.grid[1].times = work.heads;
  // Without a demand ptxas takes more registers than it needs.
  int blocks = blocksByRegisters(commonRegistersPerSm, g.threads, leastOf(g));
  g.minBlocks = blocks > 1 ? std::min(blocks, commonBlocksPerSm) : 0;
  return g;
}

bool vitc::cost::valuesFitBeside(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu) {
  if (!findMma(work.inputBytes))
    return false;
  AttentionGeometry g = geometryOfRows(work, roomFor(work, keys), rows);
  auto blocksWith = [&](bool resident) {
    placeValues(g, resident);
    Occupancy fit = occupancy(gpu, g.threads, int(std::min<int64_t>(g.registers, 255)), g.shared);
    return std::min(fit.byRegisters, fit.bySmem);
  };
  int beside = blocksWith(true), behind = blocksWith(false);
  bool helpers = g.threads > 32 * g.warps;
  return beside > 0 && (helpers || beside >= behind);
}

AttentionSchedule vitc::cost::attentionSchedule(const Work &work, int64_t rows, int64_t keys,
                                                const Gpu &gpu) {
  int64_t room = roomFor(work, keys);
  AttentionGeometry g = geometryOfRows(work, room, rows);
  // All rows of Q must fit beside K.
  int64_t most = std::min(mostWarps(g.registers, gpu.registersPerSm),
                          (gpu.smemPerBlock - g.bufferBytes) / (g.mma->m * g.pitch));
  rows = g.mma->m * geometryOfRows(work, room, std::min(most * g.mma->m, rows)).warps;
  return {int(rows), int(keys), valuesFitBeside(work, rows, keys, gpu)};
}

namespace {

Geometry attentionPart(const Work &work, const Schedule &s, int) {
  return attentionGeometry(work, s.attention());
}

std::optional<Schedule> attentionRead(const Written &s, const Work &work, const Gpu &gpu) {
  if (s.block.size() != 2)
    return std::nullopt;
  return Schedule{AttentionSchedule{s.block[0], s.block[1],
                                    valuesFitBeside(work, s.block[0], s.block[1], gpu)}};
}

// What cannot be built -------------------------------------------------------

/// What no schedule can change.
std::string objectionTo(const Work &work, int64_t keys) {
  if (!findMma(work.inputBytes))
    return fmt::format("expected attention on f16 or bf16, found values of {} bytes: choose "
                       "--dtype=f16 or bf16",
                       work.inputBytes);
  if (int unit = copyColumns(work.inputBytes);
      work.headDim % unit != 0 || work.headDim < leastHeadDim || work.headDim > mostHeadDim)
    return fmt::format("expected head_dim in multiples of {} from {} to {}, found {}", unit,
                       leastHeadDim, mostHeadDim, work.headDim);
  if (keys < 1 || keys > mostKeys)
    return fmt::format("expected at most {} keys in one attention, found {}", mostKeys, keys);
  return "";
}

std::string attentionObjection(const Work &work, const Schedule &schedule, const Limits &) {
  const AttentionSchedule &s = schedule.attention();
  if (std::string why = objectionTo(work, roomFor(work, s.keys)); !why.empty())
    return why;
  if (s.rows < findMma(work.inputBytes)->m)
    return fmt::format("expected at least {} query rows in a block, found {}",
                       findMma(work.inputBytes)->m, s.rows);
  AttentionGeometry g = attentionGeometry(work, s);
  if (int64_t most = mostWarps(g.registers, commonRegistersPerSm); g.warps > most)
    return fmt::format("expected at most {} warps in a block, whose threads need {} registers, "
                       "found {}: choose fewer rows",
                       most, g.registers, g.warps);
  if (s.keys < work.keys && !work.overBatch)
    return fmt::format("expected a schedule with all {} keys in a block, found {}", work.keys,
                       s.keys);
  return "";
}

std::string attentionImpossible(const Work &work, int64_t maxBatch, const Preferences &) {
  if (work.overBatch && maxBatch > mostBatchOverBatch)
    return fmt::format("expected a max-batch of at most {} where images attend to each other, "
                       "found {}",
                       mostBatchOverBatch, maxBatch);
  return objectionTo(work, roomFor(work, maxBatch));
}

// Candidates -----------------------------------------------------------------

std::vector<Schedule> attentionCandidates(const Work &work, int64_t maxBatch,
                                          const Preferences &p) {
  std::vector<Schedule> list;
  if (!attentionImpossible(work, maxBatch, p).empty())
    return list;
  int64_t queries = work.overBatch ? maxBatch : work.queries;
  int64_t keys = roomFor(work, maxBatch);
  int tile = findMma(work.inputBytes)->m, last = 0;
  for (int64_t rows = std::min<int64_t>(256, ceilDiv(queries, tile) * tile); rows >= tile;
       rows -= tile) {
    // Blocks get equal shares of the rows: what was asked for may come out as the one before.
    AttentionSchedule s = attentionSchedule(work, rows, keys, *p.gpu);
    if (s.rows != last)
      addCandidate(list, work, {s}, p);
    last = s.rows;
  }
  return list;
}

/// No rule says anything about it.
std::vector<Schedule> attentionClassic(const Work &work, int64_t maxBatch, const Preferences &p) {
  Preferences model = p;
  model.tilePolicy = TilePolicy::Model;
  auto found = best(work, maxBatch, model);
  return found ? std::vector{found->schedule} : std::vector<Schedule>();
}

// Registers and time ---------------------------------------------------------

Registers attentionRegisters(const Work &work, const Schedule &schedule) {
  AttentionGeometry g = attentionGeometry(work, schedule.attention());
  double scores = 4.0 * g.keyTiles, result = 2.0 * g.keyTiles + work.headDim / 2.0;
  double least = leastOf(g);
  return {least, (least - 2) * (scores > result ? 1.25 : 1.13)};
}

LaunchCost attentionTime(const Work &work, const Schedule &schedule, int64_t batch,
                         const Gpu &gpu) {
  AttentionGeometry g = attentionGeometry(work, schedule.attention());
  double perPart = double(ceilDiv(g.warps, 4)), mma = mmaCycles(*g.mma, gpu);
  int64_t valueSteps = g.bufferRows / g.mma->k; // its rows are whole steps
  double products = g.keyTiles * double(ceilDiv(work.headDim, g.mma->k)) +
                    double(valueSteps) * (work.headDim / double(g.mma->n));
  double scores = 4.0 * g.keyTiles; // of a lane
  double rowBytes = double(work.inputBytes) * work.headDim;
  double copied = (2 * g.bufferRows + g.queryRows) * rowBytes;

  LaunchCost launch;
  Block &block = launch.block;
  block.tensor = g.warps * products * mma / 4 / tensorShare;
  // Of each score: scale, exponential, sum, largest, rounding.
  block.arithmetic = g.warps * 32 * scores * std::max(6 / lanes, 1 / functionUnits);
  double fragments = g.warps * double(g.bufferRows) * rowBytes * 2; // of K and V
  block.shared = (fragments + copied) / sharedWidth;
  double softmax = perPart * scores * 10;
  block.alone = memoryLatency + copied / 64 + perPart * products * mma * 1.1 + softmax +
                (g.resident ? 0 : memoryLatency / 2) + storeLatency + 4 * barrierCost;
  int64_t sequences = work.heads * (work.overBatch ? work.rows : batch);
  launch.blocks = sequences * g.rowBlocks;
  launch.l2 = launch.blocks * copied + double(work.otherRead + work.written) * batch;
  launch.dram = dramBytes(work, batch, gpu);
  return launch;
}

/// All hold the same scores.
bool attentionAlike(const Schedule &, const Schedule &) { return true; }

} // namespace

const FamilyTraits vitc::cost::attentionFamily = {
    .name = "attention",
    .candidates = attentionCandidates,
    .classic = attentionClassic,
    .impossible = attentionImpossible,
    .read = attentionRead,
    .objection = attentionObjection,
    .geometry = attentionPart,
    .registers = attentionRegisters,
    .time = attentionTime,
    .alike = attentionAlike,
    .handicap = noHandicap,
    .bounded = true,
    .recomputes = false,
};
