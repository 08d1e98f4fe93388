//===- Bisect.h - Which kernel goes wrong -----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_BISECT_H
#define TOOLS_VITC_BISECT_H

#include "tools/vitc/Device.h"

namespace vitc {

/// Runs `batch` images on the device and after every launch compares what it wrote with the
/// reference meaning of the kernel on the values that the launch read. Prints one line per launch
/// and the first whose error is above `tolerance`. True if there is one.
Result<bool> bisect(Compiler &compiler, Runner &runner, std::span<const float> input, int64_t batch,
                    double tolerance);

} // namespace vitc

#endif // TOOLS_VITC_BISECT_H
