//===- Functions.h - The kernel functions of a model -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library has functions for each range of batches, and compiling the PTX of one
// takes the driver a sixth of a second. So they are loaded when somebody creates a
// workspace that reaches the range, several at a time.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_FUNCTIONS_H
#define VITC_RUNTIME_CUDA_FUNCTIONS_H

#include "runtime/cuda/Code.h"

#include <mutex>
#include <span>

namespace vitrt {

class Functions {
public:
  explicit Functions(const Device &device) : device(device) {}

  /// Entries of `ptx`, which may be empty, replace kernels of the same names. Loads nothing.
  Status open(CUcontext context, const vit_target &target, const std::string &ptx);
  /// Loads what batches of 1 to maxBatch run and is not there yet. Any thread; what failed can be
  /// tried again.
  Status load(const SizedPlan &sized, int maxBatch);
  /// The context is current.
  void unload();
  /// Which code runs, and of what is not loaded yet: which will, if the device takes it as it took
  /// the rest.
  void describe(BackendText &texts) const;

  const vit_kernel &kernel(uint32_t i) const { return kernels[i]; }
  /// Of a kernel that was loaded before the workspace which runs it was there: it stays as it is.
  CUfunction function(uint32_t i) const { return loaded[i].function; }

private:
  Status checkPtx() const;
  Status loadAll(std::span<const uint32_t> wanted);

  const Device &device;
  CUcontext context = nullptr;
  std::span<const vit_kernel> kernels;
  std::string ptx;
  std::mutex mutex;               // of loading
  std::vector<LoadedCode> loaded; // of the kernels
};

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_FUNCTIONS_H
