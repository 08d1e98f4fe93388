//===- safetensors.cpp - Bent weight files --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Whatever parses is read to the last value, as f32 and as f64.
//===----------------------------------------------------------------------===//
#include "weights/Safetensors.h"
#include "test/fuzz/Mutate.h"

#include <cstring>
#include <vector>

using namespace vitc::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint8_t> copy(data, data + size); // so that a byte too far is seen
  auto file = vitrt::Safetensors::parse(copy, "fuzz.safetensors");
  if (!file)
    return 0;
  for (const vitrt::FileTensor &tensor : file->tensors()) {
    (void)vitrt::readF64(tensor);
    (void)vitrt::readF32(tensor);
    if (file->find(tensor.name) != &tensor)
      __builtin_trap();
  }
  return 0;
}

/// The header as text, with its length set right most of the time.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  Random random(seed);
  uint64_t length = 0;
  if (size >= 8)
    std::memcpy(&length, data, 8);
  if (size < 8 || length > size - 8 || random.oneIn(4))
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string header(textOf(data + 8, length)), rest(textOf(data + 8 + length, size - 8 - length));
  if (random.oneIn(3)) {
    header.resize(header.size() + 64);
    header.resize(
        LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(header.data()), length, header.size()));
  } else {
    header = mutateTokens(header, random);
  }
  if (!random.oneIn(8))
    length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return give(out + header + rest, data, maxSize);
}
