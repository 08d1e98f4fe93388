//===- MlirText.h - What is checked before MLIR parses ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// MLIR's parser, its verifier and its printer call themselves once for every level
// of nesting, so that a file of brackets alone ends them without a word. All tools
// read .mlir files here, where that and bytes that are no text are refused.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_MLIRTEXT_H
#define DRIVER_RUN_MLIRTEXT_H

#include "weights/Result.h"

#include <stop_token>
#include <string>
#include <string_view>

namespace vitc::driver {

/// Levels of a .mlir file, of brackets of all kinds. Those of an alias count where it is named, and
/// so do operators in a row, as affine maps have them.
inline constexpr unsigned mostNesting = 256;

/// "line 3: expected brackets nested at most 256 deep": what in `text` MLIR cannot be given; empty
/// where there is nothing.
std::string objectionToMlir(std::string_view text);

/// The text of a file, or "-" for standard input, that objectionToMlir has nothing against, without
/// a byte order mark; or bytecode. The error says why, without the path.
vitrt::Result<std::string> readMlir(const std::string &path, const std::stop_token &stop = {});

} // namespace vitc::driver
#endif // DRIVER_RUN_MLIRTEXT_H
