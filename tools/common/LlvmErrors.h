//===- LlvmErrors.h - Errors that LLVM ends a process for ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_COMMON_LLVMERRORS_H
#define TOOLS_COMMON_LLVMERRORS_H

#include "tools/common/Console.h"

#include "llvm/Support/ErrorHandling.h"

namespace vitc {

/// What LLVM cannot go on from ends the tool of runTool with a line instead of an abort.
inline void catchLlvmErrors() {
  llvm::install_bad_alloc_error_handler(
      [](void *, const char *, bool) { endTool("out of memory"); });
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) { endTool(reason); });
}

} // namespace vitc
#endif // TOOLS_COMMON_LLVMERRORS_H
