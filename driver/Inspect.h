//===- Inspect.h - What a model is, before it is compiled -------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_INSPECT_H
#define DRIVER_INSPECT_H

#include "driver/Options.h"
#include "driver/Session.h"

namespace vitc::driver {

struct OutputDependence {
  std::string name;
  std::vector<std::string> dependsOn, independentOf; ///< inputs
};

/// A part of the model, "blocks.0".
struct Part {
  std::string name;
  uint32_t ops = 0;
  int64_t parameters = 0, flops = 0; ///< flops: of one image
};

struct Inspection {
  int64_t parameters = 0;
  /// Of one image. None of a model that can only be looked at, which has no outputs either.
  std::optional<int64_t> flops, prunedFlops;
  /// On the device: of all weights, and of one image's activations. None if no kernels can be
  /// built.
  std::optional<uint64_t> weightBytes, activationBytes;
  std::vector<OutputDependence> outputs;
  std::string pictures;    ///< how they become the input; empty of a .mlir file
  bool hasRecipe = false;  ///< otherwise `pictures` says why not
  size_t labels = 0;       ///< names of classes
  std::vector<Part> parts; ///< in order of appearance
};

/// Of a model that is not cut into kernels yet. One whose architecture is known, but cannot be
/// built, is shown with a warning that says why.
llvm::FailureOr<Inspection> inspect(const CompileOptions &options, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_INSPECT_H
