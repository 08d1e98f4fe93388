//===- Rounding.h - How far rounding moves outputs --------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_ROUNDING_H
#define DRIVER_ROUNDING_H

#include "driver/Runner.h"

namespace vitc::driver {

/// For each output of the model, how far rounding to `dtype` moves it, as a part of its norm:
/// the root mean square over a few runs of the f64 reference with weights and input each off by a
/// random part of the rounding unit. Rounding is off by 0.42 units in the mean, the weight and the
/// factor of a product together by 0.60; one of them, evenly off by up to a unit, is by 0.58.
/// Deterministic. Errors have been reported.
mlir::FailureOr<std::vector<double>> roundingError(const CompileOptions &options,
                                                   const std::string &dtype, DeviceOptions device,
                                                   const GoldenTask &task, const Session &session);

/// Where outputs of few values are above their tolerance: raises that to what rounding can do, as
/// docs/use.md says.
mlir::LogicalResult allowForRounding(const CompileOptions &options, const std::string &dtype,
                                     const DeviceOptions &device, const GoldenTask &task,
                                     const Session &session, CheckReport &report);

} // namespace vitc::driver

#endif // DRIVER_ROUNDING_H
