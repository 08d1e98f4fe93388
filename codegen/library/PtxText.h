//===- PtxText.h - Several kernels in one PTX file --------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_PTXTEXT_H
#define CODEGEN_LIBRARY_PTXTEXT_H

#include "codegen/nvptx/Codegen.h"

namespace vitc::codegen {

/// One PTX module with all kernels, which must be for one architecture: its header once, then what
/// each kernel declares. Equal declarations are kept once; those that differ under one name are
/// renamed after their kernel.
std::string joinPtx(llvm::ArrayRef<KernelCode> kernels);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_PTXTEXT_H
