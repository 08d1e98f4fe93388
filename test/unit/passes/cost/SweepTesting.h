//===- SweepTesting.h - Measured times of schedules -------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef SWEEPTESTING_H
#define SWEEPTESTING_H

#include "passes/cost/Cost.h"

#include <string>
#include <vector>

namespace costtest {

using namespace vitc::cost;

/// One line of a table that bench/sweep.py wrote.
struct Measurement {
  std::string model, kernel;
  int64_t batch = 0;
  std::string text; ///< of the schedule
  Schedule schedule;
  double microseconds = 0; ///< of all launches of the kernel
  std::vector<Use> uses;
};

/// Lines that cannot be read end the program.
std::vector<Measurement> readSweep(const std::string &path, const Gpu &gpu);

/// What the measurement would take by the model: launches in a row, of which the host starts no
/// more than one each `floor` microseconds, with the weights in L2.
double predictMeasured(const Measurement &point, const Gpu &gpu, double floor);

} // namespace costtest

#endif // SWEEPTESTING_H
