//===- Mutate.h - Mutations that keep an input close to its form ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Plain mutation of bytes seldom gets past a parser. These change a JSON value,
// or a token of a text, into another of its kind. All decisions come from the
// seed that libFuzzer gives, so a run repeats.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_FUZZ_MUTATE_H
#define VITC_TEST_FUZZ_MUTATE_H

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace vitc::fuzz {

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  /// Below `end`, which is at least 1.
  size_t below(size_t end) { return engine() % end; }
  bool oneIn(size_t n) { return below(n) == 0; }

private:
  std::minstd_rand engine;
};

/// One to four tokens of `text` become others of their kind, or a line moves, is doubled or goes.
/// Numbers become edge cases or neighbours, words other words of the text. Tokens are of
/// [A-Za-z0-9_.%@#!$] or single other characters.
std::string mutateTokens(std::string_view text, Random &random);

/// A number as text that finds edges: powers of two and their neighbours, signs, limits of types.
std::string interestingNumber(Random &random);

/// Copies `text` into libFuzzer's buffer, cut to `maxSize`; returns its size.
size_t give(std::string_view text, uint8_t *data, size_t maxSize);

inline std::string_view textOf(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

} // namespace vitc::fuzz

#endif // VITC_TEST_FUZZ_MUTATE_H
