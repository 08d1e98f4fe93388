//===- Families.h - One function per family of kernels ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each writes the body of the kernel whose root it serves and ends with KernelBuilder::finish.
// Failure is a diagnostic by KernelBuilder::error; the caller drops what was written.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_FAMILIES_H
#define CODEGEN_NVPTX_KERNELS_FAMILIES_H

#include "codegen/nvptx/kernels/KernelBuilder.h"

namespace vitc::codegen {

mlir::LogicalResult emitGemm(KernelBuilder &k);        ///< vit.linear
mlir::LogicalResult emitAttention(KernelBuilder &k);   ///< vit.attention
mlir::LogicalResult emitNorm(KernelBuilder &k);        ///< norms of rows
mlir::LogicalResult emitPatchify(KernelBuilder &k);    ///< vit.patchify
mlir::LogicalResult emitPrepend(KernelBuilder &k);     ///< vit.prepend
mlir::LogicalResult emitAppend(KernelBuilder &k);      ///< vit.append
mlir::LogicalResult emitBroadcast(KernelBuilder &k);   ///< vit.broadcast
mlir::LogicalResult emitSelect(KernelBuilder &k);      ///< vit.select, vit.slice_tokens
mlir::LogicalResult emitMean(KernelBuilder &k);        ///< vit.mean_tokens
mlir::LogicalResult emitMerge(KernelBuilder &k);       ///< vit.merge_patches
mlir::LogicalResult emitElementwise(KernelBuilder &k); ///< no root

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_FAMILIES_H
