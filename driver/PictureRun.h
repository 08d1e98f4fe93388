//===- PictureRun.h - Pictures through a model ------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURERUN_H
#define DRIVER_PICTURERUN_H

#include "driver/Runner.h"
#include "driver/pictures/Reader.h"

namespace vitc::driver {

/// A picture, and what the model makes of it.
struct PictureOutputs {
  size_t file = 0;                         ///< index of its file
  std::string problem;                     ///< why there are no outputs
  std::vector<std::vector<float>> outputs; ///< as those of the model
};

/// Runs files through a model, batch after batch; others are decoded meanwhile, on all cores. Calls
/// `take` in the order of the files. Ends early, without a failure, when the session is to stop:
/// what was taken counts. The compiler and the runner are prepared, `run` is the runner's or a
/// watch on it.
llvm::LogicalResult runPictures(const PictureReader &reader, const RunnableModel &model,
                                const RunFunction &run, const std::vector<std::string> &files,
                                const Session &session,
                                const std::function<void(PictureOutputs &&)> &take);

/// The same without a model: pixel values, or why there are none.
llvm::LogicalResult
readPictures(const PictureReader &reader, const std::vector<std::string> &files,
             const Session &session,
             const std::function<llvm::LogicalResult(size_t file, PictureQueue::Pixels &&)> &take);

} // namespace vitc::driver

#endif // DRIVER_PICTURERUN_H
