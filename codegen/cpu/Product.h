//===- Product.h - The inner loops of matrix products -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_PRODUCT_H
#define CODEGEN_CPU_PRODUCT_H

#include "codegen/cpu/CpuKernel.h"

namespace vitc::codegen::cpu {

/// C[r][n] = sum over k of A[r][k] * B[k][n], for `columns` values of n, which all are known when
/// code is written. Strides count f32 values; neighbours in n are neighbours in memory.
struct ProductShape {
  int64_t rowStride, stepStride; ///< of A: between r, between k
  int64_t inputStride;           ///< of B, between k
  int64_t resultStride;          ///< of C, between r: columns rounded up to 16 are written
  int64_t columns;
  bool accumulates = false; ///< adds to C
  /// Of bf16 A and B have two steps of k in each unit of four bytes, of i8 four, A unsigned and B
  /// signed; strides count these units, as `depth` does. Sums of i8 are i32.
  cost::CpuProducts products = cost::CpuProducts::F32;
};

/// Calls functions that do this for `rows` rows and `depth` steps, any numbers. Kernels of one
/// module share the functions. Every sum is made in the order of k, by multiply-adds, wherever it
/// lies, so its bits depend on nothing else; of i8 it is exact.
void emitProduct(CpuKernel &k, const ProductShape &shape, mlir::Value a, mlir::Value b,
                 mlir::Value c, mlir::Value rows, mlir::Value depth);

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_PRODUCT_H
