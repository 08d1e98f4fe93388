//===- RuntimeInterpose.cpp - Counts what a run allocates and what stays ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "RuntimeInterpose.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <utility>

//===----------------------------------------------------------------------===//
// Counting allocations of this thread, outside the driver
//===----------------------------------------------------------------------===//

namespace interpose {
thread_local bool counting = false;
std::atomic<int> allocations{0};
int deviceAllocations = 0;
int live = 0;
} // namespace interpose
using namespace interpose;

static void countAllocation() {
  if (counting)
    ++allocations;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VITC_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VITC_TEST_SANITIZED
#endif

#ifdef VITC_TEST_SANITIZED
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*onMalloc)(const volatile void *,
                                                                          size_t),
                                                         void (*onFree)(const volatile void *));
static const int hooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void *, size_t) { countAllocation(); }, [](const volatile void *) {});
#else
extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *malloc(size_t bytes) {
  countAllocation();
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  countAllocation();
  return __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
  countAllocation();
  return __libc_realloc(old, bytes);
}
void *__libc_memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes) {
  countAllocation();
  return __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  *out = memalign(alignment, bytes);
  return *out || !bytes ? 0 : ENOMEM;
}
}
#endif

namespace {

/// Does not count while the driver works.
struct Pause {
  bool before = std::exchange(counting, false);
  ~Pause() { counting = before; }
};

vitrt::Driver realDriver;
int pausedLaunch(vitrt::CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                 unsigned by, unsigned bz, unsigned shared, vitrt::CUstream stream,
                 void **parameters, void **extra) {
  Pause pause;
  return realDriver.cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, stream, parameters,
                                   extra);
}
int pausedPush(vitrt::CUcontext context) {
  Pause pause;
  return realDriver.cuCtxPushCurrent(context);
}
int pausedPop(vitrt::CUcontext *context) {
  Pause pause;
  return realDriver.cuCtxPopCurrent(context);
}
int countedAlloc(vitrt::CUdeviceptr *pointer, size_t bytes) {
  ++deviceAllocations;
  return realDriver.cuMemAlloc(pointer, bytes);
}

int countedRetain(vitrt::CUcontext *context, vitrt::CUdevice device) {
  int error = realDriver.cuDevicePrimaryCtxRetain(context, device);
  live += !error;
  return error;
}
int countedRelease(vitrt::CUdevice device) {
  int error = realDriver.cuDevicePrimaryCtxRelease(device);
  live -= !error;
  return error;
}
int countedModule(vitrt::CUmodule *module, const void *image, unsigned count, int *options,
                  void **values) {
  int error = realDriver.cuModuleLoadDataEx(module, image, count, options, values);
  live += !error;
  return error;
}
int countedUnload(vitrt::CUmodule module) {
  int error = realDriver.cuModuleUnload(module);
  live -= !error;
  return error;
}
int countedStream(vitrt::CUstream *stream, unsigned flags) {
  int error = realDriver.cuStreamCreate(stream, flags);
  live += !error;
  return error;
}
int countedDestroy(vitrt::CUstream stream) {
  int error = realDriver.cuStreamDestroy(stream);
  live -= !error;
  return error;
}

} // namespace

Interposed::Interposed() {
  const vitrt::Driver *driver = nullptr;
  REQUIRE(vitrt::openDriver(driver));
  table = const_cast<vitrt::Driver *>(driver);
  realDriver = *table;
  table->cuLaunchKernel = pausedLaunch;
  table->cuCtxPushCurrent = pausedPush;
  table->cuCtxPopCurrent = pausedPop;
  table->cuMemAlloc = countedAlloc;
  table->cuDevicePrimaryCtxRetain = countedRetain;
  table->cuDevicePrimaryCtxRelease = countedRelease;
  table->cuModuleLoadDataEx = countedModule;
  table->cuModuleUnload = countedUnload;
  table->cuStreamCreate = countedStream;
  table->cuStreamDestroy = countedDestroy;
  live = 0;
}

Interposed::~Interposed() { *table = realDriver; }
