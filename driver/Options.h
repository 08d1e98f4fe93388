//===- Options.h - What the driver is told ----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_OPTIONS_H
#define DRIVER_OPTIONS_H

#include "passes/Options.h"

#include "llvm/Support/LogicalResult.h"

#include <optional>

namespace vitc::driver {

struct Session;

/// Which model, and what decides about its code: the options of passes, and those of Options.def.
struct CompileOptions : PipelineOptions {
  CompileOptions() { maxBatch = 0; } ///< 0: as many as the model allows, see Compiler::maxBatch
  std::string model;                 ///< directory with config.json, or .mlir file
#define VITC_OPTION(type, field, flag, initial, value, help) type field = initial;
#include "driver/Options.def"
  bool dtypeGiven = false; ///< `dtype` is somebody's wish, also where it is what it would be anyway
  /// The largest batch if none is given; kernels that are in a .mlir file may allow fewer.
  std::optional<int64_t> wantedBatch;
  /// Height and width of the images at hand, for a checkpoint if imageSize is not given.
  std::optional<std::pair<int64_t, int64_t>> wantedImage;
  /// The module is to be the one for images of any size.
  bool forAnySize = false;
};

/// No GPU has code for it.
inline bool isForCpusAlone(const CompileOptions &options) { return options.dtype == "i8"; }

/// Reports the first option that has a value which it cannot have.
llvm::LogicalResult checkOptions(const CompileOptions &options, const Session &session);

/// The flag of the first option that was given although the passes that read it have run, in a
/// model that is text of kernels; empty for none. Of --dtype nothing is said: see Compiler.
std::string lateOption(const CompileOptions &options);

} // namespace vitc::driver

#endif // DRIVER_OPTIONS_H
