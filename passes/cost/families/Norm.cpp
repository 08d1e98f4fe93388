//===- Norm.cpp - Kernels around a norm -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One warp per row, which stays in registers: a thread holds its part of it. Where the budget, or
// the width, leaves no room for that, a row is read again, and what comes before the norm computed
// again, for the mean, the variance and the result. The groups of a row are rows.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Norm.h"

#include "passes/cost/Classic.h"
#include "passes/cost/Family.h"

#include <fmt/format.h>

using namespace vitc::cost;

/// Columns a lane can hold: beside them a thread needs about 40 registers of the 255.
static constexpr int64_t mostHeldColumns = 128;

NormGeometry vitc::cost::normGeometry(const Work &work, const NormSchedule &s) {
  NormGeometry g;
  int64_t width = work.columns / work.groups;
  g.vector = vectorWidth(width);
  // Groups are narrow: all lanes of a warp get a part, which is side by side with the others'.
  // Pairs stay with one lane, because a rope behind the norm turns them.
  while (work.groups > 1 && g.vector > 2 && width / (g.vector / 2) <= 32)
    g.vector /= 2;
  g.vectors = ceilDiv(width, g.vector);
  g.held = ceilDiv(g.vectors, 32);
  int64_t columns = g.held * g.vector;
  g.readsAgain = s.recompute || columns > mostHeldColumns;
  // As many warps as leave each thread the registers for its part of the row: 8 leave 255 and 16
  // leave 128.
  int most = g.readsAgain ? 32 : columns > 64 ? 8 : columns > 16 ? 16 : 32;
  g.warps = std::min(s.rows / s.warp, most);
  g.threads = 32 * g.warps;
  g.grid[0] = {work.rows * work.groups, int64_t(g.warps) * s.warp, 1};
  return g;
}

namespace {

Geometry normPart(const Work &work, const Schedule &s) { return normGeometry(work, s.norm()); }

std::optional<Schedule> normRead(const Written &s, const Work &, const Gpu &) {
  return Schedule{NormSchedule{s.block[0], s.warp[0], s.recompute}};
}

std::string normObjection(const Work &, const Schedule &schedule, const Limits &) {
  const NormSchedule &s = schedule.norm();
  if (s.rows % s.warp != 0)
    return fmt::format("expected a block of whole warps of {} rows, found {} rows", s.warp, s.rows);
  return "";
}

Registers normRegisters(const Work &work, const Schedule &s) {
  NormGeometry g = normGeometry(work, s.norm());
  if (g.readsAgain)
    return {work.inputBytes == 4 ? 44. : 40., work.inputBytes == 4 ? 44. : 40.};
  double held = double(g.held * g.vector);
  double free = held <= 48 ? std::max(34.0, 24 + 1.15 * held) : 1.8 * held;
  double least = held + 28;
  if (work.rowReused) { // by what comes after: the row lives on beside the result
    free += std::clamp(1.3 * held - 5, 5.0, 57.0);
    least += held;
  }
  return {least, std::max(least, free)};
}

/// Whether a row is kept in registers or read and computed again. What is expensive is not done
/// again, though it takes registers.
bool keepsRow(const Work &work, const Preferences &p) {
  if (p.fusePolicy != FusePolicy::Auto)
    return p.fusePolicy == FusePolicy::Keep;
  return leastRegisters(work, {NormSchedule{.rows = 1}}) <= p.registerBudget ||
         work.before.expensive > 0;
}

std::vector<Schedule> normCandidates(const Work &work, int64_t, const Preferences &p) {
  std::vector<Schedule> list;
  bool keep = keepsRow(work, p);
  for (int rows : {8, 4, 16, 2, 1}) {
    NormSchedule s{.rows = rows};
    s.recompute = !keep || normGeometry(work, s).readsAgain;
    // Whoever wants a row kept at any price gets it, spills and all.
    addCandidate(list, work, {s}, p, p.fusePolicy == FusePolicy::Keep && !s.recompute);
  }
  return list;
}

std::vector<Schedule> normClassic(const Work &work, int64_t, const Preferences &p) {
  NormSchedule keep{.rows = 8}, again = keep; // 256 threads
  again.recompute = true;
  bool pressed = predictRegisters(work, {keep}) > std::min(classicRegisters, p.registerBudget);
  if (p.fusePolicy == FusePolicy::Recompute ||
      (p.fusePolicy == FusePolicy::Auto && pressed && !work.before.expensive))
    return {{again}};
  return {{keep}};
}

LaunchCost normTime(const Work &work, const Schedule &schedule, int64_t batch, const Gpu &gpu) {
  const NormSchedule &s = schedule.norm();
  NormGeometry g = normGeometry(work, s);
  int rows = g.warps * s.warp;
  double elements = double(rows) * work.columns / work.groups;
  int times = g.readsAgain ? 3 : 1; // mean, variance, result
  Arithmetic ops = work.after;
  ops.cheap += 9 + work.before.cheap * times;
  ops.expensive += work.before.expensive * times;
  LaunchCost launch;
  launch.block.arithmetic = arithmeticCycles(ops, elements);
  double own = arithmeticCycles(ops, elements / rows) * 4; // a row on one of four parts
  launch.block.alone =
      s.warp * (times * gpu.pace.memoryLatency + gpu.pace.normLatency + own + storeLatency);
  double read = double(work.rootRead) + work.otherRead;
  double moved = times * read + work.written;
  launch.block.moved = moved / double(work.rows * work.groups) * rows;
  launch.l2 = moved * batch;
  launch.dram = dramBytes(work, batch, gpu);
  launch.blocks = ceilDiv(work.rows * work.groups * batch, rows);
  return launch;
}

bool normAlike(const Schedule &a, const Schedule &b) {
  return a.norm().warp == b.norm().warp && a.norm().recompute == b.norm().recompute;
}

} // namespace

const FamilyTraits vitc::cost::normFamily = {
    .name = "norm",
    .candidates = normCandidates,
    .classic = normClassic,
    .impossible = nothingImpossible,
    .read = normRead,
    .objection = normObjection,
    .geometry = normPart,
    .registers = normRegisters,
    .time = normTime,
    .alike = normAlike,
    .handicap = noHandicap,
    .bounded = false,
    .recomputes = true,
};
