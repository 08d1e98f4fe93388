//===- Search.cpp - The schedules of a kernel -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// All candidates of a family are tried at the exact shapes: there are at most a few thousand, and a
// prediction takes a fraction of a microsecond. Registers, shared memory and occupancy do not
// depend on the batch, the time does. So candidates are made once for a kernel, timed at each power
// of two up to the largest batch, and batches that one of them suits are joined to a range.
//
// A prediction may be wrong, and ptxas has the last word. So a range gets a few alternatives that
// differ in more than their pipeline, then one with clearly fewer registers, and at last the same
// with all the registers that a thread may have: slower than predicted, but it does not spill.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Search.h"

#include "passes/cost/Family.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

using namespace vitc::cost;

/// Families other than those that registers decide for are far from where they count, so only a
/// budget bounds them.
static int boundOf(const Work &work, const Schedule &s, int threads, int blocks,
                   const Preferences &p) {
  if (traitsOf(work).bounded)
    return boundFor(work, s, std::min(p.registerBudget, registersFor(*p.gpu, threads, blocks)));
  return p.registerBudget < mostBudget ? boundFor(work, s, p.registerBudget) : 0;
}

void vitc::cost::addCandidate(std::vector<Schedule> &list, const Work &work, Schedule s,
                              const Preferences &p, bool atAnyPrice) {
  if (!objection(work, s, limitsOf(*p.gpu)).empty())
    return;
  int needed = leastRegisters(work, s);
  if (atAnyPrice)
    needed = std::min(needed, p.registerBudget);
  if (needed > p.registerBudget)
    return;
  Geometry geometry = geometryOf(work, s);
  Occupancy fit = occupancy(*p.gpu, geometry.threads, needed, geometry.shared);
  if (fit.blocks < 1)
    return;
  s.registers = boundOf(work, s, geometry.threads, fit.blocks, p);
  list.push_back(s);
}

/// Whether somebody asked for the tile of this kernel.
static bool isPinned(const Work &work, const Preferences &p) {
  return p.tile && work.family == Family::Gemm;
}

std::vector<Schedule> vitc::cost::candidates(const Work &work, int64_t maxBatch,
                                             const Preferences &p) {
  const FamilyTraits &family = traitsOf(work);
  if (p.tilePolicy == TilePolicy::Model || isPinned(work, p))
    return family.candidates(work, maxBatch, p);
  std::vector<Schedule> list = family.classic(work, maxBatch, p);
  std::erase_if(list, [&](const Schedule &s) {
    return !objection(work, s, limitsOf(*p.gpu)).empty() ||
           predictRegisters(work, s) > p.registerBudget;
  });
  return list;
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

namespace {

/// Where ranges are of rows: fewer than these fill no tile.
constexpr int64_t leastFine = 64;
/// Ranges between a power of two and the next, for one row more than a tile holds is a tile more:
/// those that most candidates are sorted out at, and those that the few are for.
constexpr int64_t coarseParts = 2, fineParts = 32;

/// Candidates of one kernel and their seconds at the ends of the smallest ranges.
class Table {
public:
  /// `parts`: ranges between a power of two and the next, from leastFine on.
  Table(const std::vector<Use> &uses, std::vector<Schedule> list, int64_t maxBatch,
        const Preferences &p, int64_t parts)
      : list(std::move(list)) {
    auto add = [this](int64_t end, double weight) {
      ends.push_back(end);
      weights.push_back(weight);
    };
    for (int64_t batch = 1; batch < maxBatch; batch *= 2)
      for (int64_t part = 0, count = batch >= leastFine ? parts : 1; part < count; ++part)
        if (int64_t end = batch + batch * part / count; end < maxBatch)
          add(end, 1.0 / double(count));
    add(maxBatch, 1);
    for (int64_t batch : ends) {
      std::vector<double> column;
      for (const Schedule &s : this->list) {
        double sum = 0;
        for (const Use &use : uses)
          sum += use.count * predict(use.work, s, batch, *p.gpu).seconds;
        const Work &work = uses.front().work;
        column.push_back(sum * traitsOf(work).handicap(work, s));
      }
      least.push_back(*std::min_element(column.begin(), column.end()));
      seconds.push_back(std::move(column));
    }
    for (size_t i = 0; i < this->list.size(); ++i) {
      std::vector<double> &sums = lossesBefore.emplace_back(1, 0.0);
      for (size_t end = 0; end < ends.size(); ++end)
        sums.push_back(sums.back() + lossAt(i, end));
    }
  }

  std::vector<Schedule> list;
  std::vector<int64_t> ends;

  /// How much longer than the best of each a candidate takes over ends `from` to `to`, summed.
  double loss(size_t candidate, size_t from, size_t to) const {
    return lossesBefore[candidate][to + 1] - lossesBefore[candidate][from];
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

  /// The candidates that are not far from the best at one of the ends.
  std::vector<Schedule> worthwhile() const {
    constexpr double close = 1.1;
    std::vector<Schedule> result;
    for (size_t i = 0; i < list.size(); ++i)
      for (size_t end = 0; end < ends.size(); ++end)
        if (seconds[end][i] <= close * least[end]) {
          result.push_back(list[i]);
          break;
        }
    return result;
  }

  /// As few candidates as serve all ends well, and the best of those with three quarters of their
  /// registers, for where ptxas spills. Greedy: the next one is that which saves most time beside
  /// those taken, until it saves less than 1 % of the kernel's time between a power of two and the
  /// next, or 0.1 % of the model's.
  std::vector<Schedule> fewThatServeAll(const Work &work, double share) const {
    const double worth = std::max(0.01, 0.001 / share);
    // Beside the mean, what a single end may lose matters: ten per cent are more than ten times
    // one.
    auto regret = [](double loss) { return loss + 50 * loss * loss; };
    std::vector<std::vector<double>> regrets(list.size());
    for (size_t i = 0; i < list.size(); ++i)
      for (size_t end = 0; end < ends.size(); ++end)
        regrets[i].push_back(regret(lossAt(i, end)));
    std::vector<double> left(ends.size(), regret(1));
    auto savedBy = [&](const std::vector<double> &mine) {
      double saved = 0;
      for (size_t end = 0; end < ends.size(); ++end)
        saved += std::max(0.0, left[end] - mine[end]) * weights[end];
      return saved;
    };
    std::vector<Schedule> result;
    int smallest = 255;
    while (true) {
      std::vector<double> saved;
      std::transform(regrets.begin(), regrets.end(), std::back_inserter(saved), savedBy);
      auto next = size_t(std::max_element(saved.begin(), saved.end()) - saved.begin());
      if (!result.empty() && saved[next] < worth)
        break;
      for (size_t end = 0; end < ends.size(); ++end)
        left[end] = std::min(left[end], regrets[next][end]);
      result.push_back(list[next]);
      smallest = std::min(smallest, predictRegisters(work, list[next]));
    }
    addClearlySmaller(result, work, smallest, ranked(0, ends.size() - 1));
    return result;
  }

  /// The first in `order` with at most three quarters of `registers`, if there is one.
  void addClearlySmaller(std::vector<Schedule> &result, const Work &work, int registers,
                         const std::vector<size_t> &order) const {
    auto found = std::find_if(order.begin(), order.end(), [&](size_t index) {
      return predictRegisters(work, list[index]) * 4 <= registers * 3;
    });
    if (found != order.end())
      result.push_back(list[*found]);
  }

  double leastLoss(size_t from, size_t to) const {
    double best = std::numeric_limits<double>::max();
    for (size_t i = 0; i < list.size(); ++i)
      best = std::min(best, loss(i, from, to));
    return best;
  }

private:
  double lossAt(size_t candidate, size_t end) const {
    return seconds[end][candidate] / least[end] - 1;
  }

  std::vector<std::vector<double>> lossesBefore; // by candidate, summed over the ends before one
  std::vector<double> weights;              // of the ends: those between two powers of two have 1
  std::vector<std::vector<double>> seconds; // by end, by candidate
  std::vector<double> least;
};

/// Where ranges begin, as indices of ends: the partition with the least loss, a range more costing
/// as much as 3 % of the kernel's time at one end and 0.3 % of the model's: it is a function more
/// to compile, to carry and to load.
std::vector<size_t> partition(const Table &table, double share) {
  constexpr double ofKernel = 0.03, ofModel = 0.003;
  const double rangeCost = std::max(ofKernel, ofModel / share);
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

/// The best few, one with at most three quarters of the registers of each, and the last of all
/// those with a bound as wide as one block and the budget allow.
std::vector<Schedule> alternatives(const Table &table, const Work &work, size_t from, size_t to,
                                   const Preferences &p) {
  constexpr size_t few = 3;
  std::vector<size_t> order = table.ranked(from, to);
  std::vector<Schedule> result;
  int smallest = 255;
  for (size_t index : order) {
    const Schedule &s = table.list[index];
    if (result.size() == few || table.loss(index, from, to) > 0.25 * double(to - from + 1))
      break;
    if (std::none_of(result.begin(), result.end(),
                     [&](auto &other) { return traitsOf(work).alike(s, other); })) {
      result.push_back(s);
      smallest = std::min(smallest, predictRegisters(work, s));
    }
  }
  table.addClearlySmaller(result, work, smallest, order);
  Schedule wide = result.back();
  wide.registers =
      std::min(p.registerBudget, registersFor(*p.gpu, geometryOf(work, wide).threads, 1));
  if (result.back().registers && result.back().registers < wide.registers)
    result.push_back(wide);
  return result;
}

/// The best of `list` for ranges of batches.
Selection chooseFrom(std::vector<Schedule> list, const std::vector<Use> &uses, int64_t maxBatch,
                     const Preferences &p, const RangePolicy &policy) {
  Selection result;
  const Work &work = uses.front().work;
  // A tile that somebody asked for is the same for all batches.
  bool given = isPinned(work, p);
  if (p.tilePolicy == TilePolicy::Classic && !given) {
    result.ranges.push_back({1, maxBatch, list});
    return result;
  }
  Table table(uses, std::move(list), maxBatch, p, policy.finer ? coarseParts : 1);
  if (policy.finer) {
    Table fine(uses, table.worthwhile(), maxBatch, p, fineParts);
    table = Table(uses, fine.fewThatServeAll(work, policy.share), maxBatch, p, fineParts);
  }
  std::vector<size_t> begins = given ? std::vector<size_t>{0} : partition(table, policy.share);
  for (size_t i = 0; i < begins.size(); ++i) {
    size_t last = i + 1 < begins.size() ? begins[i + 1] - 1 : table.ends.size() - 1;
    int64_t first = begins[i] == 0 ? 1 : table.ends[begins[i] - 1] + 1;
    result.ranges.push_back(
        {first, table.ends[last], alternatives(table, work, begins[i], last, p)});
  }
  return result;
}

/// Without candidates: those that come closest to the budget, bound to what they are predicted to
/// need and then, in case that is wrong, as if there were no budget; and what that says.
Selection overBudget(const std::vector<Use> &uses, const Work &largest, int64_t maxBatch,
                     const Preferences &p, const RangePolicy &policy) {
  std::vector<Schedule> list;
  if (p.registerBudget < mostBudget) {
    Preferences generous = p;
    generous.registerBudget = mostBudget;
    list = candidates(largest, maxBatch, generous);
    if (!list.empty() && traitsOf(largest).recomputes && p.fusePolicy == FusePolicy::Auto &&
        !largest.before.expensive) { // the generous budget was for keeping
      generous.fusePolicy = FusePolicy::Recompute;
      for (const Schedule &s : candidates(largest, maxBatch, generous))
        list.push_back(s);
    }
  }
  if (list.empty()) {
    Selection result;
    result.objection = fmt::format("no schedule fits in {} registers", p.registerBudget);
    return result;
  }
  int least = mostBudget;
  for (const Schedule &s : list)
    least = std::min(least, leastRegisters(largest, s));
  std::erase_if(list, [&](const Schedule &s) { return leastRegisters(largest, s) > least; });
  Selection result = chooseFrom(std::move(list), uses, maxBatch, p, policy);
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
  result.note = fmt::format("predicted {} registers, budget {}", taken, p.registerBudget);
  return result;
}

/// A tile that somebody asked for, whatever it needs.
Selection pinned(const Work &work, int64_t maxBatch, const Preferences &p) {
  Selection result;
  Schedule s{*p.tile, p.registerBudget};
  result.objection = objection(work, s, limitsOf(*p.gpu, p.force));
  if (!result.objection.empty())
    return result;
  if (int needed = predictRegisters(work, s); needed > s.registers)
    result.note = fmt::format("predicted {} registers, at most {}", needed, s.registers);
  result.ranges.push_back({1, maxBatch, {s}});
  return result;
}

} // namespace

const Work &vitc::cost::mostRows(const std::vector<Use> &uses) {
  auto fewer = [](const Use &a, const Use &b) { return a.work.rows < b.work.rows; };
  return std::max_element(uses.begin(), uses.end(), fewer)->work;
}

Selection vitc::cost::select(const std::vector<Use> &uses, int64_t maxBatch, const Preferences &p,
                             const RangePolicy &policy) {
  const Work &work = uses.front().work, &largest = mostRows(uses);
  if (std::string why = traitsOf(work).impossible(largest, maxBatch, p); !why.empty()) {
    Selection result;
    result.objection = why;
    return result;
  }
  std::vector<Schedule> list = candidates(largest, maxBatch, p);
  if (list.empty() && isPinned(work, p))
    return pinned(work, maxBatch, p);
  if (list.empty())
    return overBudget(uses, largest, maxBatch, p, policy);
  return chooseFrom(std::move(list), uses, maxBatch, p, policy);
}

Holds vitc::cost::losesNoMore(const std::vector<Use> &uses,
                              const std::vector<BatchRange> &predicted, const Gpu &gpu) {
  auto seconds = [&uses, &gpu](const Schedule &schedule, int64_t batch) {
    double sum = 0;
    for (const Use &use : uses)
      sum += use.count * predict(use.work, schedule, batch, gpu).seconds;
    return sum;
  };
  auto overBest = [&predicted, seconds](const Schedule &schedule, int64_t batch) {
    auto range = std::find_if(predicted.begin(), predicted.end() - 1,
                              [batch](const auto &range) { return batch <= range.maxBatch; });
    return seconds(schedule, batch) / seconds(range->alternatives.front(), batch);
  };
  return [overBest](const Measured &point, int64_t batch) {
    constexpr double little = 1.05;
    return overBest(point.schedule, batch) <=
           little * std::max(1.0, overBest(point.schedule, point.batch));
  };
}

std::vector<BatchRange> vitc::cost::withMeasured(const std::vector<BatchRange> &predicted,
                                                 const std::vector<Measured> &measured,
                                                 int64_t maxBatch, const Holds &holds) {
  constexpr int64_t reach = 4;  // as a factor of the batch
  constexpr int64_t steps = 16; // as a part of it: as far as one answer of `holds` is believed
  std::vector<BatchRange> ranges;
  const Measured *before = nullptr; // of the last range
  for (const BatchRange &range : predicted)
    for (int64_t first = range.minBatch, last = 0; first <= std::min(range.maxBatch, maxBatch);
         first = last + 1) {
      last = std::min({range.maxBatch, maxBatch, first + first / steps});
      auto point = std::find_if(measured.begin(), measured.end(),
                                [first](const Measured &point) { return first <= point.batch; });
      if (point == measured.end() && !measured.empty() && first <= reach * measured.back().batch)
        last = std::min(last, reach * (--point)->batch);
      else if (point != measured.end())
        last = std::min(last, first > point->batch / reach ? point->batch : point->batch / reach);
      const Measured *taken = nullptr;
      if (point != measured.end() && first > point->batch / reach && holds(*point, first) &&
          holds(*point, last))
        taken = &*point;
      bool further = !ranges.empty() && before == taken && (taken || first > range.minBatch);
      if (!further)
        ranges.push_back({first, last, {}});
      ranges.back().maxBatch = last;
      ranges.back().alternatives = range.alternatives;
      if (taken)
        ranges.back().alternatives.insert(ranges.back().alternatives.begin(), taken->schedule);
      before = taken;
    }
  return ranges;
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

std::vector<double> vitc::cost::sharesOfTime(const std::vector<std::vector<Use>> &kernels,
                                             int64_t maxBatch, const Preferences &p) {
  std::vector<double> shares(kernels.size(), 0);
  for (int64_t batch : {int64_t(1), maxBatch}) {
    std::vector<double> seconds;
    double all = 0;
    for (const std::vector<Use> &uses : kernels) {
      double sum = 0;
      for (const Use &use : uses)
        if (std::optional<Best> found = best(use.work, batch, p))
          sum += use.count * found->prediction.seconds;
      seconds.push_back(sum);
      all += sum;
    }
    for (size_t i = 0; i < kernels.size(); ++i)
      shares[i] = std::max(shares[i], seconds[i] > 0 ? seconds[i] / all : 1.0);
  }
  return shares;
}
