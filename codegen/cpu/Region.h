//===- Region.h - The fused ops of a kernel ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A kernel is a root and elementwise ops around it. What happens to a vector of neighbouring
// columns before it is stored, and to operands before the root reads them, is the same for every
// family:
//
//   Known known{{root->getResult(0), sums}};
//   region.store(place, known);                 // bias, gelu, residual, ..., and every result
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_REGION_H
#define CODEGEN_CPU_REGION_H

#include "codegen/cpu/CpuKernel.h"

#include "llvm/ADT/DenseMap.h"

namespace vitc::codegen::cpu {

/// 16 neighbouring columns of one row of an activation, or those of them in `mask`.
struct Place {
  mlir::Value row;       ///< among all rows of the launch: [0, count * rowsPerImage)
  mlir::Value column;    ///< the first
  mlir::Value mask = {}; ///< null: all 16
};

/// Vectors by the value in the kernel they belong to.
using Known = llvm::SmallDenseMap<mlir::Value, mlir::Value, 8>;

class Region {
public:
  explicit Region(CpuKernel &k) : k(k) {}

  /// `value`, an argument of the kernel, the result of an elementwise op, or known, at a place.
  /// What is computed is added to `known`, which is of this place alone.
  mlir::Value evaluate(mlir::Value value, const Place &place, Known &known);
  /// Stores every result at a place, but for what is quantized.
  void store(const Place &place, Known &known);
  /// Stores those results that are computed before the root.
  void storeBefore(const Place &place, Known &known);
  /// Stores the others.
  void storeAfter(const Place &place, Known &known);

private:
  mlir::Value compute(vit::ElementwiseInterface op, const Place &place, Known &known);
  mlir::Value gelu(vit::GeluForm form, mlir::Value x);
  mlir::Value rotate(vit::RopeOp op, const Place &place, mlir::Value value);
  mlir::Value address(mlir::Value pointer, mlir::RankedTensorType type, const Place &place);
  void storeResult(unsigned i, const Place &place, Known &known);
  bool isBefore(mlir::Value value); ///< does not depend on the root

  CpuKernel &k;
};

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_REGION_H
