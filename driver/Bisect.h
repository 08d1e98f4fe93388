//===- Bisect.h - Which kernel goes wrong -----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_BISECT_H
#define DRIVER_BISECT_H

#include "driver/Runner.h"

namespace vitc::driver {

/// Runs `batch` images on the device and after every launch compares what it wrote with the
/// reference meaning of the kernel on the values that the launch read. Hands `say` one line for
/// each launch, and one about the first whose error is above `tolerance`. True if there is one.
Result<bool> bisect(Compiler &compiler, Runner &runner, std::span<const float> input, int64_t batch,
                    double tolerance, const std::function<void(const std::string &)> &say);

} // namespace vitc::driver

#endif // DRIVER_BISECT_H
