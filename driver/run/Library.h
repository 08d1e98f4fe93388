//===- Library.h - A model library, opened at run time ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_LIBRARY_H
#define DRIVER_RUN_LIBRARY_H

#include "driver/run/Golden.h"
#include "runtime/Plan.h"
#include "vit/library.h"
#include "weights/Result.h"

#include <string>

namespace vitc::driver {

/// Opens a shared library that `vitc build --shared` wrote, and asks its one exported function,
/// <name>_library, for the model. It stays open until the process ends.
Result<const vit_library *> openLibrary(const std::string &path);

/// Finds the exported function whose name ends in "_library" in the file's dynamic symbols.
Result<std::string> findLibrarySymbol(const std::string &path);

/// A device as a user names it, as vit_model_load takes it: NULL for "auto".
inline const char *deviceName(const std::string &device) {
  return device == "auto" ? nullptr : device.c_str();
}

/// The size of the images in a file, where a library has plans for several; else none.
vitrt::ImageSize imageSizeFor(const vit_library &library, const std::string &path);

/// Shapes and limits for the code shared with vitc. A model of one input; `maxBatch` lowers the
/// library's own if it is not 0. `size` is that of the images; none: the native one.
Result<RunnableModel> runnableModel(const vit_library &library, int64_t maxBatch,
                                    vitrt::ImageSize size = {});

} // namespace vitc::driver
#endif // DRIVER_RUN_LIBRARY_H
