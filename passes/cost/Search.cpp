//===- Search.cpp - The schedules of a kernel -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// All tiles that kernels can be built for are tried at the exact shapes: there are a few thousand,
// and a prediction takes a fraction of a microsecond. Registers, shared memory and occupancy do not
// depend on the batch, the time does. So candidates are made once for a kernel, timed at each power
// of two up to the largest batch, and batches that one of them suits are joined to a range.
//
// A prediction may be wrong, and ptxas has the last word. So a range gets a few alternatives that
// differ in more than their pipeline, and at last one whose registers leave no doubt.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Search.h"

#include "passes/cost/Attention.h"
#include "passes/cost/Classic.h"

#include <algorithm>
#include <limits>

using namespace vitc::cost;

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The bound on registers with which `blocks` blocks live together. Kernels other than products and
/// attention are far from where that counts, so only a budget bounds them.
int boundOf(const Work &work, const Schedule &s, int blocks, const Preferences &p) {
  if (work.root == Root::Linear || work.root == Root::Attention)
    return boundFor(work, s,
                    std::min(p.registerBudget, registersFor(*p.gpu, threadsOf(work, s), blocks)));
  return p.registerBudget < 255 ? boundFor(work, s, p.registerBudget) : 0;
}

/// Adds the schedule with its bound on registers, if it can be built within the budget.
void add(std::vector<Schedule> &list, const Work &work, Schedule s, const Preferences &p) {
  if (!objection(work, s, *p.gpu).empty())
    return;
  int needed = leastRegisters(work, s);
  // Whoever wants a row kept at any price gets it, spills and all.
  if (work.root == Root::LayerNorm && p.fusePolicy == FusePolicy::Keep && !s.recompute)
    needed = std::min(needed, p.registerBudget);
  if (needed > p.registerBudget)
    return;
  Occupancy fit = occupancy(*p.gpu, threadsOf(work, s), needed, smemOf(work, s));
  if (fit.blocks < 1)
    return;
  s.registers = boundOf(work, s, fit.blocks, p);
  list.push_back(s);
}

// Linears --------------------------------------------------------------------

constexpr int64_t mostBlocksAlongM = 65535; // the second dimension of the grid

int64_t blocksAlongM(const Work &work, const Schedule &s, int64_t maxBatch) {
  return ceilDiv(work.rows * maxBatch, s.block[0]);
}

/// Parts of K that are worth a block of their own: at least 192 columns each.
std::vector<int> splitsOf(const Work &work, const Preferences &p) {
  std::vector<int> splits = {1};
  if (!p.batchInvariant)
    for (int n : {2, 3, 4, 6, 8})
      if (work.depth / n >= 192)
        splits.push_back(n);
  return splits;
}

void addLinear(std::vector<Schedule> &list, const Work &work, Schedule s, const Preferences &p) {
  // Where a thread has many copies to start, and where long k-blocks go round three stages, ptxas
  // needs far more registers than the rest of such tiles.
  constexpr int mostCopies = 16;
  if (copiesPerThread(work, s) > mostCopies)
    return;
  for (int stages : {2, 3, 4})
    for (int buffers : {1, 2}) {
      s.stages = stages, s.buffers = buffers;
      if (s.block[2] == 32 || stages != 3)
        add(list, work, s, p);
    }
}

std::vector<Schedule> linearCandidates(const Work &work, const Preferences &p) {
  std::vector<Schedule> list;
  if (p.tile) {
    for (int buffers : {1, 2}) {
      Schedule s = *p.tile;
      s.buffers = buffers;
      add(list, work, s, p);
    }
    return list;
  }
  int mostN = int(std::min<int64_t>(256, ceilDiv(work.columns, 8) * 8));
  for (int m : {1, 2, 4, 8})
    for (int n : {1, 2, 4, 8}) {
      if (m * n > 8)
        continue;
      for (int wm = 16; wm * m <= 256 && wm <= 128; wm += 16)
        for (int wn = 8; wn * n <= mostN && wn <= 128; wn += 8)
          if (work.products * wm * wn / 32 <= mostAccumulators)
            for (int bk : {32, 64})
              addLinear(list, work, {.block = {wm * m, wn * n, bk}, .warp = {wm, wn}}, p);
    }
  return list;
}

/// The same with K in parts: worth a try only where one image has few blocks.
void addSplits(std::vector<Schedule> &list, const Work &work, const Preferences &p) {
  std::vector<int> splits = splitsOf(work, p);
  size_t whole = list.size();
  for (size_t i = 0; i < whole; ++i)
    for (int n : splits) {
      Schedule s = list[i];
      s.splits = n;
      int64_t blocks = ceilDiv(work.rows, s.block[0]) * ceilDiv(work.columns, s.block[1]);
      if (n > 1 && blocks * (n - 1) <= 4 * p.gpu->multiprocessors &&
          objection(work, s, *p.gpu).empty())
        list.push_back(s);
    }
}

// Others ---------------------------------------------------------------------

std::vector<Schedule> attentionCandidates(const Work &work, int64_t maxBatch,
                                          const Preferences &p) {
  std::vector<Schedule> list;
  int64_t queries = work.overBatch ? maxBatch : work.queries;
  int keys = int(work.overBatch ? maxBatch : work.keys);
  if (keys > vitc::maxAttentionKeys)
    return list;
  int last = 0;
  for (int rows = int(std::min<int64_t>(256, ceilDiv(queries, 16) * 16)); rows >= 16; rows -= 16) {
    // Blocks get equal shares of the rows: what was asked for may come out as the one before.
    int warps = int(vitc::planAttention(keys, work.headDim, queries, rows).warps);
    if (warps != last)
      add(list, work, {.block = {16 * warps, keys}, .warp = {16}}, p);
    last = warps;
  }
  return list;
}

/// Whether a layer_norm's row is kept in registers or read and computed again. What is expensive is
/// not done again, though it takes registers.
bool keepsRow(const Work &work, const Preferences &p) {
  if (p.fusePolicy != FusePolicy::Auto)
    return p.fusePolicy == FusePolicy::Keep;
  Schedule keep{.block = {1}, .warp = {1}};
  return leastRegisters(work, keep) <= p.registerBudget || work.before.expensive > 0;
}

std::vector<Schedule> normCandidates(const Work &work, const Preferences &p) {
  std::vector<Schedule> list;
  bool keep = keepsRow(work, p);
  for (int rows : {8, 4, 16, 2, 1}) {
    Schedule s{.block = {rows}, .warp = {1}};
    s.recompute = !keep || readsRowAgain(work, s);
    add(list, work, s, p);
  }
  return list;
}

std::vector<Schedule> elementCandidates(const Work &work, const Preferences &p) {
  std::vector<Schedule> list;
  for (int threads : {256, 512, 128})
    if (threads * work.vector % 256 == 0) // what kernels take
      add(list, work, {.block = {threads * work.vector}, .warp = {32 * work.vector}}, p);
  return list;
}

} // namespace

std::vector<Schedule> vitc::cost::candidates(const Work &work, int64_t maxBatch,
                                             const Preferences &p) {
  if (p.tilePolicy == TilePolicy::Classic && !(p.tile && work.root == Root::Linear)) {
    std::vector<Schedule> list = classicSchedules(work, maxBatch, p);
    std::erase_if(list, [&](const Schedule &s) {
      return !objection(work, s, *p.gpu).empty() || predictRegisters(work, s) > p.registerBudget;
    });
    return list;
  }
  switch (work.root) {
  case Root::Linear: {
    std::vector<Schedule> list = linearCandidates(work, p);
    if (!p.tile)
      addSplits(list, work, p);
    std::erase_if(list,
                  [&](auto &s) { return blocksAlongM(work, s, maxBatch) > mostBlocksAlongM; });
    return list;
  }
  case Root::Attention:
    return attentionCandidates(work, maxBatch, p);
  case Root::LayerNorm:
    return normCandidates(work, p);
  default:
    return elementCandidates(work, p);
  }
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

namespace {

/// Candidates of one kernel and their seconds at the ends of the smallest ranges.
class Table {
public:
  Table(const std::vector<Use> &uses, std::vector<Schedule> list, int64_t maxBatch,
        const Preferences &p)
      : list(std::move(list)) {
    for (int64_t batch = 1; batch < maxBatch; batch *= 2)
      ends.push_back(batch);
    ends.push_back(maxBatch);
    for (int64_t batch : ends) {
      std::vector<double> column;
      for (const Schedule &s : this->list) {
        double sum = 0;
        for (const Use &use : uses)
          sum += use.count * predict(use.work, s, batch, *p.gpu).seconds;
        // Copies that do not come out even take instructions that do nothing.
        column.push_back(uses.front().work.root == Root::Linear ? sum * unevenCopies(uses, s)
                                                                : sum);
      }
      least.push_back(*std::min_element(column.begin(), column.end()));
      seconds.push_back(std::move(column));
    }
  }

  const std::vector<Schedule> list;
  std::vector<int64_t> ends;

  /// How much longer than the best of each a candidate takes over ends `from` to `to`, summed.
  double loss(size_t candidate, size_t from, size_t to) const {
    double sum = 0;
    for (size_t end = from; end <= to; ++end)
      sum += seconds[end][candidate] / least[end] - 1;
    return sum;
  }

  /// All candidates, the best over the ends first; what differs by less than the model can know
  /// keeps its order.
  std::vector<size_t> ranked(size_t from, size_t to) const {
    constexpr double alike = 0.002;
    std::vector<std::pair<int64_t, size_t>> order;
    for (size_t i = 0; i < list.size(); ++i)
      order.push_back({int64_t(std::min(1e6, loss(i, from, to)) / alike), i});
    std::sort(order.begin(), order.end());
    std::vector<size_t> result;
    for (auto [loss, index] : order)
      result.push_back(index);
    return result;
  }

  double leastLoss(size_t from, size_t to) const {
    double best = std::numeric_limits<double>::max();
    for (size_t i = 0; i < list.size(); ++i)
      best = std::min(best, loss(i, from, to));
    return best;
  }

private:
  static double unevenCopies(const std::vector<Use> &uses, const Schedule &s) {
    int threads = threadsOf(uses.front().work, s), chunks = s.block[2] / 8;
    return 1 + 0.01 * (s.block[0] * chunks % threads != 0) +
           0.01 * (s.block[1] * chunks % threads != 0);
  }

  std::vector<std::vector<double>> seconds; // by end, by candidate
  std::vector<double> least;
};

/// Where ranges begin, as indices of ends: the partition with the least loss, a range more costing
/// as much as 3 % of the time of one end.
std::vector<size_t> partition(const Table &table) {
  constexpr double rangeCost = 0.03;
  size_t count = table.ends.size();
  std::vector<double> cost(count + 1, std::numeric_limits<double>::max());
  std::vector<size_t> from(count + 1, 0);
  cost[0] = 0;
  for (size_t end = 1; end <= count; ++end)
    for (size_t begin = 0; begin < end; ++begin)
      if (double sum = cost[begin] + table.leastLoss(begin, end - 1) + rangeCost; sum < cost[end]) {
        cost[end] = sum;
        from[end] = begin;
      }
  std::vector<size_t> begins;
  for (size_t end = count; end > 0; end = from[end])
    begins.insert(begins.begin(), from[end]);
  return begins;
}

/// Two schedules that would fail for the same reason.
bool alike(const Schedule &a, const Schedule &b) {
  return a.warp == b.warp && a.buffers == b.buffers && a.recompute == b.recompute &&
         (a.warp[1] == 0 || a.block[2] == b.block[2]);
}

/// The best few, and one with at most three quarters of the registers of each.
std::vector<Schedule> alternatives(const Table &table, const Work &work, size_t from, size_t to) {
  constexpr size_t few = 3;
  std::vector<size_t> order = table.ranked(from, to);
  std::vector<Schedule> result;
  int smallest = 255;
  for (size_t index : order) {
    const Schedule &s = table.list[index];
    if (result.size() == few || table.loss(index, from, to) > 0.25 * double(to - from + 1))
      break;
    if (std::none_of(result.begin(), result.end(), [&](auto &other) { return alike(s, other); })) {
      result.push_back(s);
      smallest = std::min(smallest, predictRegisters(work, s));
    }
  }
  for (size_t index : order)
    if (predictRegisters(work, table.list[index]) * 4 <= smallest * 3) {
      result.push_back(table.list[index]);
      break;
    }
  return result;
}

/// The best of `list` for ranges of batches.
Selection chooseFrom(std::vector<Schedule> list, const std::vector<Use> &uses, int64_t maxBatch,
                     const Preferences &p) {
  Selection result;
  const Work &work = uses.front().work;
  // A tile that somebody asked for is the same for all batches.
  bool given = p.tile && work.root == Root::Linear;
  if (p.tilePolicy == TilePolicy::Classic && !given) {
    result.ranges.push_back({1, maxBatch, list});
    return result;
  }
  Table table(uses, std::move(list), maxBatch, p);
  std::vector<size_t> begins = given ? std::vector<size_t>{0} : partition(table);
  for (size_t i = 0; i < begins.size(); ++i) {
    size_t last = i + 1 < begins.size() ? begins[i + 1] - 1 : table.ends.size() - 1;
    int64_t first = begins[i] == 0 ? 1 : table.ends[begins[i] - 1] + 1;
    result.ranges.push_back({first, table.ends[last], alternatives(table, work, begins[i], last)});
  }
  return result;
}

/// Without candidates: those that come closest to the budget, bound to what they are predicted to
/// need and then, in case that is wrong, as if there were no budget; and what that says.
Selection overBudget(const std::vector<Use> &uses, const Work &largest, int64_t maxBatch,
                     const Preferences &p) {
  Preferences generous = p;
  generous.registerBudget = 255;
  std::vector<Schedule> list;
  if (p.registerBudget < 255)
    list = candidates(largest, maxBatch, generous);
  if (!list.empty() && largest.root == Root::LayerNorm && p.fusePolicy == FusePolicy::Auto &&
      !largest.before.expensive) { // keepsRow said yes only to the generous budget
    generous.fusePolicy = FusePolicy::Recompute;
    for (const Schedule &s : candidates(largest, maxBatch, generous))
      list.push_back(s);
  }
  if (list.empty()) {
    Selection result;
    int64_t keys = largest.overBatch ? maxBatch : largest.keys;
    if (largest.root == Root::Attention && keys > vitc::maxAttentionKeys)
      result.objection = "it has " + std::to_string(keys) + " keys, whole rows have at most " +
                         std::to_string(vitc::maxAttentionKeys);
    else
      result.objection = "no schedule fits in " + std::to_string(p.registerBudget) + " registers";
    return result;
  }
  int least = mostBudget;
  for (const Schedule &s : list)
    least = std::min(least, leastRegisters(largest, s));
  std::erase_if(list, [&](const Schedule &s) { return leastRegisters(largest, s) > least; });
  Selection result = chooseFrom(std::move(list), uses, maxBatch, p);
  int bound = std::min(mostBudget, (least + 7) / 8 * 8); // what devices allocate
  for (BatchRange &range : result.ranges) {
    std::vector<Schedule> unbound = range.alternatives;
    for (Schedule &s : range.alternatives)
      s.registers = bound;
    for (const Schedule &s : unbound)
      if (s.registers != bound)
        range.alternatives.push_back(s);
  }
  int taken = predictRegisters(largest, result.ranges.front().alternatives.front());
  result.note = "predicted " + std::to_string(taken) + " registers, budget " +
                std::to_string(p.registerBudget);
  return result;
}

/// A tile that somebody asked for, whatever it needs.
Selection pinned(const Work &work, int64_t maxBatch, const Preferences &p) {
  Selection result;
  Schedule s = *p.tile;
  result.objection = objection(work, s, *p.gpu, /*warpLimit=*/!p.force);
  if (!result.objection.empty())
    return result;
  s.registers = p.registerBudget;
  if (int needed = predictRegisters(work, s); needed > s.registers)
    result.note = "predicted " + std::to_string(needed) + " registers, at most " +
                  std::to_string(s.registers);
  result.ranges.push_back({1, maxBatch, {s}});
  return result;
}

} // namespace

const Work &vitc::cost::mostRows(const std::vector<Use> &uses) {
  auto fewer = [](const Use &a, const Use &b) { return a.work.rows < b.work.rows; };
  return std::max_element(uses.begin(), uses.end(), fewer)->work;
}

Selection vitc::cost::select(const std::vector<Use> &uses, int64_t maxBatch, const Preferences &p) {
  const Work &work = uses.front().work, &largest = mostRows(uses);
  Schedule tallest = p.tile.value_or(Schedule{.block = {256}});
  if (work.root == Root::Linear && blocksAlongM(largest, tallest, maxBatch) > mostBlocksAlongM) {
    Selection result;
    result.objection = "max-batch " + std::to_string(maxBatch) + " has " +
                       std::to_string(largest.rows * maxBatch) + " rows, at most " +
                       std::to_string(mostBlocksAlongM) + " blocks of " +
                       std::to_string(tallest.block[0]) + " can be launched";
    return result;
  }
  std::vector<Schedule> list = candidates(largest, maxBatch, p);
  if (list.empty() && p.tile && work.root == Root::Linear)
    return pinned(work, maxBatch, p);
  if (list.empty())
    return overBudget(uses, largest, maxBatch, p);
  return chooseFrom(std::move(list), uses, maxBatch, p);
}

std::optional<Best> vitc::cost::best(const Work &work, int64_t batch, const Preferences &p,
                                     std::string *why) {
  std::vector<Schedule> list = candidates(work, batch, p);
  if (list.empty()) {
    Selection selection = select({{work}}, batch, p);
    if (selection.ranges.empty()) {
      if (why)
        *why = selection.objection;
      return std::nullopt;
    }
    list = selection.ranges.back().alternatives;
  }
  std::optional<Best> found;
  for (const Schedule &s : list)
    if (Prediction p1 = predict(work, s, batch, *p.gpu);
        !found || p1.seconds < found->prediction.seconds)
      found = {s, p1};
  return found;
}
