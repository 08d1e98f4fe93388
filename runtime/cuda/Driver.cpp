//===- Driver.cpp - The CUDA driver, opened at run time --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Device.h"

#include <atomic>
#include <dlfcn.h>
#include <link.h>
#include <mutex>
#include <sys/auxv.h>
#include <unistd.h>

namespace vitrt {
namespace {

// Nothing here has a destructor: models are loaded and freed in exit handlers, too.
std::mutex mutex;
char path[4096] = "libcuda.so.1"; // guarded by mutex, as the rest
void *library = nullptr;          // open for ever, as the driver expects
Driver table;
bool ready = false;

// The process that opened the driver or is about to: a child that it forks has neither a driver nor
// the thread that will unlock the mutex.
std::atomic<pid_t> owner{0};
std::atomic<int> attempts{0};

Status forkedStatus() {
  return {VIT_DEVICE_ERROR,
          "process " + std::to_string(getpid()) + " was forked after process " +
              std::to_string(owner.load()) +
              " had opened the CUDA driver, which does not work in a child; load models after the "
              "fork, or start the process with exec (Python: the start method 'spawn')"};
}

bool hasInterpreter(const ElfW(Phdr) * headers, size_t count) {
  for (size_t i = 0; i != count; ++i)
    if (headers[i].p_type == PT_INTERP)
      return true;
  return false;
}

/// In a program without a dynamic linker dlopen brings a second C library, and crashes in it.
bool isStaticProgram() {
  // The kernel says where the program is, whatever namespace (dlmopen) this code was loaded into;
  // where the linker was started as the program, only the linker knows.
  auto *program = reinterpret_cast<const ElfW(Phdr) *>(getauxval(AT_PHDR));
  if (program && hasInterpreter(program, getauxval(AT_PHNUM)))
    return false;
  bool interpreted = false;
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *out) {
        *static_cast<bool *>(out) = hasInterpreter(info->dlpi_phdr, info->dlpi_phnum);
        return 1; // the program is the first
      },
      &interpreted);
  return !interpreted;
}

/// Fills the table from the library.
Status bind() {
  const char *missing = nullptr;
#define VIT_BIND(member, symbol, parameters)                                                       \
  table.member = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #symbol));                \
  if (!table.member)                                                                               \
    missing = missing ? missing : #symbol;
  VIT_DRIVER_FUNCTIONS(VIT_BIND)
  if (missing)
    return {VIT_DEVICE_ERROR,
            std::string(path) + " has no " + missing + "; install a newer NVIDIA driver"};
  VIT_GRAPH_FUNCTIONS(VIT_BIND)
#undef VIT_BIND
  table.missingOfGraphs = missing;
  table.cuFuncLoad = reinterpret_cast<CUresult (*)(CUfunction)>(dlsym(library, "cuFuncLoad"));
  table.cuMemGetInfo =
      reinterpret_cast<CUresult (*)(size_t *, size_t *)>(dlsym(library, "cuMemGetInfo_v2"));
  table.registerRange = reinterpret_cast<int (*)(uint64_t, size_t, const char *, int)>(
      dlsym(library, "vitEmuRegister"));
  return {};
}

Status openLocked() {
  if (!library && isStaticProgram())
    return {VIT_DEVICE_ERROR, "the program is linked with -static, expected a dynamic one: the "
                              "NVIDIA driver is a shared library; link without -static and "
                              "-static-pie (-static-libstdc++ and -static-libgcc are fine)"};
  if (!library && !(library = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
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
  return {};
}

} // namespace

void setDriverPath(const std::string &newPath) {
  std::lock_guard lock(mutex);
  path[newPath.copy(path, sizeof path - 1)] = 0;
}

bool isForked() {
  pid_t opener = owner.load();
  return attempts.load() != 0 && opener != getpid();
}

Status openDriver(const Driver *&out) {
  if (isForked())
    return forkedStatus();
  owner = getpid();
  ++attempts; // from here on, what is forked is refused
  Status opened;
  {
    std::lock_guard lock(mutex);
    opened = openLocked();
  }
  if (!opened)
    --attempts;
  out = &table;
  return opened;
}

Status Driver::failure(CUresult error, const char *call, const std::string &about) const {
  if (isForked())
    return forkedStatus();
  std::string message =
      std::string(call) + (about.empty() ? "" : ", " + about) + ": " + words(error);
  if (std::string advice = adviceFor(error); !advice.empty())
    message += "; " + advice;
  return {error == cudaOutOfMemory ? VIT_OUT_OF_MEMORY : VIT_DEVICE_ERROR, std::move(message)};
}

std::string Driver::words(CUresult error) const {
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(error, &name);
  cuGetErrorString(error, &text);
  std::string words = name ? std::string(name) : "error " + std::to_string(error);
  words += text ? std::string(": ") + text : "";
  if (words.back() == '.') // some of them have one
    words.pop_back();
  return words;
}

Status ContextScope::enter(CUcontext context) {
  if (isForked())
    return forkedStatus();
  if (CUresult error = device.driver->cuCtxPushCurrent(context))
    return device.failure(error, "cuCtxPushCurrent");
  entered = true;
  return {};
}

Status ContextScope::leave() {
  if (!entered)
    return {};
  entered = false;
  CUcontext ours;
  CUresult error = device.driver->cuCtxPopCurrent(&ours);
  if (!error)
    return {};
  device.driver->cuCtxPopCurrent(&ours); // the caller's context matters more than the reason
  return device.failure(error, "cuCtxPopCurrent");
}

} // namespace vitrt
