//===- Product.h - Products of fragments of any storage type ----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// f16, bf16 and tf32 are what mma multiplies. An f32 is split into two tf32,
//
//   big = rna(x)   small = rna(x - big)
//
// and a product of f32 is small * big + big * small + big * big, the small ones first. What is left
// out, and what small is rounded by, is 2^-22 of a product.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_PRODUCT_H
#define CODEGEN_NVPTX_KERNELS_PRODUCT_H

#include "codegen/nvptx/ptx/PtxBuilder.h"

namespace vitc::codegen {

/// Registers of fragments as mma takes them. `small` is empty if the type is one of mma's own.
struct Fragments {
  PtxBuilder::Values big, small;

  /// Those of one tile.
  Fragments slice(int64_t first, int64_t count) const;
};

/// `registers`, which have values of `storage`, for multiply().
Fragments splitFragments(PtxBuilder &b, llvm::ArrayRef<mlir::Value> registers, mlir::Type storage);

/// Adds the product of one tile of A and one of B to the four values of `sums`.
void multiply(PtxBuilder &b, const Fragments &left, const Fragments &right,
              llvm::MutableArrayRef<mlir::Value> sums, mlir::Type storage);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_PRODUCT_H
