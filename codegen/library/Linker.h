//===- Linker.h - Who links shared libraries --------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_LINKER_H
#define CODEGEN_LIBRARY_LINKER_H

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace vitc::codegen {

/// A linker in this process: does what the program ld does with these arguments, the first of which
/// is its name; false with what it said.
using LinkFunction = bool (*)(llvm::ArrayRef<const char *> arguments, std::string &log);
/// Has linkShared call one instead of a program of the system's, unless $CC names one. Before the
/// first build.
void setLinker(LinkFunction linker);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_LINKER_H
