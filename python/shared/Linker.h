//===- Linker.h - LLD in this process ---------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PYTHON_SHARED_LINKER_H
#define PYTHON_SHARED_LINKER_H

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace vitc::package {

/// What the program ld does with these arguments, the first of which is its name; false with what
/// it said. Threads wait for each other: LLD is one for a process.
bool linkWithLld(llvm::ArrayRef<const char *> arguments, std::string &log);

} // namespace vitc::package

#endif // PYTHON_SHARED_LINKER_H
