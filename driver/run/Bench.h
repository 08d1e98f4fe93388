//===- Bench.h - Times of a library on this machine ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_BENCH_H
#define DRIVER_RUN_BENCH_H

#include "runtime/Inspect.h"
#include "vit/library.h"
#include "vit/runtime.h"
#include "weights/Result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

using vitrt::Result;

/// What runs of `batch` images need, to be timed without copies from and to the host.
struct TimedBatch {
  vitrt::WorkspacePtr workspace;
  vitrt::DeviceTensors tensors;
};
Result<TimedBatch> prepareBatch(const vit_model *model, int batch);

/// One line per batch: median, spread and images/s of whole runs, device time.
Result<void> benchModel(const vit_library &library, const vit_model *model,
                        const std::vector<int> &batches, int repetitions);

/// The time of the first launch of kernel or function `name`, with as many images as give `rows`
/// rows; in TFLOP/s if `flops` (of the launch) is given or its weights show a product of matrices.
Result<void> benchKernel(const vit_library &library, const vit_model *model,
                         const std::string &name, int64_t rows, double flops, int repetitions);

} // namespace vitc
#endif // DRIVER_RUN_BENCH_H
