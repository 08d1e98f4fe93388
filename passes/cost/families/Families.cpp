//===- Families.cpp - The table of families -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Family.h"

#include <iterator>

using namespace vitc::cost;

/// In the order of Family.
static const FamilyTraits *const families[] = {&gemmFamily, &attentionFamily, &normFamily,
                                               &tokensFamily, &elementwiseFamily};
static_assert(std::size(families) == std::variant_size_v<decltype(Schedule::numbers)>);

const FamilyTraits &vitc::cost::traitsOf(Family family) { return *families[size_t(family)]; }

Geometry vitc::cost::geometryOf(const Work &work, const Schedule &schedule) {
  return traitsOf(work).geometry(work, schedule);
}

int64_t vitc::cost::scratchBytes(const Geometry &g, int64_t count) {
  return g.sums * g.grid[0].at(count) * g.grid[1].at(count) * g.grid[2].at(count);
}

int64_t vitc::cost::counterBytes(const Geometry &g, int64_t count) {
  constexpr int64_t bytesOfCounter = 4;
  return g.sums ? bytesOfCounter * g.grid[0].at(count) * g.grid[1].at(count) : 0;
}

std::string vitc::cost::nothingImpossible(const Work &, int64_t, const Preferences &) { return ""; }

double vitc::cost::noHandicap(const Work &, const Schedule &) { return 1; }
