//===- DriverLaunch.h - A launch that waits to be done --------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a call of cuLaunchKernel says, and a kernel node of a graph: checked and copied when it is
// said, done as often as it is wanted.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_DRIVERLAUNCH_H
#define VITC_EMULATOR_DRIVERLAUNCH_H

#include "DriverQueue.h"

/// CUDA_KERNEL_NODE_PARAMS as it was before CUDA 12; the later one begins with it.
struct CUkernelNodeParams {
  CUfunction function;
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  void **arguments;
  void **extra;
};

namespace vitc::emu {

/// As enterContext, for calls that take what their thread has registered.
CUresult enterLaunch(CUresult injected = CUDA_ERROR_UNKNOWN);
#define VIT_ENTER_LAUNCH(...)                                                                      \
  if (CUresult entered = vitc::emu::enterLaunch(__VA_ARGS__); entered != CUDA_SUCCESS)             \
  return entered

void apply(const std::vector<Registration> &registrations);

struct KernelLaunch {
  CUfunction function = nullptr;
  Geometry geometry;
  std::vector<uint8_t> parameters;
  std::vector<Registration> registrations; ///< take effect whenever it is done

  /// Takes everything from what a caller said, or says what the driver refuses. What the thread
  /// has registered since its last launch becomes the launch's, refused or not.
  static CUresult make(const CUkernelNodeParams &said, KernelLaunch &out);
  CUresult run(const Options &options) const;
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_DRIVERLAUNCH_H
