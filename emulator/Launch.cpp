//===- Launch.cpp - One grid, from arguments to findings ------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// CTAs are dealt to a few host threads; the calling thread is one of them, so that a launch needs
// no pool that outlives it.
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include "Warp.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <system_error>
#include <thread>

namespace vitc::emu {

bool Options::parse(const char *text, std::string &error) {
  std::string all = text ? text : "";
  for (size_t from = 0; from < all.size();) {
    size_t comma = std::min(all.find(',', from), all.size());
    std::string item = all.substr(from, comma - from);
    from = comma + 1;
    size_t equal = item.find('=');
    std::string key = item.substr(0, equal),
                value = equal == item.npos ? "" : item.substr(equal + 1);
    if (key == "report") {
      report = value;
      continue;
    }
    char *rest = nullptr;
    uint64_t number = strtoull(value.c_str(), &rest, 10);
    bool good = !value.empty() && value[0] != '-' && !*rest;
    if (good && key == "seed")
      seed = number;
    else if (good && key == "order")
      order = number;
    else if (good && key == "fail-call")
      failCall = number;
    else if (good && key == "fail-code" && number < 1000)
      failCode = unsigned(number);
    else if (good && key == "sm" && number >= 50 && number < 1000)
      sm = unsigned(number);
    else if (good && key == "driver" && number >= 10000 && number < 100000)
      driver = unsigned(number);
    else if (good && key == "async")
      async = number;
    else if (good && key == "budget" && number)
      budget = number;
    else if (good && key == "threads" && number <= 1024)
      threads = unsigned(number);
    else {
      error = "VITC_EMULATOR: expected seed=N, order=N, async=N, fail-call=N, fail-code=N, sm=NN, "
              "driver=NNNNN, budget=N, threads=N or report=FILE, found '" +
              item + "'";
      return false;
    }
  }
  return true;
}

/// A small generator with a good mix; the same numbers everywhere.
static uint64_t mix(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static void shuffle(std::vector<uint32_t> &list, uint64_t state) {
  for (size_t i = list.size(); i > 1; --i)
    std::swap(list[i - 1], list[mix(state) % i]);
}

Cta::Cta(LaunchContext &launch) : launch(launch) {
  const Function &f = *launch.function;
  uint32_t count = (launch.geometry.threads() + warpSize - 1) / warpSize;
  sharedBytes = f.staticShared + launch.geometry.dynamicShared;
  if (f.reservedShared)
    sharedBytes = (sharedBytes + 15) / 16 * 16 + f.reservedShared;
  shared.resize((sharedBytes + 15) / 16 * 16);
  local.resize(size_t(f.localBytes) * launch.geometry.threads());
  localWritten.resize(local.size());
  // One allocation for all warps; a file starts on its own cache line.
  size_t words = (size_t(f.fileWords) + 31) / 32 * 32;
  size_t bytes = std::max<size_t>(64, words * count * sizeof(uint32_t));
  files.reset(static_cast<uint32_t *>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
  memset(files.get(), 0, bytes);
  predicates.resize(size_t(f.predicates + 1) * count);
  clocks.resize(size_t(count) * count);
  warps.resize(count);
  order.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    warps[i].file = files.get() + words * i;
    warps[i].predicates = predicates.data() + size_t(f.predicates + 1) * i;
    warps[i].clock = clocks.data() + size_t(count) * i;
  }
  countBanks = !launch.options.report.empty();
}

std::string Cta::threadName(uint32_t thread) const {
  return std::to_string(id[0]) + "," + std::to_string(id[1]) + "," + std::to_string(id[2]) + "/" +
         std::to_string(thread);
}

void Cta::run(uint64_t index) {
  const Geometry &g = launch.geometry;
  id[0] = uint32_t(index % g.grid[0]);
  id[1] = uint32_t(index / g.grid[0] % g.grid[1]);
  id[2] = uint32_t(index / g.grid[0] / g.grid[1]);
  number = launch.firstNumber + uint32_t(index);
  shadow.reset(sharedBytes);
  std::fill(shared.begin(), shared.end(),
            uint8_t(0xa5)); // what nothing wrote must not look like zeros
  if (uint32_t reserved = launch.function->reservedShared) {
    memset(shared.data() + reservedAt(), 0, reserved);
    shadow.initialise(reservedAt(), reserved);
  }
  released.clear();
  fenced = observed = acquired = false;
  for (Arrivals &a : arrivals)
    a = {};
  std::fill(local.begin(), local.end(), uint8_t(0xa5));
  std::fill(localWritten.begin(), localWritten.end(), uint8_t(0));
  std::fill(clocks.begin(), clocks.end(), 0);
  for (uint32_t i = 0; i < warps.size(); ++i) {
    warps[i].start(*this, i);
    warps[i].clock[i] = 1;
  }
  for (uint64_t round = 0;; ++round) {
    std::iota(order.begin(), order.end(), 0);
    if (launch.options.seed)
      shuffle(order, launch.options.seed * 0x10001 + index * 0x3001 + round);
    for (uint32_t i : order)
      if (warps[i].state == Warp::State::Ready)
        warps[i].run();
    if (launch.findings.stop())
      break;
    releaseBarriers();
    if (!anyReady())
      break;
  }
  reportStuck();
  for (Warp &warp : warps)
    instructions += warp.executed;
}

bool Cta::anyReady() const {
  return std::any_of(warps.begin(), warps.end(),
                     [](const Warp &w) { return w.state == Warp::State::Ready; });
}

void Cta::arriveOnly(Warp &warp, uint32_t barrier) {
  Arrivals &a = arrivals[barrier];
  a.threads += uint32_t(std::popcount(warp.exist));
  a.clock.resize(warps.size(), 0);
  warp.tick();
  for (size_t n = 0; n < warps.size(); ++n)
    a.clock[n] = std::max(a.clock[n], warp.clock[n]);
}

/// Opens every barrier that has all its threads.
void Cta::releaseBarriers() {
  for (uint32_t barrier = 0; barrier < 16; ++barrier) {
    uint32_t arrived = 0, expected = 0;
    for (const Warp &warp : warps)
      if (warp.state == Warp::State::Waiting && warp.barrier == barrier) {
        arrived += uint32_t(std::popcount(warp.exist));
        expected = warp.barrierThreads ? warp.barrierThreads : launch.geometry.threads();
      }
    if (arrived && arrived + arrivals[barrier].threads >= expected)
      release(barrier);
  }
}

/// Orders what the participants did before what they do, and gives them what they combined.
void Cta::release(uint32_t barrier) {
  std::vector<uint32_t> joint(warps.size(), 0);
  std::copy(arrivals[barrier].clock.begin(), arrivals[barrier].clock.end(), joint.begin());
  arrivals[barrier] = {};
  uint32_t count = 0;
  bool all = true, any = false;
  auto waits = [&](const Warp &w) {
    return w.state == Warp::State::Waiting && w.barrier == barrier;
  };
  for (Warp &warp : warps) {
    if (!waits(warp))
      continue;
    warp.tick();
    for (size_t n = 0; n < warps.size(); ++n)
      joint[n] = std::max(joint[n], warp.clock[n]);
    count += uint32_t(std::popcount(warp.waitingValue));
    all &= warp.waitingValue == warp.waitingMask;
    any |= warp.waitingValue != 0;
  }
  for (Warp &warp : warps) {
    if (!waits(warp))
      continue;
    std::copy(joint.begin(), joint.end(), warp.clock);
    warp.state = Warp::State::Ready;
    const Inst &i = *warp.waitingAt;
    if (i.flags2 == BarrierCount) {
      forLanes(warp.waitingMask, [&](unsigned l) { warp.set<uint32_t>(i.ops[2], l, count); });
    } else if (i.flags2 == BarrierAll || i.flags2 == BarrierAny) {
      uint32_t &p = warp.predicates[i.ops[2]];
      p = (p & ~warp.waitingMask) | ((i.flags2 == BarrierAll ? all : any) ? warp.waitingMask : 0);
    }
  }
}

/// Warps still wait but none can run: say why.
void Cta::reportStuck() {
  if (launch.findings.stop())
    return;
  for (Warp &warp : warps) {
    if (warp.state != Warp::State::Waiting)
      continue;
    for (const Warp &other : warps)
      if (other.state == Warp::State::Done) {
        warp.report(*warp.waitingAt, 0, Kind::Sync,
                    "waits for thread " + std::to_string(other.threadOf(0)) + ", which has exited");
        return;
      }
    uint32_t expected = warp.barrierThreads ? warp.barrierThreads : launch.geometry.threads();
    warp.report(*warp.waitingAt, 0, Kind::Deadlock,
                "waits at barrier " + std::to_string(warp.barrier) + " for " +
                    std::to_string(expected) + " threads that will not all come");
    return;
  }
}

static void resolveSites(const Module &module, LaunchContext &context) {
  const Function &f = *context.function;
  context.everything = module.memory.snapshot();
  for (const Site &site : f.sites) {
    std::vector<Range> &ranges = context.sites.emplace_back();
    if (site.loaded)
      continue;
    for (uint32_t offset : site.parameters) {
      uint64_t pointer = 0;
      Range range;
      if (offset + 8 <= context.parameters.size())
        memcpy(&pointer, context.parameters.data() + offset, 8);
      if (module.memory.resolve(pointer, range))
        ranges.push_back(std::move(range));
    }
    for (uint32_t number : site.variables) {
      Range range;
      if (module.memory.resolve(module.variables[number].storage->address(), range))
        ranges.push_back(std::move(range));
    }
    // A pointer that leads nowhere must not widen to everything.
    if (ranges.empty() && !site.mixed && !(site.parameters.empty() && site.variables.empty()))
      ranges.push_back({});
  }
}

static void writeReport(const LaunchContext &context, const LaunchResult &result) {
  FILE *file =
      context.options.report.empty() ? nullptr : fopen(context.options.report.c_str(), "a");
  std::string text;
  for (const Finding &finding : result.findings)
    text += finding.format() + "\n";
  if (!text.empty())
    fputs(text.c_str(), stderr);
  if (!file)
    return;
  text += "launch " + context.function->name + ": " + std::to_string(context.geometry.ctas()) +
          " ctas, " + std::to_string(result.instructions) + " instructions, bank-conflict " +
          std::to_string(result.bankConflicts) + " of " + std::to_string(result.sharedAccesses) +
          " shared accesses\n";
  fputs(text.c_str(), file);
  fclose(file);
}

LaunchResult launch(const Module &module, const Function &function, const Geometry &geometry,
                    std::vector<uint8_t> parameters, const Options &options) {
  LaunchContext context;
  context.function = &function;
  context.geometry = geometry;
  context.options = options;
  context.parameters = std::move(parameters);
  context.parameters.resize(function.parameterBytes);
  uint64_t ctas = geometry.ctas();
  if (function.fences)
    context.publishedBy.reset(new std::atomic<uint8_t>[ctas]());
  context.firstNumber = module.memory.reserveNumbers(uint32_t(ctas));
  std::shared_lock running(module.memory.running);
  resolveSites(module, context);

  std::vector<uint32_t> order;
  if (options.order) {
    order.resize(ctas);
    std::iota(order.begin(), order.end(), 0);
    shuffle(order, options.order);
  }
  auto work = [&] {
    Cta cta(context);
    for (;;) {
      uint64_t next = context.nextCta.fetch_add(1, std::memory_order_relaxed);
      if (next >= ctas || context.findings.stop())
        break;
      cta.run(order.empty() ? next : order[next]);
    }
    context.instructions += cta.instructions;
    context.bankConflicts += cta.bankConflicts;
    context.sharedAccesses += cta.sharedAccesses;
  };
  unsigned threads =
      options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> helpers;
  try {
    for (unsigned i = 1; i < threads && i < ctas; ++i)
      helpers.emplace_back(work);
  } catch (const std::system_error &) { // the system starts no more: those that are there do it
  }
  work();
  for (std::thread &helper : helpers)
    helper.join();

  LaunchResult result;
  result.findings = context.findings.all();
  result.instructions = context.instructions;
  result.bankConflicts = context.bankConflicts;
  result.sharedAccesses = context.sharedAccesses;
  writeReport(context, result);
  return result;
}

} // namespace vitc::emu
