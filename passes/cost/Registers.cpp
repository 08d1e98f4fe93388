//===- Registers.cpp - Registers of a thread ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What a thread holds is a matter of its family, which says two numbers of it.
//
// ptxas takes more than it needs where nobody asks for fewer, to have loads under way early. So
// they are: the least that does without spilling, and what is taken if there is room.
// The constants are fitted on what ptxas 13.0 makes of our kernels
// (bench/data/register-calibration.csv), where no random tile that they call fitting spills; a test
// compares both on other shapes.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Family.h"

#include <algorithm>
#include <cmath>

using namespace vitc::cost;

int vitc::cost::leastRegisters(const Work &work, const Schedule &s) {
  return int(std::lround(traitsOf(work).registers(work, s).least));
}

int vitc::cost::predictRegisters(const Work &work, const Schedule &s) {
  Registers need = traitsOf(work).registers(work, s);
  int least = int(std::lround(need.least)), free = int(std::lround(std::min(need.free, 255.0)));
  return std::max(least, s.registers ? std::min(free, s.registers) : free);
}

int vitc::cost::boundFor(const Work &work, const Schedule &s, int most) {
  int taken = predictRegisters(work, s) + 4;
  return std::min(most, std::max(leastBudget, (taken + 7) / 8 * 8));
}
