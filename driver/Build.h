//===- Build.h - A model as files, as text, as a report ---------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_BUILD_H
#define DRIVER_BUILD_H

#include "codegen/report/Report.h"
#include "driver/Options.h"
#include "driver/OutputFiles.h"
#include "driver/Session.h"

namespace vitc::driver {

struct BuildOptions {
  CompileOptions compile;
  std::string name; ///< in the files and in C; empty: the model's
  /// Where the files will lie, to see what they would meet there; empty: nowhere.
  std::string folder;
  /// What `ncu --csv --page raw` wrote, see generateWithProfiles.
  std::vector<std::string> profiles;
  bool shared = false;                              ///< also libN.so
  bool embedWeights = false, randomWeights = false; ///< random: made from their names
  std::string weights;                              ///< file to embed; empty: the model's
  bool allowNonfinite = false;                      ///< of what is embedded, see DeviceOptions
};

/// libN.a, N.h, N.report.json, and libN.so if asked for.
struct BuildResult {
  std::string name;
  std::string note; ///< why the name is not the model's; empty if it is, or was given
  /// A file of the folder that must go away once the new ones are there, see checkFolder.
  std::string stale;
  std::vector<Artifact> files;
  codegen::Report report;
};
llvm::FailureOr<BuildResult> build(const BuildOptions &options, const Session &session);
/// Whether a build would begin: reads the model and every other file, chooses schedules, writes no
/// code and asks no ptxas.
llvm::LogicalResult checkBuild(const BuildOptions &options, const Session &session);

/// The module after "vit", "kernels" or "llvm", or the PTX of all kernels for "ptx".
llvm::FailureOr<std::string> emit(const BuildOptions &options, llvm::StringRef level,
                                  const Session &session);

/// Every decision with its numbers; a prediction is also made with other policies.
llvm::FailureOr<codegen::Report> explain(const BuildOptions &options, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_BUILD_H
