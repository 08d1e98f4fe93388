//===- ReadFile.h - The bytes of a file ------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a name stands for is a stranger's to choose: a pipe that nobody writes to, a
// device that never ends. Such files are refused or read with bounds, and whoever
// waits for one can be told to stop.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_READFILE_H
#define DRIVER_RUN_READFILE_H

#include "weights/Result.h"

#include <cstddef>
#include <stop_token>
#include <string>

namespace vitc::driver {

/// Text of more bytes than this is refused.
inline constexpr size_t mostTextBytes = size_t(1) << 30;

/// All bytes of `path`: a file, a pipe until its end, or what is typed at a terminal; "-" is
/// standard input. The error says why, without the path: "cannot be read: Is a directory". Waiting
/// for a pipe ends, with an error, when a stop is asked for, or when nobody has begun to write to
/// it within 10 seconds.
vitrt::Result<std::string> readFile(const std::string &path, const std::stop_token &stop = {});
/// The same of text that is not empty, without a byte order mark: "is empty, expected PTX text".
vitrt::Result<std::string> readText(const std::string &path, const char *what,
                                    const std::stop_token &stop = {});
/// The same of a file that others will open by its name, which therefore may be no pipe; any size.
vitrt::Result<std::string> readRegularFile(const std::string &path);

} // namespace vitc::driver
#endif // DRIVER_RUN_READFILE_H
