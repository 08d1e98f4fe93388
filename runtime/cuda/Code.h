//===- Code.h - Machine code, else PTX -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_CODE_H
#define VITC_RUNTIME_CUDA_CODE_H

#include "runtime/Backend.h"
#include "runtime/cuda/Device.h"

namespace vitrt {

/// One kernel function on the device.
struct LoadedCode {
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  bool machineCode = false; // else the driver compiled the PTX
  std::string refusal;      // why not machine code, as a clause, or empty
};

/// Loads one kernel into the current context: machine code if the library has some that the driver
/// takes on the device, else PTX. An entry of `ptx`, which may be empty, replaces it. On failure
/// nothing stays behind.
Status loadCode(const Device &device, const vit_kernel &kernel, const std::string &ptx,
                LoadedCode &out);
/// Whether machine code will be tried.
bool hasMachineCode(const Device &device, const vit_kernel &kernel, std::string_view ptx);

/// True if PTX text has an entry of this name.
bool hasEntry(std::string_view ptx, std::string_view name);

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_CODE_H
