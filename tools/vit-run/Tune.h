//===- Tune.h - Which candidate of each kernel is the fastest --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITRUN_TUNE_H
#define TOOLS_VITRUN_TUNE_H

#include "driver/run/Tuning.h"
#include "runtime/Inspect.h"
#include "vit/library.h"

#include <functional>
#include <string>
#include <vector>

namespace vitc {
using driver::Result;
using driver::Tuning;

/// Loads a library's model onto the device that is measured.
using ModelLoader = std::function<Result<vitrt::ModelPtr>(const vit_library &)>;

/// Times every kernel of every library, made by `vitc tune` from one model, at each batch, and
/// keeps the fastest schedule of each. Batches beyond a library's largest are refused. Prints a
/// line for each kernel and batch.
Result<Tuning> tune(const std::vector<std::string> &paths, const std::vector<int> &batches,
                    int repetitions, const ModelLoader &load);

} // namespace vitc
#endif // TOOLS_VITRUN_TUNE_H
