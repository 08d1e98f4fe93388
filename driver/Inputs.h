//===- Inputs.h - Which files are read, and which must stay -----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_INPUTS_H
#define DRIVER_INPUTS_H

#include "driver/Build.h"
#include "driver/Options.h"
#include "driver/Session.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <vector>

namespace vitc::driver {

/// The files that a model and its options are read from: those of a checkpoint with the shards of
/// its index, `weights` in their place or beside them, and `others`. Not all need be there.
std::vector<std::string> inputFiles(const CompileOptions &options, const std::string &weights = "",
                                    llvm::ArrayRef<std::string> others = {});
std::vector<std::string> inputFiles(const BuildOptions &options);

/// Refuses to write over one of the inputs. To be asked before any work.
llvm::LogicalResult keepInputs(const std::string &output, llvm::ArrayRef<std::string> inputs,
                               const Session &session);

/// What the files of a build would do to those in its folder: inputs among them are refused. A
/// libN.so of an earlier build --shared, which -lN would take instead of the new libN.a, is named
/// in `stale`, to go away; one that vitc did not write is refused.
llvm::LogicalResult checkFolder(const BuildOptions &options, const std::string &name,
                                std::string &stale, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_INPUTS_H
