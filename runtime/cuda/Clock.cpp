//===- Clock.cpp - Times by the device's clock -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Clock.h"

namespace vitrt {

Clock::~Clock() {
  if (isForked())
    return;
  if (begin)
    driver.cuEventDestroy(begin);
  if (end)
    driver.cuEventDestroy(end);
  if (stream)
    driver.cuStreamDestroy(stream);
}

Status Clock::open(CUcontext context) {
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (CUresult error = driver.cuStreamCreate(&stream, cudaStreamNonBlocking))
    return device.failure(error, "cuStreamCreate");
  for (CUevent *event : {&begin, &end})
    if (CUresult error = driver.cuEventCreate(event, cudaEventDefault))
      return device.failure(error, "cuEventCreate");
  return {};
}

Status Clock::time(const std::function<Status(vit_stream)> &work, double &microseconds) {
  if (CUresult error = driver.cuEventRecord(begin, stream))
    return device.failure(error, "cuEventRecord");
  if (Status done = work(stream); !done)
    return done;
  if (CUresult error = driver.cuEventRecord(end, stream))
    return device.failure(error, "cuEventRecord");
  if (CUresult error = driver.cuEventSynchronize(end))
    return device.failure(error, "cuEventSynchronize");
  float milliseconds = 0;
  if (CUresult error = driver.cuEventElapsedTime(&milliseconds, begin, end))
    return device.failure(error, "cuEventElapsedTime");
  microseconds = 1000.0 * milliseconds;
  return {};
}

} // namespace vitrt
