//===- Clock.h - Times by the device's clock -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_CLOCK_H
#define VITC_RUNTIME_CUDA_CLOCK_H

#include "runtime/cuda/Device.h"

#include <functional>

namespace vitrt {

/// Two events and a stream; the context is current as long as it lives.
class Clock {
public:
  explicit Clock(const Device &device) : device(device), driver(*device.driver), scope(device) {}
  ~Clock();
  Status open(CUcontext context);
  Status time(const std::function<Status(vit_stream)> &work, double &microseconds);

private:
  const Device &device;
  const Driver &driver;
  ContextScope scope; // destroyed last
  CUstream stream = nullptr;
  CUevent begin = nullptr, end = nullptr;
};

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_CLOCK_H
