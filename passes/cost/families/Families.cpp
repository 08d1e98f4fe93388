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

Geometry vitc::cost::geometryOf(const Work &work, const Schedule &schedule, int part) {
  return traitsOf(work).geometry(work, schedule, part);
}

std::string vitc::cost::nothingImpossible(const Work &, int64_t, const Preferences &) { return ""; }

double vitc::cost::noHandicap(const Work &, const Schedule &) { return 1; }
