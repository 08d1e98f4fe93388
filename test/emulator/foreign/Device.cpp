//===- Device.cpp - A CUDA driver, opened at run time ------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The driver's ABI is written down here: neither a toolkit nor the emulator's sources are needed.
//
//===----------------------------------------------------------------------===//

#include "Foreign.h"

#include <dlfcn.h>

namespace foreign {

struct Device::Driver {
  int (*init)(unsigned);
  int (*deviceGet)(int *, int);
  int (*deviceGetName)(char *, int, int);
  int (*retain)(void **, int);
  int (*setCurrent)(void *);
  int (*allocate)(uint64_t *, size_t);
  int (*release)(uint64_t);
  int (*upload)(uint64_t, const void *, size_t);
  int (*download)(void *, uint64_t, size_t);
  int (*load)(void **, const void *);
  int (*unload)(void *);
  int (*function)(void **, void *, const char *);
  int (*global)(uint64_t *, size_t *, void *, const char *);
  int (*setAttribute)(void *, int, int);
  int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                void *, void **, void **);
  int (*synchronize)();
  int (*errorText)(int, const char **);
};

Device::Device(const char *library) : driver(new Driver) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw Failure(std::string("expected a driver, found none: ") + dlerror());
  auto find = [&](auto &f, const char *name) {
    void *symbol = dlsym(handle, name);
    if (!symbol)
      throw Failure(std::string(library) + ": expected a driver, found no '" + name + "'");
    memcpy(&f, &symbol, sizeof(symbol));
  };
  Driver &d = *driver;
  find(d.init, "cuInit");
  find(d.deviceGet, "cuDeviceGet");
  find(d.deviceGetName, "cuDeviceGetName");
  find(d.retain, "cuDevicePrimaryCtxRetain");
  find(d.setCurrent, "cuCtxSetCurrent");
  find(d.allocate, "cuMemAlloc_v2");
  find(d.release, "cuMemFree_v2");
  find(d.upload, "cuMemcpyHtoD_v2");
  find(d.download, "cuMemcpyDtoH_v2");
  find(d.load, "cuModuleLoadData");
  find(d.unload, "cuModuleUnload");
  find(d.function, "cuModuleGetFunction");
  find(d.global, "cuModuleGetGlobal_v2");
  find(d.setAttribute, "cuFuncSetAttribute");
  find(d.launch, "cuLaunchKernel");
  find(d.synchronize, "cuCtxSynchronize");
  find(d.errorText, "cuGetErrorString");
  int device = 0;
  void *context = nullptr;
  check(d.init(0), "cuInit");
  check(d.deviceGet(&device, 0), "cuDeviceGet");
  check(d.retain(&context, device), "cuDevicePrimaryCtxRetain");
  check(d.setCurrent(context), "cuCtxSetCurrent");
}

void Device::check(int result, const std::string &what) {
  if (!result)
    return;
  const char *text = nullptr;
  driver->errorText(result, &text);
  throw Failure(what + ": " + (text ? text : "error " + std::to_string(result)));
}

std::string Device::name() {
  char text[128] = "";
  check(driver->deviceGetName(text, sizeof(text), 0), "cuDeviceGetName");
  return text;
}
uint64_t Device::allocate(size_t bytes) {
  uint64_t pointer = 0;
  check(driver->allocate(&pointer, bytes), "cuMemAlloc of " + std::to_string(bytes) + " bytes");
  return pointer;
}
void Device::free(uint64_t pointer) { driver->release(pointer); }
void Device::upload(uint64_t to, const void *from, size_t bytes) {
  check(driver->upload(to, from, bytes), "cuMemcpyHtoD");
}
void Device::download(void *to, uint64_t from, size_t bytes) {
  check(driver->download(to, from, bytes), "cuMemcpyDtoH");
}
void *Device::load(const std::string &ptx) {
  void *module = nullptr;
  check(driver->load(&module, ptx.c_str()), "cuModuleLoadData");
  return module;
}
void Device::unload(void *module) { driver->unload(module); }

uint64_t Device::variable(void *module, const char *name, size_t bytes) {
  uint64_t pointer = 0;
  size_t found = 0;
  check(driver->global(&pointer, &found, module, name), std::string("variable '") + name + "'");
  if (found < bytes)
    throw Failure(std::string("variable '") + name + "': expected " + std::to_string(bytes) +
                  " bytes, found " + std::to_string(found));
  return pointer;
}

void Device::launch(void *module, const char *kernel, const unsigned *grid, const unsigned *block,
                    unsigned shared, void **arguments) {
  void *function = nullptr;
  std::string name = std::string("kernel '") + kernel + "'";
  constexpr int maxDynamicShared = 8;
  check(driver->function(&function, module, kernel), name);
  if (shared > 48 * 1024)
    check(driver->setAttribute(function, maxDynamicShared, int(shared)), name);
  check(driver->launch(function, grid[0], grid[1], grid[2], block[0], block[1], block[2], shared,
                       nullptr, arguments, nullptr),
        name);
  check(driver->synchronize(), name);
}

Case::Case(Device &device, std::string name, std::string ptx, const Results *other)
    : device(device), name(std::move(name)), ptx(std::move(ptx)), other(other) {
  for (char letter : this->name)
    generator.seed(generator() + uint64_t(letter));
  module = device.load(this->ptx);
}

Case::~Case() {
  for (uint64_t pointer : buffers)
    device.free(pointer);
  device.unload(module);
}

Buffer Case::memory(size_t bytes) {
  Buffer b{device.allocate(bytes), bytes};
  buffers.push_back(b.address);
  return b;
}

/// From `// threads=128 shared=4096`, the file's first line.
unsigned Case::tritonValue(const char *key) const {
  std::string line = ptx.substr(0, ptx.find('\n')), wanted = std::string(" ") + key + "=";
  size_t at = line.find(wanted);
  if (at == line.npos)
    throw Failure(name + ": expected '" + wanted + "' in the first line");
  return unsigned(std::stoul(line.substr(at + wanted.size())));
}

std::vector<Entry> &entries() {
  static std::vector<Entry> all;
  return all;
}

} // namespace foreign
