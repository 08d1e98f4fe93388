//===- CpuCode.h - From kernels in IR to code of a CPU ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_CPUCODE_H
#define CODEGEN_CPU_CPUCODE_H

#include "passes/cost/Geometry.h"
#include "vit/library.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
}

namespace vitc::codegen {

/// What code for CPUs and the data of libraries are written by. Any thread.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createCpuMachine();

/// A kernel as a function of tiles, in all forms alike.
struct CpuFunction {
  std::string kernel; ///< symbol of the vit.kernel
  std::string name;   ///< of the function: the same, but in code that stands beside other code
  std::string text;   ///< of the kernel without its symbol: of what it is alone depends the code
  cost::Extent grid[2];
  uint32_t scratchBytes = 0;
  std::string tile; ///< how it is cut, for people
};

struct CpuCode {
  std::vector<CpuFunction> functions; ///< of all kernels, in their order
  std::vector<vit_isa> isas;          ///< ascending
  /// Optimised LLVM IR as bitcode. A function in a form is named cpuSymbol(); nothing is called but
  /// what is there.
  std::string bitcode;
};

/// "avx2"; the names of --isa.
llvm::StringRef isaName(vit_isa isa);
std::string cpuSymbol(llvm::StringRef function, vit_isa isa);

/// Code for all kernels of a module after buildCpuPipeline, in these forms. Errors are diagnostics
/// that name the kernel and what is not supported. `beside` is the code of another size of images
/// in the same forms, for one library: functions that it has are named as there, and not written.
mlir::FailureOr<CpuCode> generateCpu(mlir::ModuleOp module, std::vector<vit_isa> isas,
                                     const CpuCode *beside = nullptr);

} // namespace vitc::codegen

#endif // CODEGEN_CPU_CPUCODE_H
