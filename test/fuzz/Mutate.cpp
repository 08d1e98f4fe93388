//===- Mutate.cpp - Mutations that keep an input close to its form --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "test/fuzz/Mutate.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <vector>

namespace vitc::fuzz {

static bool isWordCharacter(char c) {
  return std::isalnum((unsigned char)c) || std::strchr("_.%@#!$", c);
}

static std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    if (text[at] && isWordCharacter(text[at]))
      while (end < text.size() && text[end] && isWordCharacter(text[end]))
        ++end;
    tokens.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

/// 0: a number, 1: a word, 2: something else.
static int kindOf(const std::string &token) {
  if (std::isdigit((unsigned char)token[0]))
    return 0;
  return token[0] && isWordCharacter(token[0]) ? 1 : 2;
}

std::string interestingNumber(Random &random) {
  static const char *const known[] = {"0",          "1",          "-1",  "2",     "3",
                                      "7",          "8",          "16",  "255",   "4096",
                                      "2147483647", "4294967296", "0.5", "1e300", "1e-300"};
  if (random.oneIn(2))
    return known[random.below(std::size(known))];
  uint64_t power = uint64_t(1) << random.below(64);
  return std::to_string(power + random.below(3) - 1);
}

static void mutateToken(std::vector<std::string> &tokens, Random &random) {
  std::string &token = tokens[random.below(tokens.size())];
  int kind = kindOf(token);
  if (kind == 0 && random.oneIn(2)) {
    token = interestingNumber(random);
    return;
  }
  if (random.oneIn(12)) {
    token.clear();
    return;
  }
  for (int tries = 0; tries < 16; ++tries) { // another of its kind
    const std::string &other = tokens[random.below(tokens.size())];
    if (!other.empty() && kindOf(other) == kind && other != token) {
      token = std::string(other);
      return;
    }
  }
}

static std::string mutateLines(std::string_view text, Random &random) {
  std::vector<std::string> lines(1);
  for (char c : text) {
    lines.back() += c;
    if (c == '\n')
      lines.emplace_back();
  }
  size_t from = random.below(lines.size()), to = random.below(lines.size());
  switch (random.below(3)) {
  case 0:
    lines.erase(lines.begin() + long(from));
    break;
  case 1:
    std::swap(lines[from], lines[to]);
    break;
  case 2:
    lines.insert(lines.begin() + long(to), std::string(lines[from]));
    break;
  }
  std::string out;
  for (const std::string &line : lines)
    out += line;
  return out;
}

std::string mutateTokens(std::string_view text, Random &random) {
  if (random.oneIn(4))
    return mutateLines(text, random);
  std::vector<std::string> tokens = split(text);
  if (tokens.empty())
    return std::string(text);
  for (size_t count = 1 + random.below(4); count; --count) {
    std::erase_if(tokens, [](const std::string &token) { return token.empty(); });
    if (!tokens.empty())
      mutateToken(tokens, random);
  }
  std::string out;
  for (const std::string &token : tokens)
    out += token;
  return out;
}

size_t give(std::string_view text, uint8_t *data, size_t maxSize) {
  size_t size = std::min(text.size(), maxSize);
  std::memcpy(data, text.data(), size);
  return size;
}

} // namespace vitc::fuzz
