//===- Tuned.h - Measured schedules for a build -----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_TUNED_H
#define TOOLS_VITC_TUNED_H

#include "tools/common/Tuning.h"

#include "mlir/IR/MLIRContext.h"

#include <string>
#include <vector>

namespace vitc {

/// The entries of a tuning file in the form of vit-select-schedules, "KERNEL HASH
/// #vit.schedule<...>". A schedule that was measured at one batch serves all from the measured
/// batch before up to it; the last one of a kernel up to `maxBatch`. Fails, naming the kernel, if a
/// schedule cannot be read.
Result<std::vector<std::string>> tunedSchedules(const Tuning &tuning, mlir::MLIRContext *context,
                                                int64_t maxBatch);

} // namespace vitc

#endif // TOOLS_VITC_TUNED_H
