//===- tables.cpp - Bent tuning files and profiles ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Both are text that other programs write; what one reader takes, the other
// must refuse.
//===----------------------------------------------------------------------===//
#include "codegen/report/Ncu.h"
#include "driver/run/Tuning.h"
#include "test/fuzz/Mutate.h"

using namespace vitc;
using namespace vitc::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(textOf(data, size));
  auto tuning = driver::parseTuning(text);
  auto profile = codegen::parseNcu("fuzz.csv", text);
  if (tuning && profile)
    __builtin_trap();
  if (tuning && !driver::parseTuning(driver::tuningJson(*tuning)))
    __builtin_trap(); // what is read can be written and read again
  if (!profile) {
    llvm::consumeError(profile.takeError());
    return 0;
  }
  for (const codegen::NcuKernel &kernel : *profile)
    (void)(codegen::judge(kernel), codegen::ncuReason(kernel));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  Random random(seed);
  if (random.oneIn(3))
    return LLVMFuzzerMutate(data, size, maxSize);
  return give(mutateTokens(textOf(data, size), random), data, maxSize);
}
