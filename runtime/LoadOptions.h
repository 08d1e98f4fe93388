//===- LoadOptions.h - What a load may be told -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_LOADOPTIONS_H
#define VITC_RUNTIME_LOADOPTIONS_H

#include <cstdint>
#include <functional>
#include <string>

namespace vitrt {

/// What a load may be asked for beyond the C API.
struct LoadOptions {
  std::string ptx = {}; ///< text whose entries replace the library's kernels of the same names
  /// Weights with infinities or NaN, with values that the stored type turns into infinities, or
  /// with nothing but values that it turns into zeros, are an error; with this each is told to
  /// `warn`, in the same words, and loaded.
  bool allowNonfinite = false;
  std::function<void(const std::string &)> warn = {}; ///< may be empty
  std::string isa = {}; ///< of code for CPUs: "avx2"; empty: VIT_CPU_ISA's, or the best
  /// Weights that are made already, in the host's memory, which outlives the model: the bytes of
  /// arenaPart(). No source is asked then.
  const uint8_t *arena = nullptr;
};

} // namespace vitrt
#endif // VITC_RUNTIME_LOADOPTIONS_H
