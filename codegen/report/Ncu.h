//===- Ncu.h - What Nsight Compute measured of our kernels ------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// `ncu --csv --page raw` writes one row for each launch. The rows of one kernel are joined here by
// its name, which is that of the function in the PTX, and two rules say what they mean: a kernel
// that touches local memory spills; one whose registers bound its blocks below every other resource
// while the tensor cores idle would gain from fewer registers.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_NCU_H
#define CODEGEN_LIBRARY_NCU_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitc::codegen {

/// What was measured of one kernel, over all of its launches in the file.
struct NcuKernel {
  std::string name;
  int launches = 0;
  double localLoads = 0, localStores = 0; ///< instructions executed, summed
  double tensorPercent = 0;               ///< of the tensor pipe's cycles; mean of the launches
  /// Blocks on one SM that each resource allows.
  int byRegisters = 0, bySharedMemory = 0, byWarps = 0, byBlocks = 0;
  std::optional<int> registers;       ///< of a thread
  std::optional<double> microseconds; ///< mean of the launches
};

enum class NcuVerdict { Fine, Spilling, RegisterBound };

/// Below this the tensor cores wait for something, and more warps may hide it.
inline constexpr double ncuBusyTensorPercent = 85;

NcuVerdict judge(const NcuKernel &kernel);
/// The numbers behind the verdict: "registers allow 1 block, every other resource at least 3; ...".
std::string ncuReason(const NcuKernel &kernel);

/// What --metrics of ncu must hold, joined by ','.
std::string ncuMetrics();

/// Reads `text`, the contents of the file `name`. Fails, in one line that names the file, if it is
/// empty, is not of that form, lacks a column, ends in the middle of a row, or holds no kernel.
llvm::Expected<std::vector<NcuKernel>> parseNcu(llvm::StringRef name, llvm::StringRef text);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_NCU_H
