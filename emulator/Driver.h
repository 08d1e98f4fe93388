//===- Driver.h - The driver API's types and this driver's state ----------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The ABI is declared here rather than taken from a CUDA toolkit, which need not be installed.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_DRIVER_H
#define VITC_EMULATOR_DRIVER_H

#include "Launch.h"

#include <chrono>
#include <functional>
#include <sys/types.h>

#define VIT_EXPORT extern "C" __attribute__((visibility("default")))

enum CUresult : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_DEINITIALIZED = 4,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_UNKNOWN = 999
};

using CUdevice = int;
using CUdeviceptr = unsigned long long;
struct CUctx_st {};
struct CUmod_st {
  std::unique_ptr<vitc::emu::Module> module;
};
struct CUfunc_st {
  CUmod_st *owner = nullptr;
  const vitc::emu::Function *function = nullptr;
  std::atomic<int> maximumDynamic{0};
};
struct CUstream_st {};
struct CUevent_st {
  std::atomic<bool> recorded{false};
  std::atomic<uint64_t> work{0}; ///< of the queue: what records it
  std::chrono::steady_clock::time_point time;
};
using CUcontext = CUctx_st *;
using CUmodule = CUmod_st *;
using CUfunction = CUfunc_st *;
using CUstream = CUstream_st *;
using CUevent = CUevent_st *;

namespace vitc::emu {

constexpr int multiprocessors = 128, threadsPerBlock = 1024, threadsPerMultiprocessor = 1536;
constexpr int blocksPerMultiprocessor = 24;
constexpr int sharedPerBlock = 48 * 1024, sharedPerBlockOptIn = 99 * 1024;
constexpr int sharedPerMultiprocessor = 100 * 1024, sharedReserved = 1024;
constexpr uint64_t deviceMemory = 24ull << 30;

/// One device, one primary context. `mutex` guards all but the atomics and `memory`. As a driver it
/// works in the process that initialised it, and until that exits.
struct Driver {
  std::mutex mutex;
  bool initialised = false;
  Options options;
  std::string environment;
  GlobalMemory memory{deviceMemory};
  CUctx_st primary;
  unsigned retained = 0;
  std::map<CUmodule, std::unique_ptr<CUmod_st>> modules;
  std::map<CUfunction, std::unique_ptr<CUfunc_st>> functions;
  std::map<CUstream, std::unique_ptr<CUstream_st>> streams;
  std::map<CUevent, std::unique_ptr<CUevent_st>> events;
  std::atomic<uint64_t> calls{0}, launches{0}, failCall{0};
  std::atomic<unsigned> failCode{0}, sm{89}, version{13000};
  std::atomic<pid_t> owner{0}; ///< the process that initialised it; 0: none yet
  std::atomic<bool> exiting{false};

  static Driver &get();
};

/// What waits for its turn, with async=N. Never destroyed, as the driver.
class Queue;
Queue &queue();

/// Takes options in place of those before, with everything that they say.
void take(Driver &driver, const Options &options);

/// Counts a call and decides whether it is the one to fail.
CUresult enter(CUresult injected = CUDA_ERROR_UNKNOWN);
/// As enter, for calls that need a current context.
CUresult enterContext(CUresult injected = CUDA_ERROR_UNKNOWN);
/// Streams 0 (default), 1 (legacy) and 2 (per thread) always exist. Call with the mutex held.
bool knownStream(const Driver &driver, CUstream stream);

/// Does the work now, or where it belongs on a stream that is known: into its capture or the queue.
CUresult order(CUstream stream, const std::function<CUresult()> &work);
/// Takes the mutex.
CUresult checkStream(CUstream stream);
/// Writes the work down if the stream is captured.
bool capture(CUstream stream, const std::function<CUresult()> &work);
/// The error of who waits for a stream that is captured, and ends the capture so.
CUresult refuseWait(CUstream stream);

#define VIT_ENTER(...)                                                                             \
  if (CUresult entered = vitc::emu::enter(__VA_ARGS__); entered != CUDA_SUCCESS)                   \
  return entered
#define VIT_ENTER_CONTEXT(...)                                                                     \
  if (CUresult entered = vitc::emu::enterContext(__VA_ARGS__); entered != CUDA_SUCCESS)            \
  return entered

} // namespace vitc::emu

#endif // VITC_EMULATOR_DRIVER_H
