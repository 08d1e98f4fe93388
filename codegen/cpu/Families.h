//===- Families.h - One builder for each family of kernels ------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each writes the body of a kernel's function and sets its grid. Diagnoses what it cannot do.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_FAMILIES_H
#define CODEGEN_CPU_FAMILIES_H

#include "codegen/cpu/CpuKernel.h"

namespace vitc::codegen::cpu {

mlir::LogicalResult emitGemm(CpuKernel &k);
mlir::LogicalResult emitAttention(CpuKernel &k);
mlir::LogicalResult emitNorm(CpuKernel &k);
mlir::LogicalResult emitElementwise(CpuKernel &k);
mlir::LogicalResult emitPatchify(CpuKernel &k);
mlir::LogicalResult emitTokens(CpuKernel &k); ///< prepend, broadcast, select, append, mean, merge

/// Cuts the rows of `type` into tiles and has `body` do each row of one.
void overRows(CpuKernel &k, mlir::RankedTensorType type, int64_t rowsOfTile,
              llvm::function_ref<void(mlir::Value row)> body);

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_FAMILIES_H
