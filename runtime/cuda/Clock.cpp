//===- Clock.cpp - Times by the device's clock -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Clock.h"

namespace vitrt {

Clock::~Clock() {
  if (isForked())
    return;
  for (CUevent event : events)
    if (event)
      driver.cuEventDestroy(event);
  if (lane)
    driver.cuStreamDestroy(lane);
}

Status Clock::open(CUcontext context, size_t marks) {
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (CUresult error = driver.cuStreamCreate(&lane, cudaStreamNonBlocking)) {
    lane = nullptr;
    return device.failure(error, "cuStreamCreate");
  }
  events.resize(marks);
  for (CUevent &event : events)
    if (CUresult error = driver.cuEventCreate(&event, cudaEventDefault)) {
      event = nullptr;
      return device.failure(error, "cuEventCreate");
    }
  return {};
}

Status Clock::mark(size_t i) {
  if (CUresult error = driver.cuEventRecord(events[i], lane))
    return device.failure(error, "cuEventRecord");
  return {};
}

Status Clock::wait(size_t i) {
  if (CUresult error = driver.cuEventSynchronize(events[i]))
    return device.failure(error, "cuEventSynchronize");
  return {};
}

Status Clock::read(size_t i, double &microseconds) const {
  float milliseconds = 0;
  if (CUresult error = driver.cuEventElapsedTime(&milliseconds, events[i], events[i + 1]))
    return device.failure(error, "cuEventElapsedTime");
  microseconds = 1000.0 * milliseconds;
  return {};
}

} // namespace vitrt
