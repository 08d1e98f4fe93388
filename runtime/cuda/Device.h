//===- Device.h - A device, and what its failures say ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_DEVICE_H
#define VITC_RUNTIME_CUDA_DEVICE_H

#include "runtime/cuda/Driver.h"
#include "vit/library.h"

namespace vitrt {

/// What a kernel of a CUDA target is made of.
inline const vit_cuda_code &codeOf(const vit_kernel &kernel) {
  return *static_cast<const vit_cuda_code *>(kernel.code);
}

/// What PTX text says of itself in its first lines; 0 where it says nothing.
struct PtxHeader {
  int version = 0;             ///< 78 for ".version 7.8"
  int target = 0;              ///< 89 for ".target sm_89"
  bool onlyThatTarget = false; ///< ".target sm_90a": runs on nothing newer either
  std::string targetText;      ///< "sm_89"
};
PtxHeader readPtxHeader(std::string_view ptx);

/// A device of the driver with what a user must know when a call fails: the texts of all failures
/// end in its name, the driver's version and what the library was built for.
struct Device {
  const Driver *driver = nullptr;
  CUdevice handle = 0;
  int major = 0, minor = 0; ///< compute capability
  int version = 0;          ///< of the driver: 13000 for CUDA 13.0
  std::string name;         ///< "NVIDIA GeForce RTX 4090"
  std::string built;        ///< "sm_89": what the library has code for; empty: not known yet

  std::string arch() const { return "sm_" + std::to_string(number()); } ///< "sm_89"
  int number() const { return major * 10 + minor; }
  std::string versionText() const; ///< "13.0"

  /// "NVIDIA GeForce RTX 3090 (sm_86), driver for CUDA 12.2, library built for sm_89"
  std::string text() const;
  /// The status of a failed call: call, what about, the driver's words, what to do, and text().
  Status failure(CUresult error, const char *call, const std::string &about = {}) const;

  /// PTX that this device or driver cannot take, before the driver is asked; else success.
  Status refusePtx(const PtxHeader &ptx) const;
  /// The least driver for a version of PTX: "for CUDA 11.8 (R520)".
  static std::string leastDriver(int ptxVersion);
};

/// The architectures that a target has code for: "sm_89", "sm_89 and sm_90".
std::string builtFor(const vit_target &target);

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_DEVICE_H
