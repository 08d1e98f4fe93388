//===- KernelTimes.h - What each kernel takes of a run ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_KERNELTIMES_H
#define DRIVER_RUN_KERNELTIMES_H

#include "vit/library.h"
#include "vit/runtime.h"
#include "weights/Result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vitc::driver {

using vitrt::Result;

/// What a build's N.report.json predicts of the launches of a run.
struct ReportTimes {
  struct Step {
    std::string kernel;
    std::vector<double> microseconds; ///< for each of `batches`
  };
  std::string gpu;
  std::vector<int64_t> batches;
  std::vector<Step> steps;
};
Result<ReportTimes> parseReportTimes(std::string_view text);
Result<ReportTimes> readReportTimes(const std::string &path);

/// One kernel, whatever its functions: all of its launches in a run.
struct KernelTime {
  std::string kernel, schedule;
  unsigned launches = 0;           ///< of the model: parts of one count once
  double each = 0, all = 0;        ///< microseconds: of one launch, of all; medians over the runs
  double share = 0;                ///< of the sum over all kernels, 0 to 1
  std::optional<double> predicted; ///< microseconds of one launch
};
struct StepTime {
  std::string label, function;
  double microseconds; ///< median
};
struct KernelTimes {
  std::string model, image;
  std::string predictedFor; ///< the report's device; empty: no prediction
  int batch = 0;
  double clocked = 0; ///< microseconds of a run with the clock between its launches, median
  double plain = 0;   ///< of one without
  std::vector<KernelTime> kernels; ///< those that take most first
  std::vector<StepTime> steps;     ///< in order
};

/// Times every launch of `repetitions` runs. `report`, if there is one, is of the library's build.
Result<KernelTimes> timeKernels(const vit_library &library, const vit_model *model, int batch,
                                int repetitions, const ReportTimes *report);

/// A heading and a line for each kernel.
std::string kernelTable(const KernelTimes &times);
/// One object, of one line for each kernel and step.
std::string kernelJson(const KernelTimes &times);

} // namespace vitc::driver
#endif // DRIVER_RUN_KERNELTIMES_H
