//===- Quantize.h - Rows as bytes -------------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_QUANTIZE_H
#define CODEGEN_CPU_QUANTIZE_H

#include "codegen/cpu/CpuKernel.h"

namespace vitc::codegen::cpu {

/// Writes a row of `width` f32 values, which is read twice, to `result` as vit.quantize says.
void emitQuantizedRow(CpuKernel &k, mlir::Value values, int64_t width, mlir::Value result);

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_QUANTIZE_H
