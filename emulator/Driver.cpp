//===- Driver.cpp - Initialisation, device, contexts ----------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Poses as one sm_89 device. Limits and error codes are those of the driver, so that what it would
// refuse is refused here.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "DriverQueue.h"
#include "vit_emulator.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace vitc::emu;

/// Never destroyed: other libraries may call in from their own exit handlers.
Driver &Driver::get() {
  static Driver &driver = *new Driver;
  return driver;
}

Queue &vitc::emu::queue() {
  static Queue &queue = *new Queue;
  return queue;
}

void vitc::emu::take(Driver &driver, const Options &options) {
  queue().configure(options.async);
  driver.options = options;
  driver.failCode = options.failCode;
  driver.failCall = options.failCall;
  driver.sm = options.sm;
  driver.version = options.driver;
}

/// How many times the primary context, which is the only one, lies on this thread's stack. A
/// number, for it is read after destructors of a thread's objects have run.
static thread_local unsigned contextDepth;

static bool isDead(const Driver &driver, CUresult &error) {
  if (driver.exiting)
    error = CUDA_ERROR_DEINITIALIZED;
  else if (pid_t owner = driver.owner; owner && owner != getpid())
    error = CUDA_ERROR_NOT_INITIALIZED;
  else
    return false;
  return true;
}

/// Also says what a call may not even begin with: after the exit handler of the driver has run, and
/// in the child of a process that had initialised it.
static CUresult count(CUresult injected) {
  Driver &driver = Driver::get();
  if (CUresult error; isDead(driver, error)) {
    if (error ==
        CUDA_ERROR_NOT_INITIALIZED) // others have crashed in calls that only free something
      fputs("vitc emulator: a call of the driver in a process forked from one that used it\n",
            stderr);
    return error;
  }
  uint64_t call = driver.calls.fetch_add(1) + 1;
  if (call != driver.failCall.load())
    return CUDA_SUCCESS;
  unsigned code = driver.failCode;
  return code ? CUresult(code) : injected;
}

CUresult vitc::emu::enter(CUresult injected) {
  if (CUresult failed = count(injected); failed != CUDA_SUCCESS)
    return failed;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.initialised ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult vitc::emu::enterContext(CUresult injected) {
  VIT_ENTER(injected);
  if (!contextDepth)
    return CUDA_ERROR_INVALID_CONTEXT;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.retained ? CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

/// Options from text; says what is wrong with them. A report that nobody could read later is one.
static bool readOptions(const char *text, Options &options) {
  std::string error;
  bool good = options.parse(text, error);
  if (good && !options.report.empty()) {
    FILE *file = fopen(options.report.c_str(), "a");
    if (!file)
      error =
          "VITC_EMULATOR: report '" + options.report + "' cannot be written: " + strerror(errno);
    else
      fclose(file);
    good = file;
  }
  if (!good)
    fprintf(stderr, "%s\n", error.c_str());
  return good;
}

VIT_EXPORT CUresult cuInit(unsigned flags) {
  Driver &driver = Driver::get();
  if (CUresult error; isDead(driver, error))
    return error;
  const char *text = getenv("VITC_EMULATOR");
  std::string environment = text ? text : "";
  {
    std::lock_guard lock(driver.mutex);
    if (environment != driver.environment) {
      Options options;
      if (!readOptions(environment.c_str(), options))
        return CUDA_ERROR_INVALID_VALUE;
      driver.environment = environment;
      take(driver, options);
    }
  }
  if (CUresult failed = count(CUDA_ERROR_UNKNOWN); failed != CUDA_SUCCESS)
    return failed;
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard lock(driver.mutex);
  if (!driver.initialised)
    atexit([] { Driver::get().exiting = true; }); // as drivers do
  driver.initialised = true;
  driver.owner = getpid();
  return CUDA_SUCCESS;
}

VIT_EXPORT int vitEmuConfigure(const char *text) {
  Driver &driver = Driver::get();
  Options options;
  if (!readOptions(text, options))
    return 1;
  std::lock_guard lock(driver.mutex);
  driver.calls = 0;
  take(driver, options);
  return 0;
}

VIT_EXPORT uint64_t vitEmuLaunchCount(void) { return Driver::get().launches; }
VIT_EXPORT uint64_t vitEmuCallCount(void) { return Driver::get().calls; }

VIT_EXPORT CUresult cuDriverGetVersion(int *version) {
  if (CUresult failed = count(CUDA_ERROR_UNKNOWN); failed != CUDA_SUCCESS)
    return failed;
  if (!version)
    return CUDA_ERROR_INVALID_VALUE;
  *version = int(Driver::get().version);
  return CUDA_SUCCESS;
}

namespace {
struct ErrorText {
  CUresult code;
  const char *name, *text;
};
const ErrorText errorTexts[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_DEINITIALIZED, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain."},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
     "too many resources requested for launch"},
    {CUDA_ERROR_CONTEXT_IS_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"}};
} // namespace

static CUresult errorText(CUresult code, const char **out, const char *ErrorText::*field) {
  if (!out)
    return CUDA_ERROR_INVALID_VALUE;
  *out = nullptr;
  for (const ErrorText &entry : errorTexts)
    if (entry.code == code)
      *out = entry.*field;
  return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
VIT_EXPORT CUresult cuGetErrorName(CUresult code, const char **out) {
  return errorText(code, out, &ErrorText::name);
}
VIT_EXPORT CUresult cuGetErrorString(CUresult code, const char **out) {
  return errorText(code, out, &ErrorText::text);
}

VIT_EXPORT CUresult cuDeviceGetCount(int *count) {
  VIT_ENTER();
  if (!count)
    return CUDA_ERROR_INVALID_VALUE;
  *count = 1;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  VIT_ENTER();
  if (!device)
    return CUDA_ERROR_INVALID_VALUE;
  if (ordinal != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  *device = 0;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  VIT_ENTER();
  if (!name || length < 1)
    return CUDA_ERROR_INVALID_VALUE;
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  snprintf(name, size_t(length), "vitc PTX emulator (sm_%u)", unsigned(Driver::get().sm));
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  VIT_ENTER();
  if (!bytes)
    return CUDA_ERROR_INVALID_VALUE;
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  *bytes = deviceMemory;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  VIT_ENTER();
  // By the numbers of CUdevice_attribute.
  static const auto &values =
      *new std::map<int, int>{{1, threadsPerBlock}, // MAX_THREADS_PER_BLOCK
                              {2, 1024},
                              {3, 1024},
                              {4, 64}, // MAX_BLOCK_DIM_X, Y, Z
                              {5, 2147483647},
                              {6, 65535},
                              {7, 65535},            // MAX_GRID_DIM_X, Y, Z
                              {8, sharedPerBlock},   // MAX_SHARED_MEMORY_PER_BLOCK
                              {9, 65536},            // TOTAL_CONSTANT_MEMORY
                              {10, 32},              // WARP_SIZE
                              {11, 2147483647},      // MAX_PITCH
                              {12, 65536},           // MAX_REGISTERS_PER_BLOCK
                              {13, 2520000},         // CLOCK_RATE
                              {14, 512},             // TEXTURE_ALIGNMENT
                              {15, 1},               // GPU_OVERLAP
                              {16, multiprocessors}, // MULTIPROCESSOR_COUNT
                              {19, 1},               // CAN_MAP_HOST_MEMORY
                              {31, 1},               // CONCURRENT_KERNELS
                              {36, 10501000},
                              {37, 384},      // MEMORY_CLOCK_RATE, GLOBAL_MEMORY_BUS_WIDTH
                              {38, 72 << 20}, // L2_CACHE_SIZE
                              {39, threadsPerMultiprocessor},
                              {40, 2}, // ASYNC_ENGINE_COUNT
                              {41, 1}, // UNIFIED_ADDRESSING
                              {78, 1}, // STREAM_PRIORITIES_SUPPORTED
                              {81, sharedPerMultiprocessor},
                              {82, 65536}, // MAX_REGISTERS_PER_MULTIPROCESSOR
                              {97, sharedPerBlockOptIn},
                              {106, blocksPerMultiprocessor},
                              {111, sharedReserved}};
  if (!value || attribute < 1 || attribute > 200)
    return CUDA_ERROR_INVALID_VALUE;
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  if (attribute == 75 || attribute == 76) { // COMPUTE_CAPABILITY_MAJOR, MINOR
    int sm = int(Driver::get().sm);
    *value = attribute == 75 ? sm / 10 : sm % 10;
    return CUDA_SUCCESS;
  }
  auto it = values.find(attribute);
  *value = it == values.end() ? 0 : it->second;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  VIT_ENTER(CUDA_ERROR_OUT_OF_MEMORY);
  if (!context)
    return CUDA_ERROR_INVALID_VALUE;
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  ++driver.retained;
  *context = &driver.primary;
  return CUDA_SUCCESS;
}

/// The last release destroys the context and everything in it, as the driver does.
VIT_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  VIT_ENTER();
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!driver.retained)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (--driver.retained)
    return CUDA_SUCCESS;
  queue().finishAll();
  driver.functions.clear();
  driver.modules.clear();
  driver.streams.clear();
  driver.events.clear();
  for (const Range &range : driver.memory.snapshot())
    driver.memory.release(range.begin);
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxGetCurrent(CUcontext *context) {
  VIT_ENTER();
  if (!context)
    return CUDA_ERROR_INVALID_VALUE;
  *context = contextDepth ? &Driver::get().primary : nullptr;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  VIT_ENTER();
  if (context && context != &Driver::get().primary)
    return CUDA_ERROR_INVALID_CONTEXT;
  contextDepth -= contextDepth != 0;
  contextDepth += context != nullptr;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxPushCurrent_v2(CUcontext context) {
  VIT_ENTER();
  if (context != &Driver::get().primary)
    return CUDA_ERROR_INVALID_CONTEXT;
  ++contextDepth;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  VIT_ENTER();
  if (!contextDepth)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (context)
    *context = &Driver::get().primary;
  --contextDepth;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxGetDevice(CUdevice *device) {
  VIT_ENTER_CONTEXT();
  if (!device)
    return CUDA_ERROR_INVALID_VALUE;
  *device = 0;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuCtxSynchronize(void) {
  VIT_ENTER_CONTEXT();
  return queue().finishAll();
}
