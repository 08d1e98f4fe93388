//===- Tune.h - Candidates that vit-run --tune times ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_TUNE_H
#define DRIVER_TUNE_H

#include "driver/Options.h"
#include "driver/OutputFiles.h"
#include "driver/Session.h"

namespace vitc::driver {

struct TuneOptions {
  CompileOptions compile;
  std::string name; ///< before "_candidateI"; empty: the model's
  std::vector<int64_t> batches = {1, 8, 32};
  unsigned candidates = 8; ///< schedules of each kernel at most
};

/// Shared libraries libNAME_candidateI.so; the i-th has the i-th best schedule of every kernel.
llvm::FailureOr<std::vector<Artifact>> tune(TuneOptions options, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_TUNE_H
