//===- Clock.h - Times by the device's clock -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_CLOCK_H
#define VITC_RUNTIME_CUDA_CLOCK_H

#include "runtime/cuda/Device.h"

#include <vector>

namespace vitrt {

/// A stream with marks on it, and the time between two of them. The context is current as long as
/// it lives.
class Clock {
public:
  explicit Clock(const Device &device) : device(device), driver(*device.driver), scope(device) {}
  ~Clock();
  Status open(CUcontext context, size_t marks);
  CUstream stream() const { return lane; }

  /// Puts mark `i` behind what is enqueued so far.
  Status mark(size_t i);
  /// Returns when the device has come to mark `i`.
  Status wait(size_t i);
  /// From mark `i` to the next.
  Status read(size_t i, double &microseconds) const;

private:
  const Device &device;
  const Driver &driver;
  ContextScope scope; // destroyed last
  CUstream lane = nullptr;
  std::vector<CUevent> events;
};

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_CLOCK_H
