//===- PlanBuilder.h - What a library launches ------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_PLANBUILDER_H
#define CODEGEN_LIBRARY_PLANBUILDER_H

#include "codegen/library/LibraryData.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace vitc::codegen {

/// A module, and where the library has what it launches and reads.
struct PlanInput {
  mlir::ModuleOp module;
  mlir::FunctionOpInterface model;  ///< of the module
  llvm::ArrayRef<KernelCode> codes; ///< functions of its kernels
  llvm::ArrayRef<uint32_t> kernels; ///< of each function: the kernel of the library's target
  llvm::ArrayRef<uint32_t> weights; ///< of each result of @prepare: the library's weight
  uint32_t maxBatch = 0;
  uint32_t target = 0; ///< of the library
};

/// The plan, with lists that `data` keeps, whose inputs and outputs are there. Errors
/// are diagnostics.
mlir::FailureOr<vit_plan> buildPlan(const PlanInput &input, LibraryData &data);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_PLANBUILDER_H
