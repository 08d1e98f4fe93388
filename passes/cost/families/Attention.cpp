//===- Attention.cpp - Kernels around an attention ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Whole rows: a thread holds the scores of two query rows, 4 registers for every 8 keys. That is
// the peak; when the probabilities are packed in pairs, half of them are free again, and the result
// needs fewer. Probabilities of 4 bytes take as many as the scores, and the result comes on top.
// Around it the loop over the head's columns keeps one step of Q and of K and a few addresses.
//
// Online: it holds those of one block of keys, and beside them the result. There may be two groups
// of query rows in a warp, for which keys and values are read from shared memory once.
//
// Which rows a block has, and whether V lies beside K, a schedule says. Both are decided by what
// fits: V beside K saves a wait, V after K leaves room for more blocks. How the keys are cut into
// blocks decides how a row is summed; so one form, and one size of block, is chosen for all
// batches.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Attention.h"

#include "passes/cost/Family.h"

#include <array>
#include <fmt/format.h>
#include <limits>

using namespace vitc::cost;

namespace {

constexpr double onlineHandicap = 1.15; // whole rows are measured, blocks of keys are predicted

constexpr int copyWarps = 4; // copy keys and values faster than the one that has a single row

/// Keys there is room for: those of the work, or where the batch decides, `keys`.
int64_t roomFor(const Work &work, int64_t keys) { return work.overBatch ? keys : work.keys; }

/// What a thread holds when the product with V begins: probabilities and the result.
int64_t productRegisters(const AttentionGeometry &g) {
  return g.mma->sums() * g.mma->bytes / 4 * g.keyTiles + g.columns / 2;
}

/// Registers per thread, as ptxas was seen to need without spilling.
int64_t registersOf(const Work &work, const AttentionGeometry &g) {
  int64_t scores = 4 * g.keyTiles, more = work.biased || work.parted ? (g.online() ? 14 : 8) : 0;
  if (g.online() && g.mma->bytes == 4) // values of keys come one by one, each ahead of its product
    more += g.columns / 16 + 4;
  if (work.threefold) // the parts of tiles of each operand
    more += g.online() ? 22 : 26;
  if (g.online())
    return g.warpTiles * (scores + g.columns / 2 + more) + 42 + 22 * (g.warpTiles - 1);
  return std::max(scores, productRegisters(g)) + 24 + more;
}

/// Warps whose registers fit: 16 leave a thread 128, 8 leave it 255.
int64_t mostWarps(int64_t registers, int registersPerSm) {
  return registersPerSm / 32 / (registers <= 128 ? 128 : 256);
}

/// How the keys are cut, and what a block of them takes.
AttentionGeometry geometryOfKeys(const Work &work, const AttentionSchedule &s) {
  AttentionGeometry g;
  g.mma = &mmaOf(work);
  g.stages = s.stages;
  g.warpTiles = s.warp / g.mma->m;
  g.keys = g.online() ? s.keys : roomFor(work, s.keys);
  g.keyTiles = ceilDiv(g.keys, g.mma->n);
  if (g.online() && !work.overBatch && !work.anyKeys)
    g.keyBlocks = work.keys / g.keys, g.lastKeys = work.keys % g.keys;
  g.columns = ceilDiv(work.headDim, g.mma->n) * g.mma->n;
  // An odd number of 16-byte chunks per row: 8 rows are in 8 different bank groups.
  g.pitch = copyBytes * (g.columns / copyColumns(work.inputBytes) | 1);
  g.bufferRows = ceilDiv(g.keys, g.mma->k) * g.mma->k;
  g.bufferBytes = g.bufferRows * g.pitch;
  if (work.parted)
    g.partCount = g.online() ? ceilDiv(work.keys, g.keys) * g.keys : g.bufferRows;
  g.registers = registersOf(work, g);
  return g;
}

/// Bytes of shared memory without Q.
int64_t bytesOfKeys(const AttentionGeometry &g) {
  int buffers = g.online() ? g.stages : g.resident ? 2 : 1;
  return g.bufferBytes * buffers + g.partCount * 4;
}

/// All but what depends on whether V is resident; equal shares of the rows for every block.
AttentionGeometry geometryOfRows(const Work &work, const AttentionSchedule &s) {
  AttentionGeometry g = geometryOfKeys(work, s);
  bool unknown = (work.overBatch && g.online()) || work.anyQueries; // how many rows there are
  g.rows = unknown ? s.rows : work.overBatch ? g.keys : work.queries;
  int64_t shares = ceilDiv(g.rows, g.warpRows()); // of a warp
  int64_t warps = std::clamp<int64_t>(s.rows / g.warpRows(), 1, shares);
  g.rowBlocks = ceilDiv(shares, warps);
  g.warps = ceilDiv(shares, g.rowBlocks);
  // One row, as of a class token, is work for one warp.
  bool helpers = !unknown && g.rows <= g.mma->m && g.keys > 32;
  g.threads = 32 * int(helpers ? std::max<int64_t>(copyWarps, g.warps) : g.warps);
  return g;
}

/// Registers of a thread that do without spilling.
int leastOf(const AttentionGeometry &g) {
  // Warps that only copy leave by a branch, around which more lives.
  bool leave = !g.online() && g.threads != 32 * g.warps;
  return int(g.registers) + (leave ? 18 : 0) + 2;
}

/// With V beside K the helpers of a single warp leave early; else they go along, on zeros.
void placeValues(AttentionGeometry &g, bool resident) {
  g.resident = resident;
  g.queryRows = g.warpRows() * (resident ? g.warps : g.threads / 32);
  g.queryOffset = bytesOfKeys(g) - g.partCount * 4;
  g.partsOffset = g.queryOffset + g.queryRows * g.pitch;
  g.shared = g.partsOffset + g.partCount * 4;
}

} // namespace

AttentionGeometry vitc::cost::attentionGeometry(const Work &work, const AttentionSchedule &s) {
  AttentionGeometry g = geometryOfRows(work, s);
  placeValues(g, s.resident);
  if (work.overBatch) {
    g.grid[0] = {1, g.blockRows(), work.rows};
  } else if (work.anyQueries) {
    g.grid[0] = {work.queries, g.blockRows(), 1, /*ofSequence=*/true};
    g.grid[2] = {1, 1, 1};
  } else {
    g.grid[0] = {work.windows, 1, g.rowBlocks};
  }
  g.grid[1].times = work.heads;
  // Without a demand ptxas takes more registers than it needs.
  int blocks = blocksByRegisters(commonRegistersPerSm, g.threads, std::min(leastOf(g), 255));
  g.minBlocks = blocks > 1 ? std::min(blocks, commonBlocksPerSm) : 0;
  return g;
}

bool vitc::cost::valuesFitBeside(const Work &work, int64_t rows, int64_t keys, const Gpu &gpu) {
  AttentionGeometry g = geometryOfRows(work, {int(rows), int(keys)});
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
                                                const Gpu &gpu, int stages, int warp) {
  AttentionSchedule s{int(rows), int(keys), stages, false, warp};
  AttentionGeometry g = geometryOfRows(work, s);
  // All rows of Q must fit beside K.
  int64_t most = std::min(mostWarps(g.registers, gpu.registersPerSm),
                          (gpu.smemPerBlock - bytesOfKeys(g)) / (g.warpRows() * g.pitch));
  s.rows = int(std::min(most * g.warpRows(), rows));
  s.rows = int(geometryOfRows(work, s).blockRows());
  s.resident = stages == 1 && valuesFitBeside(work, s.rows, keys, gpu);
  return s;
}

namespace {

Geometry attentionPart(const Work &work, const Schedule &s) {
  return attentionGeometry(work, s.attention());
}

std::optional<Schedule> attentionRead(const Written &s, const Work &work, const Gpu &gpu) {
  if (s.block.size() != 2)
    return std::nullopt;
  bool resident = s.stages == 1 && valuesFitBeside(work, s.block[0], s.block[1], gpu);
  return Schedule{AttentionSchedule{s.block[0], s.block[1], s.stages, resident, s.warp[0]}};
}

// What cannot be built -------------------------------------------------------

/// What no schedule can change.
std::string objectionTo(const Work &work) {
  if (work.headDim % 2 != 0 || work.headDim < leastHeadDim || work.headDim > mostHeadDim)
    return fmt::format("expected an even head_dim from {} to {}, found {}", leastHeadDim,
                       mostHeadDim, work.headDim);
  return "";
}

std::string objectionToKeys(const Work &work, const AttentionSchedule &s) {
  int64_t unit = mmaOf(work).k;
  if (s.stages > 1 && (s.keys % unit != 0 || s.resident))
    return fmt::format("expected blocks of keys in multiples of {}, none resident, found {}{}",
                       unit, s.keys, s.resident ? ", resident" : "");
  if (s.warp != mmaOf(work).m && (s.warp != 2 * mmaOf(work).m || s.stages == 1))
    return fmt::format("expected {0} query rows of a warp, or {1} with blocks of keys, found {2}",
                       mmaOf(work).m, 2 * mmaOf(work).m, s.warp);
  if (s.stages != 1 && s.stages != 2 && s.stages != 4)
    return fmt::format("expected 1, 2 or 4 stages, found {}", s.stages);
  if (s.stages == 1 && work.anyKeys)
    return "expected 2 or 4 stages where the kernel is told the number of keys, found 1";
  int64_t most = s.stages > 1 ? s.keys : roomFor(work, s.keys);
  if (most > mostKeys)
    return fmt::format("expected at most {} keys at once in one attention, found {}: choose blocks "
                       "of keys, in 2 stages",
                       mostKeys, most);
  if (s.stages == 1 && s.keys < work.keys && !work.overBatch)
    return fmt::format("expected a schedule with all {} keys in a block, or with 2 stages, found "
                       "{}",
                       work.keys, s.keys);
  return "";
}

std::string attentionObjection(const Work &work, const Schedule &schedule, const Limits &) {
  const AttentionSchedule &s = schedule.attention();
  if (std::string why = objectionTo(work); !why.empty())
    return why;
  if (std::string why = objectionToKeys(work, s); !why.empty())
    return why;
  if (s.rows < s.warp)
    return fmt::format("expected at least {} query rows in a block, those of a warp, found {}",
                       s.warp, s.rows);
  AttentionGeometry g = attentionGeometry(work, s);
  if (int64_t most = mostWarps(g.registers, commonRegistersPerSm);
      g.warps > most || g.registers > 255)
    return fmt::format("expected at most {} warps in a block, whose threads need {} registers, "
                       "found {}: choose fewer rows, or fewer keys at once",
                       most, g.registers, g.warps);
  return "";
}

std::string attentionImpossible(const Work &work, int64_t, const Preferences &) {
  return objectionTo(work);
}

// Candidates -----------------------------------------------------------------

/// Blocks of `keys` keys and all numbers of rows; appended to `list`.
void addOfRows(std::vector<Schedule> &list, const Work &work, int64_t queries, int64_t keys,
               int stages, const Preferences &p, int tiles = 1) {
  int tile = tiles * mmaOf(work).m, last = 0;
  for (int64_t rows = std::min<int64_t>(256, ceilDiv(queries, tile) * tile); rows >= tile;
       rows -= tile) {
    // Blocks get equal shares of the rows: what was asked for may come out as the one before.
    AttentionSchedule s = attentionSchedule(work, rows, keys, *p.gpu, stages, tile);
    if (s.rows != last)
      addCandidate(list, work, {s}, p);
    last = s.rows;
  }
}

/// How long the best of `list` takes for one image and for all.
std::array<double, 2> leastSeconds(const std::vector<Schedule> &list, const Work &work,
                                   int64_t maxBatch, const Gpu &gpu) {
  std::array<double, 2> least = {1e9, 1e9};
  for (const Schedule &s : list) {
    least[0] = std::min(least[0], predict(work, s, 1, gpu).seconds);
    least[1] = std::min(least[1], predict(work, s, maxBatch, gpu).seconds);
  }
  return least;
}

std::vector<Schedule> attentionCandidates(const Work &work, int64_t maxBatch,
                                          const Preferences &p) {
  std::vector<Schedule> best;
  if (!attentionImpossible(work, maxBatch, p).empty())
    return best;
  int64_t queries = work.overBatch ? maxBatch : work.queries;
  int64_t keys = roomFor(work, maxBatch);
  std::vector<std::vector<Schedule>> forms(3); // lists of equal sums
  if (keys <= mostKeys && !work.anyKeys)
    addOfRows(forms[0], work, queries, keys, 1, p);
  for (int stages : {2, 4}) {
    if (!work.threefold) // which leaves no registers for so many
      for (int tiles : {1, 2})
        addOfRows(forms[1], work, queries, 64, stages, p, tiles);
    addOfRows(forms[2], work, queries, 32, stages, p);
  }
  double leastLoss = std::numeric_limits<double>::max();
  for (const std::vector<Schedule> &form : forms) {
    if (form.empty())
      continue;
    auto [one, all] = leastSeconds(form, work, maxBatch, *p.gpu);
    double loss = one * all * (&form == &forms.front() ? 1 : onlineHandicap * onlineHandicap);
    if (loss < leastLoss)
      leastLoss = loss, best = form;
  }
  return best;
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
  double scores = 4.0 * g.keyTiles, result = double(productRegisters(g));
  double least = leastOf(g);
  return {least, (least - 2) * (g.online() ? 1.1 : scores > result ? 1.25 : 1.13)};
}

/// Groups of mma->n keys that a warp computes, and steps of mma->k of them.
struct KeyCount {
  double tiles, steps;
};
KeyCount keysOf(const Work &work, const AttentionGeometry &g, int64_t batch) {
  int64_t tiles = g.keyTiles, steps = g.bufferRows / g.mma->k;
  if (g.online()) {
    int64_t full = work.overBatch ? ceilDiv(batch, g.keys)
                   : work.anyKeys ? ceilDiv(work.keys, g.keys)
                                  : g.keyBlocks;
    tiles = full * g.keyTiles + ceilDiv(g.lastKeys, g.mma->n);
    steps = full * g.bufferRows / g.mma->k + ceilDiv(g.lastKeys, g.mma->k);
  }
  return {double(tiles), double(steps)};
}

LaunchCost attentionTime(const Work &work, const Schedule &schedule, int64_t batch,
                         const Gpu &gpu) {
  AttentionGeometry g = attentionGeometry(work, schedule.attention());
  auto [keyTiles, keySteps] = keysOf(work, g, batch);
  double perPart = double(ceilDiv(g.warps, 4)), mma = mmaCycles(*g.mma, gpu);
  double products = double(g.warpTiles) * (keyTiles * double(ceilDiv(g.columns, g.mma->k)) +
                                           keySteps * (g.columns / double(g.mma->n)));
  double scores = 4.0 * keyTiles * double(g.warpTiles); // of a lane
  double rowBytes = double(work.inputBytes) * work.headDim, keyRows = keySteps * g.mma->k;
  double copied = (2 * keyRows + g.queryRows) * rowBytes;
  double added = (work.biased ? 4.0 * keyTiles * g.mma->n * g.blockRows() : 0);

  LaunchCost launch;
  Block &block = launch.block;
  block.tensor = g.warps * products * mma / 4 / tensorShare;
  // Of each score: scale, exponential, sum, largest, rounding; what is added; and the share of
  // scaling the result anew for each block of keys.
  double ops = 6 + (work.biased ? 3 : 0) + (work.parted ? 3 : 0);
  double keyBlocks = keyTiles / double(g.keyTiles);
  double again = g.online() ? keyBlocks * double(g.warpTiles) * (g.columns / 2.0 + 24) : 0;
  if (work.threefold) // two roundings and a difference for what each product reads of K and V
    again += 3 * products * g.mma->registersOfB();
  block.arithmetic =
      g.warps * 32 * std::max((scores * ops + again) / lanes, scores / functionUnits);
  double fragments = g.warps * keyRows * rowBytes * 2; // of K and V
  if (g.online())
    fragments += double(g.blockRows()) * keyBlocks * rowBytes; // Q again
  block.shared = (fragments + copied) / sharedWidth;
  double softmax = perPart * (scores * (4 + ops) + again);
  double waits = g.online()
                     ? ceilDiv(int64_t(keyTiles), g.keyTiles) * 2 * gpu.pace.barrierCost
                     : (g.resident ? 0 : gpu.pace.memoryLatency / 2) + 4 * gpu.pace.barrierCost;
  block.moved = copied + added + double(g.blockRows()) * rowBytes;
  block.alone = gpu.pace.memoryLatency + (copied + added) / 64 + perPart * products * mma * 1.1 +
                softmax + waits + storeLatency;
  if (g.stages == 2) // a copy has the time of one product, and may take longer
    block.alone += keyBlocks * std::max(0.0, gpu.pace.memoryLatency -
                                                 perPart * products / keyTiles * g.keyTiles * mma);
  int64_t sequences = work.heads * (work.overBatch ? work.rows : batch * work.windows);
  launch.blocks = sequences * (work.overBatch    ? ceilDiv(batch, g.blockRows())
                               : work.anyQueries ? ceilDiv(work.queries, g.blockRows())
                                                 : g.rowBlocks);
  launch.l2 =
      double(launch.blocks) * (copied + added) + double(work.otherRead + work.written) * batch;
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
