//===- Vectors.h - Kernels whose threads take vectors of columns -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Copies, gathers and elementwise ops: what the families Tokens and Elementwise have in common.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_VECTORS_H
#define PASSES_COST_FAMILIES_VECTORS_H

#include "passes/cost/Family.h"

namespace vitc::cost {

/// Memory decides, so a thread takes as many neighbouring columns as fit in one access of 16 bytes,
/// or two for f32.
VectorGeometry vectorGeometry(const Work &work, const VectorSchedule &schedule);

std::string vectorObjection(const VectorSchedule &schedule);
Registers vectorRegisters(const Work &work);
/// Threads of a block that are worth a try, and those of the classic rules.
std::vector<VectorSchedule> vectorSchedules(const Work &work);
std::vector<VectorSchedule> classicVectors(const Work &work, int64_t maxBatch, const Gpu &gpu);
/// `placing`: instructions that find where a vector comes from.
LaunchCost vectorTime(const Work &work, const VectorSchedule &schedule, int64_t batch,
                      const Gpu &gpu, int placing);

/// The answers of a family whose schedules are `Kind`, a VectorSchedule.
template <typename Kind, int (*placing)(const Work &)> struct VectorFamily {
  static const VectorSchedule &of(const Schedule &s) { return std::get<Kind>(s.numbers); }

  static std::vector<Schedule> candidates(const Work &work, int64_t, const Preferences &p) {
    std::vector<Schedule> list;
    for (const VectorSchedule &s : vectorSchedules(work))
      addCandidate(list, work, {Kind{s}}, p);
    return list;
  }
  static std::vector<Schedule> classic(const Work &work, int64_t maxBatch, const Preferences &p) {
    std::vector<Schedule> list;
    for (const VectorSchedule &s : classicVectors(work, maxBatch, *p.gpu))
      list.push_back({Kind{s}});
    return list;
  }
  static std::optional<Schedule> read(const Written &s, const Work &, const Gpu &) {
    return Schedule{Kind{s.block[0], s.warp[0]}};
  }
  static std::string objection(const Work &, const Schedule &s, const Limits &) {
    return vectorObjection(of(s));
  }
  static Geometry geometry(const Work &work, const Schedule &s) {
    return vectorGeometry(work, of(s));
  }
  static Registers registers(const Work &work, const Schedule &) { return vectorRegisters(work); }
  static LaunchCost time(const Work &work, const Schedule &s, int64_t batch, const Gpu &gpu) {
    return vectorTime(work, of(s), batch, gpu, placing(work));
  }
  static bool alike(const Schedule &a, const Schedule &b) { return of(a).warp == of(b).warp; }

  static constexpr FamilyTraits traits(const char *name) {
    return {.name = name,
            .candidates = candidates,
            .classic = classic,
            .impossible = nothingImpossible,
            .read = read,
            .objection = objection,
            .geometry = geometry,
            .registers = registers,
            .time = time,
            .alike = alike,
            .handicap = noHandicap,
            .bounded = false,
            .recomputes = false};
  }
};

} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_VECTORS_H
