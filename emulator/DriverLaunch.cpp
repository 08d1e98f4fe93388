//===- DriverLaunch.cpp - Launches of kernels -----------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "DriverLaunch.h"

#include <cstring>

using namespace vitc::emu;

/// Copies the arguments into the layout of the parameters; `extra` is the packed form.
static CUresult gather(const Function &f, void **arguments, void **extra,
                       std::vector<uint8_t> &out) {
  out.assign(f.parameterBytes, 0);
  if (f.parameters.empty())
    return CUDA_SUCCESS;
  if (arguments && extra)
    return CUDA_ERROR_INVALID_VALUE;
  if (arguments) {
    for (size_t i = 0; i < f.parameters.size(); ++i) {
      if (!arguments[i])
        return CUDA_ERROR_INVALID_VALUE;
      memcpy(out.data() + f.parameters[i].offset, arguments[i], f.parameters[i].bytes);
    }
    return CUDA_SUCCESS;
  }
  const void *buffer = nullptr;
  size_t size = 0;
  for (size_t i = 0; extra && extra[i]; i += 2) { // 0 ends, 1 is the buffer, 2 its size
    if (reinterpret_cast<uintptr_t>(extra[i]) == 1)
      buffer = extra[i + 1];
    else if (reinterpret_cast<uintptr_t>(extra[i]) == 2)
      size = *static_cast<size_t *>(extra[i + 1]);
    else
      return CUDA_ERROR_INVALID_VALUE;
  }
  if (!buffer || size != out.size())
    return CUDA_ERROR_INVALID_VALUE;
  memcpy(out.data(), buffer, size);
  return CUDA_SUCCESS;
}

static CUresult checkGeometry(const CUfunc_st &function, const Geometry &g) {
  const uint32_t blockLimit[3] = {1024, 1024, 64}, gridLimit[3] = {0x7fffffff, 65535, 65535};
  uint64_t threads = 1, ctas = 1;
  for (unsigned i = 0; i < 3; ++i) {
    if (!g.block[i] || g.block[i] > blockLimit[i] || !g.grid[i] || g.grid[i] > gridLimit[i])
      return CUDA_ERROR_INVALID_VALUE;
    threads *= g.block[i];
    ctas *= g.grid[i];
  }
  const Function &f = *function.function;
  if (threads > uint64_t(threadsPerBlock) ||
      g.dynamicShared > uint32_t(function.maximumDynamic.load()))
    return CUDA_ERROR_INVALID_VALUE;
  if (f.requiredThreads[0] &&
      (g.block[0] != f.requiredThreads[0] || g.block[1] != f.requiredThreads[1] ||
       g.block[2] != f.requiredThreads[2]))
    return CUDA_ERROR_INVALID_VALUE;
  if (threads > f.maximumThreads)
    return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  return ctas < 0xfffffffeull ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
}

CUresult vitc::emu::enterLaunch(CUresult injected) {
  CUresult entered = enterContext(injected);
  if (entered != CUDA_SUCCESS)
    queue().takeRegistrations(); // they were this call's
  return entered;
}

void vitc::emu::apply(const std::vector<Registration> &registrations) {
  for (const Registration &one : registrations)
    Driver::get().memory.registerBuffer(one.ptr, one.bytes, one.name, one.fresh);
}

CUresult KernelLaunch::make(const CUkernelNodeParams &said, KernelLaunch &out) {
  out.function = said.function;
  out.registrations = queue().takeRegistrations();
  Geometry &geometry = out.geometry;
  geometry.grid[0] = said.gridX, geometry.grid[1] = said.gridY, geometry.grid[2] = said.gridZ;
  geometry.block[0] = said.blockX, geometry.block[1] = said.blockY;
  geometry.block[2] = said.blockZ;
  geometry.dynamicShared = said.sharedBytes;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!driver.functions.count(said.function))
    return CUDA_ERROR_INVALID_HANDLE;
  if (CUresult bad = checkGeometry(*said.function, geometry); bad != CUDA_SUCCESS)
    return bad;
  return gather(*said.function->function, said.arguments, said.extra, out.parameters);
}

CUresult KernelLaunch::run(const Options &options) const {
  apply(registrations);
  LaunchResult result =
      launch(*function->owner->module, *function->function, geometry, parameters, options);
  if (result.findings.empty())
    return CUDA_SUCCESS;
  for (const Finding &finding : result.findings)
    if (finding.kind == Kind::OutOfBounds || finding.kind == Kind::Misaligned)
      return CUDA_ERROR_ILLEGAL_ADDRESS;
  return CUDA_ERROR_LAUNCH_FAILED;
}

VIT_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY,
                                   unsigned gridZ, unsigned blockX, unsigned blockY,
                                   unsigned blockZ, unsigned sharedBytes, CUstream stream,
                                   void **arguments, void **extra) {
  VIT_ENTER_LAUNCH();
  KernelLaunch launch;
  if (CUresult bad = KernelLaunch::make(
          {function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, arguments, extra},
          launch);
      bad != CUDA_SUCCESS)
    return bad;
  if (CUresult unknown = checkStream(stream); unknown != CUDA_SUCCESS)
    return unknown;
  Driver &driver = Driver::get();
  Options options;
  {
    std::lock_guard lock(driver.mutex);
    options = driver.options;
  }
  ++driver.launches;
  return order(stream, [launch = std::move(launch), options] { return launch.run(options); });
}
