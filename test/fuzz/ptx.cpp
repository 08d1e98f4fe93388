//===- ptx.cpp - Bent PTX in the emulator ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What is taken runs: two blocks of 64 threads, pointers to a small buffer for
// every parameter of 64 bits. A kernel may do what it likes to its own memory;
// the emulator must report it and go on.
//===----------------------------------------------------------------------===//
#include "Launch.h"
#include "test/fuzz/Mutate.h"

#include <cstring>

using namespace vitc::emu;
using namespace vitc::fuzz;

static void run(const Module &module, const Function &function, uint64_t buffer) {
  std::vector<uint8_t> parameters(function.parameterBytes);
  uint32_t count = 48;
  for (const auto &parameter : function.parameters)
    if (parameter.bytes == 8)
      std::memcpy(parameters.data() + parameter.offset, &buffer, 8);
    else if (parameter.bytes == 4)
      std::memcpy(parameters.data() + parameter.offset, &count, 4);
  Geometry geometry;
  geometry.grid[0] = 2;
  geometry.block[0] = 64;
  geometry.dynamicShared = 1024;
  Options options;
  options.threads = 1;
  options.budget = 2000;
  (void)launch(module, function, geometry, parameters, options);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  GlobalMemory memory(uint64_t(1) << 26);
  PtxError error;
  auto module = Module::load(std::string(textOf(data, size)), memory, error);
  if (!module) {
    if (error.text.empty())
      __builtin_trap();
    return 0;
  }
  Allocation *buffer = memory.allocate(4096);
  std::memset(buffer->base, 0, 4096);
  std::memset(buffer->written.get(), 1, 4096);
  for (const Function &function : module->functions)
    run(*module, function, buffer->address());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  Random random(seed);
  if (random.oneIn(8))
    return LLVMFuzzerMutate(data, size, maxSize);
  return give(mutateTokens(textOf(data, size), random), data, maxSize);
}
