//===- Family.h - What each family of kernels answers -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One file of families/ for each family, and in families/Families.cpp the table of them. The rest
// of passes/cost asks through this table and knows no family.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILY_H
#define PASSES_COST_FAMILY_H

#include "passes/cost/Geometry.h"
#include "passes/cost/Search.h"
#include "passes/cost/Time.h"

namespace vitc::cost {

/// Registers of a thread: the least that does without spilling, and what ptxas takes if there is
/// room.
struct Registers {
  double least, free;
};

struct FamilyTraits {
  const char *name; ///< for messages: "gemm"

  /// Schedules worth a try within the preferences, by the model and by the rules of Classic.h.
  std::vector<Schedule> (*candidates)(const Work &, int64_t maxBatch, const Preferences &);
  std::vector<Schedule> (*classic)(const Work &, int64_t maxBatch, const Preferences &);
  /// Why no schedule at all serves batches up to `maxBatch`; empty if one may.
  std::string (*impossible)(const Work &, int64_t maxBatch, const Preferences &);

  /// The schedule that texts write so; empty if it is none of the family. What the text does not
  /// say, or says beyond, is the caller's to compare.
  std::optional<Schedule> (*read)(const Written &, const Work &, const Gpu &);

  /// Why kernels cannot be built so, apart from what no kernel may ask for.
  std::string (*objection)(const Work &, const Schedule &, const Limits &);
  Geometry (*geometry)(const Work &, const Schedule &);
  Registers (*registers)(const Work &, const Schedule &);
  LaunchCost (*time)(const Work &, const Schedule &, int64_t batch, const Gpu &);

  /// Whether both schedules would fail for the same reason.
  bool (*alike)(const Schedule &, const Schedule &);
  /// By how much a schedule must be faster than the model knows to be ranked as fast.
  double (*handicap)(const Work &, const Schedule &);
  /// Whether registers decide how many blocks live together, so that schedules bound them.
  bool bounded;
  /// Whether what comes before the root may be computed again instead of kept (FusePolicy).
  bool recomputes;
};

const FamilyTraits &traitsOf(Family family);
inline const FamilyTraits &traitsOf(const Work &work) { return traitsOf(work.family); }

extern const FamilyTraits gemmFamily, attentionFamily, normFamily, tokensFamily, elementwiseFamily;

/// Adds the schedule with its bound on registers, if it can be built within the budget;
/// `atAnyPrice` also if it spills there.
void addCandidate(std::vector<Schedule> &list, const Work &work, Schedule schedule,
                  const Preferences &preferences, bool atAnyPrice = false);

// Answers of families that have nothing to say.
std::string nothingImpossible(const Work &, int64_t, const Preferences &);
double noHandicap(const Work &, const Schedule &);

} // namespace vitc::cost

#endif // PASSES_COST_FAMILY_H
