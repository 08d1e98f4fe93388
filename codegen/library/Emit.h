//===- Emit.h - A library as files -----------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Everything here is a function of the library alone: equal libraries give
// equal bytes, whatever machine, directory or time it is.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_EMIT_H
#define CODEGEN_LIBRARY_EMIT_H

#include "vit/library.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace llvm::orc {
class LLJIT;
}

namespace vitc::codegen {

/// An object file (x86-64 ELF, position independent) of constants, of functions for CPUs if there
/// are some (`cpuBitcode`, of CpuCode), and one function that other objects see: `const vit_library
/// *NAME_library(uint32_t abi)`, NULL for an ABI that is not VIT_ABI. Needs no symbol of others.
/// Without `exported`, a shared library that the object becomes part of does not export the
/// function: two plugins may hold models of one name.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
emitObject(const vit_library &library, bool exported,
           const std::vector<std::string> &cpuBitcode = {});

/// A library in this process, out of an exported object: with the addresses of its functions.
class LoadedObject {
public:
  static llvm::Expected<std::unique_ptr<LoadedObject>>
  load(std::unique_ptr<llvm::MemoryBuffer> object, llvm::StringRef name);
  ~LoadedObject();
  const vit_library *view() const { return library; }

private:
  LoadedObject();
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const vit_library *library = nullptr;
};

/// `object` as the only member of an archive, with a symbol table.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> emitArchive(llvm::MemoryBufferRef object);

/// The bytes of a shared library with soname libNAME.so of `object`, linked by the system's
/// compiler driver ($CC, else cc). What that printed is in the error if it fails.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkShared(llvm::MemoryBufferRef object,
                                                               llvm::StringRef name);

/// The text of NAME.h: C11 and C++, compiles alone.
std::string emitHeader(const vit_library &library);

/// "bf16", of a vit_dtype.
llvm::StringRef dtypeText(uint32_t dtype);

/// `text` as a C identifier: other characters become '_', a leading digit gets one before it.
std::string makeIdentifier(llvm::StringRef text);
/// Whether a library may be called `text`: a C and C++ identifier, no keyword of either, and no
/// header of C that N.h would hide.
bool isIdentifier(llvm::StringRef text);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_EMIT_H
