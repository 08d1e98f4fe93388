//===- Interrupt.h - Nothing stays after Ctrl-C -----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// LLVM removes registered files when a signal ends the process, but not the
// folders they are in. These do.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_INTERRUPT_H
#define CODEGEN_INTERRUPT_H

#include <string>

namespace vitc {

/// While it lives, a signal that ends the process removes the folder, if it is empty once LLVM has
/// removed its files. Of nested folders the inner one must be registered later. Any thread.
class RemoveFolderOnSignal {
public:
  explicit RemoveFolderOnSignal(std::string path);
  ~RemoveFolderOnSignal();
  RemoveFolderOnSignal(const RemoveFolderOnSignal &) = delete;

private:
  std::string path;
  int slot;
};

} // namespace vitc

#endif // CODEGEN_INTERRUPT_H
