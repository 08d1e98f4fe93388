//===- Errors.cpp - The last error of each thread --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The text is kept per thread, so that threads which share a model do not see
// each other's failures.
//===----------------------------------------------------------------------===//
#include "runtime/Errors.h"

namespace vitrt {
namespace {

thread_local std::string lastError;
// Where there is no memory even for a text.
thread_local bool outOfMemory = false;

} // namespace

void clearLastError() noexcept {
  lastError.clear(); // keeps its memory: no call to free or malloc in a run
  outOfMemory = false;
}

vit_status report(const Status &status) noexcept {
  if (status)
    return VIT_OK;
  try {
    outOfMemory = status.message().empty();
    lastError = outOfMemory ? std::string() : "vit: " + status.message();
  } catch (const std::exception &) {
    outOfMemory = true;
  }
  return status.status();
}

std::string takeLastError() { return std::exchange(lastError, std::string()); }

} // namespace vitrt

extern "C" const char *vit_last_error(void) {
  if (vitrt::outOfMemory)
    return "vit: out of host memory";
  return vitrt::lastError.c_str();
}

extern "C" void vit_set_error(const char *text) {
  try {
    vitrt::outOfMemory = false;
    vitrt::lastError = text ? text : "";
  } catch (const std::exception &) {
    vitrt::outOfMemory = true;
  }
}
