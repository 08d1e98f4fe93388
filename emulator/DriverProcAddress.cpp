//===- DriverProcAddress.cpp - cuGetProcAddress ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Callers name functions without their version suffix and get the newest; names are looked up in
// this library itself, so that the list of functions is written only once.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"

#include <cstring>
#include <dlfcn.h>

using namespace vitc::emu;

VIT_EXPORT CUresult cuGetProcAddress_v2(const char *symbol, void **out, int, uint64_t,
                                        int *status) {
  if (!symbol || !out)
    return CUDA_ERROR_INVALID_VALUE;
  Dl_info self;
  void *library = nullptr;
  if (dladdr(reinterpret_cast<void *>(&cuGetProcAddress_v2), &self))
    library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  *out = nullptr;
  for (const char *suffix : {"_v2", ""})
    if (!*out && library && !strncmp(symbol, "cu", 2))
      *out = dlsym(library, (std::string(symbol) + suffix).c_str());
  if (library)
    dlclose(library);
  if (status)
    *status = *out ? 0 : 1; // CU_GET_PROC_ADDRESS_SUCCESS, ..._SYMBOL_NOT_FOUND
  return *out ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
VIT_EXPORT CUresult cuGetProcAddress(const char *symbol, void **out, int version, uint64_t flags) {
  return cuGetProcAddress_v2(symbol, out, version, flags, nullptr);
}
