//===- Bench.h - Times of a library on this machine ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_BENCH_H
#define DRIVER_RUN_BENCH_H

#include "runtime/Inspect.h"
#include "runtime/Plan.h"
#include "vit/library.h"
#include "vit/runtime.h"
#include "weights/Result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitc::driver {

using vitrt::Result;

/// What runs of `batch` images need, to be timed without copies from and to the host.
struct TimedBatch {
  vitrt::WorkspacePtr workspace;
  vitrt::DeviceTensors tensors;
  double created; ///< milliseconds that the workspace took
};
/// `size` of the images; none: the native one.
Result<TimedBatch> prepareBatch(const vit_model *model, int batch, vitrt::ImageSize size = {});

/// "b16 batch 8: median 1234.5 us (1230.0 to 1251.9), 6480 images/s, 91 launches in a graph; ...":
/// device time of whole runs, prepared as one graph or not. Of another than the native size "batch
/// 8 of 384x512", and what its workspace took.
Result<std::string> benchModel(const vit_library &library, const vit_model *model, int batch,
                               int repetitions, bool graph, vitrt::ImageSize size = {});
/// For --help.
inline constexpr const char *noGraphHelp =
    "enqueue launch after launch, not the one graph that vit_workspace_prepare makes of a batch";

/// A line with the time of the first launch of kernel or function `name`, with as many images as
/// give `rows` rows; in TFLOP/s if `flops` (of the launch) is given or its weights show a product
/// of matrices.
Result<std::string> benchKernel(const vit_library &library, const vit_model *model,
                                const std::string &name, int64_t rows, double flops,
                                int repetitions);

/// Median, and the 10th and 90th percentile.
struct Spread {
  double median, low, high;
};
Spread spreadOf(std::vector<double> values);

} // namespace vitc::driver
#endif // DRIVER_RUN_BENCH_H
