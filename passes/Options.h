//===- Options.h - What passes are told about a build -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_OPTIONS_H
#define PASSES_OPTIONS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

/// What a build chooses; the options of all passes. Options.def says what each means.
struct PipelineOptions {
#define VITC_OPTION(type, field, flag, initial, value, help) type field = initial;
#include "passes/Options.def"
  /// What was measured, for the tile policy "tuned": KERNEL HASH BATCH SCHEDULE. And what was in
  /// other models, for kernels with that hash, if there are any: * HASH ROWS SCHEDULE.
  std::vector<std::string> tuned;
  std::string first, last; ///< passes of a pipeline to begin and end with, by name; empty: all
};

/// What an option, or an element of its list, may be given as.
struct OptionValue {
  const char *text = nullptr; ///< "f16|bf16", "HxW", "FILE"; null for a flag, which takes none
  bool (*accepts)(llvm::StringRef given, llvm::StringRef text) = nullptr; ///< null: everything
  int64_t least = 0, most = 0;                                            ///< of an integer
};

/// The values that Options.def names.
namespace option {
inline OptionValue flag() { return {}; }
inline OptionValue integer(int64_t least, int64_t most) { return {"INT", nullptr, least, most}; }
inline OptionValue text(const char *placeholder) { return {placeholder}; }
/// One of the words in `words`, "f16|bf16".
OptionValue oneOf(const char *words);
/// Text like `shape`, with a number of at most six digits in place of each run of capital letters.
OptionValue form(const char *shape);
/// What is said of fusions and spills that a build insists on.
OptionValue requirement();
} // namespace option

/// "expected HxW, found '224'", or nothing if `value` takes `given`.
std::string objection(const OptionValue &value, llvm::StringRef given);
std::string objection(const OptionValue &value, int64_t given);

} // namespace vitc

#endif // PASSES_OPTIONS_H
