//===- Driver.cpp - The CUDA driver, opened at run time --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Driver.h"

#include <dlfcn.h>
#include <mutex>

namespace vitrt {
namespace {

std::mutex mutex;
std::string path = "libcuda.so.1"; // guarded by mutex, as the rest
void *library = nullptr;           // open for ever, as the driver expects
Driver table;
bool ready = false;

/// Fills the table from the library.
Status bind() {
  const char *missing = nullptr;
#define VIT_BIND(member, symbol, parameters)                                                       \
  table.member = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #symbol));                \
  if (!table.member)                                                                               \
    missing = missing ? missing : #symbol;
  VIT_DRIVER_FUNCTIONS(VIT_BIND)
#undef VIT_BIND
  if (missing)
    return {VIT_DEVICE_ERROR, path + " has no " + missing + "; install a newer NVIDIA driver"};
  table.cuFuncLoad = reinterpret_cast<CUresult (*)(CUfunction)>(dlsym(library, "cuFuncLoad"));
  table.registerRange = reinterpret_cast<int (*)(uint64_t, size_t, const char *, int)>(
      dlsym(library, "vitEmuRegister"));
  return {};
}

} // namespace

void setDriverPath(std::string newPath) {
  std::lock_guard lock(mutex);
  path = std::move(newPath);
}

Status openDriver(const Driver *&out) {
  std::lock_guard lock(mutex);
  if (!library && !(library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))) {
    const char *reason = dlerror();
    return {VIT_DEVICE_ERROR, "libcuda.so.1 cannot be opened, install the NVIDIA driver: " +
                                  std::string(reason ? reason : path)};
  }
  if (!ready) {
    if (Status bound = bind(); !bound)
      return bound;
    if (CUresult error = table.cuInit(0))
      return table.failure(error, "cuInit");
    ready = true;
  }
  out = &table;
  return {};
}

Status Driver::failure(CUresult error, const char *call, const std::string &about) const {
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(error, &name);
  cuGetErrorString(error, &text);
  std::string message = std::string(call) + (about.empty() ? "" : ", " + about) + ": ";
  message += name ? std::string(name) : "error " + std::to_string(error);
  if (text)
    message += std::string(": ") + text;
  return {error == cudaOutOfMemory ? VIT_OUT_OF_MEMORY : VIT_DEVICE_ERROR, std::move(message)};
}

Status ContextScope::enter(CUcontext context) {
  if (CUresult error = driver.cuCtxPushCurrent(context))
    return driver.failure(error, "cuCtxPushCurrent");
  entered = true;
  return {};
}

Status ContextScope::leave() {
  if (!entered)
    return {};
  entered = false;
  CUcontext ours;
  CUresult error = driver.cuCtxPopCurrent(&ours);
  if (!error)
    return {};
  driver.cuCtxPopCurrent(&ours); // the caller's context matters more than the reason
  return driver.failure(error, "cuCtxPopCurrent");
}

} // namespace vitrt
