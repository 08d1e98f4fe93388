//===- RuntimeInterpose.cpp - Counts what a run allocates and what stays ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "RuntimeInterpose.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

//===----------------------------------------------------------------------===//
// Counting allocations of this thread, outside the driver
//===----------------------------------------------------------------------===//

namespace interpose {
thread_local bool counting = false;
thread_local int failAllocation = 0, failRead = 0;
std::atomic<int> allocations{0};
int deviceAllocations = 0;
std::atomic<int> live{0};
} // namespace interpose
using namespace interpose;

static void countAllocation() {
  if (counting)
    ++allocations;
}

extern "C" ssize_t pread(int file, void *out, size_t bytes, off_t at) {
  if (failRead && --failRead == 0) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, file, out, bytes, at);
}

#ifdef VITC_TEST_SANITIZED
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*onMalloc)(const volatile void *,
                                                                          size_t),
                                                         void (*onFree)(const volatile void *));
static const int hooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void *, size_t) { countAllocation(); }, [](const volatile void *) {});
#else
/// Counts an allocation; true if it is the one to fail.
static bool fails() {
  countAllocation();
  if (!failAllocation || --failAllocation)
    return false;
  errno = ENOMEM;
  return true;
}

extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *malloc(size_t bytes) { return fails() ? nullptr : __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return fails() ? nullptr : __libc_calloc(count, bytes); }
void *realloc(void *old, size_t bytes) { return fails() ? nullptr : __libc_realloc(old, bytes); }
void *__libc_memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes) {
  return fails() ? nullptr : __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  *out = memalign(alignment, bytes);
  return *out || !bytes ? 0 : ENOMEM;
}
}
#endif

namespace {

/// Neither counts nor fails while the driver works.
struct Pause {
  bool before = std::exchange(counting, false);
  int allocation = std::exchange(failAllocation, 0);
  ~Pause() {
    counting = before;
    failAllocation = allocation;
  }
};

vitrt::Driver realDriver;

/// Any function of the driver, in a pause.
template <auto member> struct Paused;
template <class... Arguments, int (*vitrt::Driver::*member)(Arguments...)> struct Paused<member> {
  static int call(Arguments... arguments) {
    Pause pause;
    return (realDriver.*member)(arguments...);
  }
};
int countedAlloc(vitrt::CUdeviceptr *pointer, size_t bytes) {
  Pause pause;
  ++deviceAllocations;
  return realDriver.cuMemAlloc(pointer, bytes);
}

int countedRetain(vitrt::CUcontext *context, vitrt::CUdevice device) {
  Pause pause;
  int error = realDriver.cuDevicePrimaryCtxRetain(context, device);
  live += !error;
  return error;
}
int countedRelease(vitrt::CUdevice device) {
  Pause pause;
  int error = realDriver.cuDevicePrimaryCtxRelease(device);
  live -= !error;
  return error;
}
int countedModule(vitrt::CUmodule *module, const void *image, unsigned count, int *options,
                  void **values) {
  Pause pause;
  int error = realDriver.cuModuleLoadDataEx(module, image, count, options, values);
  live += !error;
  return error;
}
int countedUnload(vitrt::CUmodule module) {
  Pause pause;
  int error = realDriver.cuModuleUnload(module);
  live -= !error;
  return error;
}
int countedLink(unsigned count, int *options, void **values, vitrt::CUlinkState *state) {
  Pause pause;
  int error = realDriver.cuLinkCreate(count, options, values, state);
  live += !error;
  return error;
}
int countedLinkDestroy(vitrt::CUlinkState state) {
  Pause pause;
  int error = realDriver.cuLinkDestroy(state);
  live -= !error;
  return error;
}
int countedStream(vitrt::CUstream *stream, unsigned flags) {
  Pause pause;
  int error = realDriver.cuStreamCreate(stream, flags);
  live += !error;
  return error;
}
int countedDestroy(vitrt::CUstream stream) {
  Pause pause;
  int error = realDriver.cuStreamDestroy(stream);
  live -= !error;
  return error;
}
int countedGraph(vitrt::CUgraph *graph, unsigned flags) {
  Pause pause;
  int error = realDriver.cuGraphCreate(graph, flags);
  live += !error;
  return error;
}
int countedGraphDestroy(vitrt::CUgraph graph) {
  Pause pause;
  int error = realDriver.cuGraphDestroy(graph);
  live -= !error;
  return error;
}
int countedInstance(vitrt::CUgraphExec *instance, vitrt::CUgraph graph, unsigned long long flags) {
  Pause pause;
  int error = realDriver.cuGraphInstantiate(instance, graph, flags);
  live += !error;
  return error;
}
int countedInstanceDestroy(vitrt::CUgraphExec instance) {
  Pause pause;
  int error = realDriver.cuGraphExecDestroy(instance);
  live -= !error;
  return error;
}

} // namespace

Interposed::Interposed() {
  const vitrt::Driver *driver = nullptr;
  REQUIRE(vitrt::openDriver(driver));
  table = const_cast<vitrt::Driver *>(driver);
  realDriver = *table;
#define VIT_PAUSE(member, symbol, parameters) table->member = Paused<&vitrt::Driver::member>::call;
  VIT_DRIVER_FUNCTIONS(VIT_PAUSE)
  VIT_GRAPH_FUNCTIONS(VIT_PAUSE)
#undef VIT_PAUSE
  if (table->registerRange)
    table->registerRange = Paused<&vitrt::Driver::registerRange>::call;
  if (table->cuFuncLoad)
    table->cuFuncLoad = Paused<&vitrt::Driver::cuFuncLoad>::call;
  if (table->cuMemGetInfo)
    table->cuMemGetInfo = Paused<&vitrt::Driver::cuMemGetInfo>::call;
  table->cuMemAlloc = countedAlloc;
  table->cuDevicePrimaryCtxRetain = countedRetain;
  table->cuDevicePrimaryCtxRelease = countedRelease;
  table->cuModuleLoadDataEx = countedModule;
  table->cuModuleUnload = countedUnload;
  table->cuLinkCreate = countedLink;
  table->cuLinkDestroy = countedLinkDestroy;
  table->cuStreamCreate = countedStream;
  table->cuStreamDestroy = countedDestroy;
  table->cuGraphCreate = countedGraph;
  table->cuGraphDestroy = countedGraphDestroy;
  table->cuGraphInstantiate = countedInstance;
  table->cuGraphExecDestroy = countedInstanceDestroy;
  live = 0;
}

Interposed::~Interposed() { *table = realDriver; }
