//===- Options.cpp - What an option may be given as -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Options.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using namespace vitc;
using llvm::StringRef;

static bool isOneOf(StringRef given, StringRef words) {
  return llvm::is_contained(llvm::split(words, '|'), given);
}

static bool hasOneForm(StringRef given, StringRef shape) {
  while (!shape.empty()) {
    StringRef name = shape.take_while([](char c) { return c >= 'A' && c <= 'Z'; });
    if (name.empty()) {
      if (!given.consume_front(shape.take_front()))
        return false;
      shape = shape.drop_front();
      continue;
    }
    StringRef digits = given.take_while(llvm::isDigit);
    if (digits.empty()) // how large they may be is for whoever reads them
      return false;
    given = given.drop_front(digits.size());
    shape = shape.drop_front(name.size());
  }
  return given.empty();
}

static bool isRequirement(StringRef given, StringRef) {
  auto isName = [](StringRef op) {
    return !op.empty() && llvm::all_of(op, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  };
  return given == "no-spill" ||
         (given.consume_front("fuse:") && llvm::all_of(llvm::split(given, '+'), isName));
}

static bool hasForm(StringRef given, StringRef shapes) {
  return llvm::any_of(llvm::split(shapes, '|'),
                      [&](StringRef shape) { return hasOneForm(given, shape); });
}

OptionValue option::oneOf(const char *words) { return {words, isOneOf}; }
OptionValue option::form(const char *shape) { return {shape, hasForm}; }
OptionValue option::requirement() { return {"no-spill|fuse:OP+OP...", isRequirement}; }

std::string vitc::objection(const OptionValue &value, StringRef given) {
  if (!value.accepts || value.accepts(given, value.text))
    return "";
  return fmt::format("expected {}, found '{}'", value.text, given.str());
}

std::string vitc::objection(const OptionValue &value, int64_t given) {
  if (given >= value.least && given <= value.most)
    return "";
  return fmt::format("expected {} to {}, found {}", value.least, value.most, given);
}
