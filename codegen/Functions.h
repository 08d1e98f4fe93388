//===- Functions.h - Which functions a kernel has ---------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_FUNCTIONS_H
#define CODEGEN_FUNCTIONS_H

#include "codegen/Codegen.h"

namespace vitc {

/// The functions that the active schedules of a kernel need, with their names and batches: what
/// lowerKernels writes and readFunctions expects. A diagnostic says what is wrong with schedules.
mlir::FailureOr<std::vector<KernelCode>> planFunctions(vit::KernelOp kernel);

} // namespace vitc

#endif // CODEGEN_FUNCTIONS_H
