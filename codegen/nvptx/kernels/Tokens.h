//===- Tokens.h - Kernels that move rows ------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// prepend, broadcast, select and patchify compute nothing: each thread finds where its elements
// come from. What they share is how threads are laid over the result.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_TOKENS_H
#define CODEGEN_NVPTX_KERNELS_TOKENS_H

#include "codegen/nvptx/kernels/Region.h"

namespace vitc::codegen {

/// Where one thread's elements are in the result.
struct TokenPlace {
  mlir::Value row;    ///< among all rows of the launch
  mlir::Value image;  ///< row / tokens
  mlir::Value token;  ///< row % tokens
  mlir::Value column; ///< the first of `vector`
};

/// Writes the whole kernel: every thread calls `source` for the root's result at its place, then
/// applies the fused ops and stores. `vector` neighbours are asked for.
mlir::LogicalResult emitTokens(
    KernelBuilder &k,
    llvm::function_ref<PtxBuilder::Values(Region &, const TokenPlace &, unsigned vector)> source);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_TOKENS_H
