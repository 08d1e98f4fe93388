//===- LoadObject.cpp - A library in this process -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What an archive would hold is placed in memory by LLVM's linker of objects, which needs no other
// program and leaves no file.
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

using namespace llvm;
using namespace vitc::codegen;

LoadedObject::LoadedObject() = default;
LoadedObject::~LoadedObject() = default;

Expected<std::unique_ptr<LoadedObject>> LoadedObject::load(std::unique_ptr<MemoryBuffer> object,
                                                           StringRef name) {
  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(
                     orc::JITTargetMachineBuilder(Triple("x86_64-unknown-linux-gnu")))
                 .setPlatformSetUp(orc::setUpInactivePlatform) // nothing to initialise
                 .create();
  if (!jit)
    return jit.takeError();
  if (Error failure = (*jit)->addObjectFile(std::move(object)))
    return failure;
  auto entry = (*jit)->lookup((name + "_library").str());
  if (!entry)
    return entry.takeError();
  std::unique_ptr<LoadedObject> loaded(new LoadedObject);
  loaded->jit = std::move(*jit);
  loaded->library = entry->toPtr<const vit_library *(uint32_t)>()(VIT_ABI);
  return loaded;
}
