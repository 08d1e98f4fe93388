//===- ReadFile.h - The bytes of a file ------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_READFILE_H
#define DRIVER_RUN_READFILE_H

#include "weights/Result.h"

#include <string>

namespace vitc::driver {

/// All bytes of `path`: a file, or a pipe until its end. The error says why, without the path:
/// "cannot be read: Is a directory".
vitrt::Result<std::string> readFile(const std::string &path);
/// The same of text that is not empty, without a byte order mark: "is empty, expected PTX text".
vitrt::Result<std::string> readText(const std::string &path, const char *what);

} // namespace vitc::driver
#endif // DRIVER_RUN_READFILE_H
