//===- Math.h - Functions on vectors of f32 ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Errors are relative to the exact value, as far as f32 has it with full precision: within 3e-7 for
// exp (up to 88.37, and infinite above), tanh, sigmoid and, down to -87, SiLU; for GELU
// within 1.1e-6 from -4 up, and within 1e-5 further down, where it is next to nothing. NaN stays
// NaN.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_MATH_H
#define CODEGEN_CPU_MATH_H

#include "codegen/cpu/CpuBuilder.h"
#include "dialect/VitOps.h"

namespace vitc::codegen::cpu {

/// e^x; 1e-38 where that is below it, 3e38 where it is above.
mlir::Value emitExp(CpuBuilder &b, mlir::Value x);
mlir::Value emitTanh(CpuBuilder &b, mlir::Value x);
mlir::Value emitGelu(CpuBuilder &b, vit::GeluForm form, mlir::Value x);
/// GELU erf for values that are off by more than it: within 4e-5, in less than half the time.
mlir::Value emitRoughGelu(CpuBuilder &b, mlir::Value x);
mlir::Value emitSilu(CpuBuilder &b, mlir::Value x);    ///< x / (1 + e^-x)
mlir::Value emitSigmoid(CpuBuilder &b, mlir::Value x); ///< 1 / (1 + e^-x)

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_MATH_H
