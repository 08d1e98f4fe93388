//===- SameFile.h - An output that would destroy an input ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_SAMEFILE_H
#define DRIVER_RUN_SAMEFILE_H

#include <span>
#include <string>

namespace vitc::driver {

/// Why `output` may not be written: it is one of the files that are read, under whatever name.
/// Empty where it is none of them, or is no file yet. Empty inputs are passed over.
std::string objectionToOutput(const std::string &output, std::span<const std::string> inputs);

} // namespace vitc::driver
#endif // DRIVER_RUN_SAMEFILE_H
