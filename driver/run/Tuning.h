//===- Tuning.h - What was measured of candidate schedules -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// `vit-run --tune` writes this file on the machine a model is deployed on,
// `vitc build --tuning` reads it. It is kept with the sources, so it says what
// it was measured for: an entry for a kernel or a schedule that has changed
// since is refused, not applied.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_TUNING_H
#define DRIVER_RUN_TUNING_H

#include "weights/Result.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace vitc::driver {

using vitrt::Error;
using vitrt::Result;

/// The fastest schedule of one kernel at one batch.
struct TuningEntry {
  std::string kernel;       ///< its name, as in vit_kernel::base
  std::string kernelHash;   ///< hashText(vit_kernel::hash)
  int64_t batch = 0;        ///< at least 1
  std::string schedule;     ///< as in vit_kernel::schedule
  std::string scheduleHash; ///< hashText(scheduleHash(schedule))
  double microseconds = 0;  ///< of all its launches in one run
  int64_t rows = 0;         ///< of its largest launch at that batch, in a profile; 0: not known
};

struct Tuning {
  std::string gpu, driver; ///< where it was measured
  std::vector<TuningEntry> entries;
};

/// Of the text of a schedule, the same on every machine (FNV-1a).
uint64_t scheduleHash(std::string_view schedule);
/// Sixteen hexadecimal digits.
std::string hashText(uint64_t hash);

/// What is wrong with measurements of the device called `measured`, "NVIDIA GeForce RTX 4090", for
/// a build for `gpu`, "rtx4090"; empty if nothing is. Another clock, another number of processors:
/// other schedules are the fastest.
std::string objectionToDevice(std::string_view measured, std::string_view gpu);

std::string tuningJson(const Tuning &tuning);
/// Refuses what is not of that form, and entries whose schedule is not that of its hash, by name.
Result<Tuning> parseTuning(std::string_view text);
Result<Tuning> readTuning(const std::string &path, const std::stop_token &stop = {});
/// Whole or not at all.
Result<void> writeTuning(const std::string &path, const Tuning &tuning);

} // namespace vitc::driver
#endif // DRIVER_RUN_TUNING_H
