//===- Functions.h - Which functions a kernel has ---------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_FUNCTIONS_H
#define CODEGEN_FUNCTIONS_H

#include "codegen/nvptx/Codegen.h"

namespace vitc::codegen {

/// The functions that the active schedules of a kernel need, with their names and batches: what
/// lowerKernels writes and readFunctions expects. A diagnostic says what is wrong with schedules.
mlir::FailureOr<std::vector<KernelCode>> planFunctions(vit::KernelOp kernel);

/// True of names with the form of those that planFunctions gives to kernels of a lowered model, of
/// this model or of any: a dtype at the end, or parts of a schedule after it.
bool looksLikeFunction(llvm::StringRef name);

} // namespace vitc::codegen

#endif // CODEGEN_FUNCTIONS_H
