//===- Pictures.h - Verbs on pictures ---------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_PICTURES_H
#define TOOLS_VITC_PICTURES_H

#include "driver/PictureRun.h"
#include "tools/vitc/Tool.h"

namespace vitc {

/// What vitc run and vitc preprocess ask of files.
struct PictureFiles {
  std::vector<std::string> paths; ///< files and folders
  int64_t maxPixels = driver::DecodeOptions().maxPixels;
};
CLI::Option *addMaxPixels(CLI::App &app, PictureFiles &files);

/// vitc run with pictures instead of a tensor.
struct PictureRunOptions {
  driver::CompileOptions compile;
  driver::DeviceOptions device;
  PictureFiles files;
  std::string output;  ///< of all results; empty for none
  std::string classes; ///< of texts; empty for the model's own
  int64_t top = 5, batch = 0;
  bool json = false, dtypeGiven = false;
};
int runPictures(const PictureRunOptions &options);

} // namespace vitc

#endif // TOOLS_VITC_PICTURES_H
