//===- LowerToLLVM.h - From scf and arith to llvm ops -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LOWERTOLLVM_H
#define CODEGEN_LOWERTOLLVM_H

#include "mlir/IR/Operation.h"
#include "mlir/Transforms/DialectConversion.h"

namespace vitc::codegen {

/// Makes llvm ops of the scf, cf and arith ops of `module`, whose dialects are loaded. `allow` says
/// what else of it may stay.
llvm::LogicalResult
lowerToLLVMDialect(mlir::Operation *module,
                   llvm::function_ref<void(mlir::ConversionTarget &target)> allow);

} // namespace vitc::codegen

#endif // CODEGEN_LOWERTOLLVM_H
