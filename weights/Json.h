//===- Json.h - A cursor over JSON text ------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Reads JSON from front to back, without a tree: the caller knows what it
// expects, and hostile input can cost neither memory nor stack. The first
// error sticks; after it every call returns false.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_JSON_H
#define VITC_RUNTIME_WEIGHTS_JSON_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace vitrt {

/// `text` in quotes, as JSON writes it.
std::string jsonString(std::string_view text);

class JsonCursor {
public:
  enum { maxDepth = 64 }; // of values that skip() passes over

  /// `text` must outlive the cursor.
  explicit JsonCursor(std::string_view text) : text(text) {}

  /// Enters an object or array. Then `for (bool first = true; nextKey(key, first);)` visits it. A
  /// key that stands twice in an object is an error.
  bool beginObject();
  bool beginArray() { return expect('['); }
  /// True if there is one more entry, whose key it reads; false at the closing brace or an error.
  bool nextKey(std::string &key, bool &first);
  /// True if there is one more element; false at the closing bracket or an error.
  bool nextElement(bool &first);

  bool string(std::string &out);
  /// An integer from 0 to 2^64 - 1, written without sign, fraction and exponent.
  bool unsignedInteger(uint64_t &out);
  bool number(double &out);
  /// Passes over any value.
  bool skip() { return skip(0); }
  /// True for the next character without consuming it.
  bool peek(char wanted);
  /// Only white space may follow.
  bool end();

  bool failed() const { return !problem.empty(); }
  /// Whether that is what was wrong.
  bool isDuplicate() const { return duplicate; }
  /// "expected ',' at byte 17": what was wrong first, or empty.
  const std::string &error() const { return problem; }

private:
  bool expect(char wanted);
  bool fail(const char *expected);
  bool skip(int depth);
  bool skipWord(std::string_view word);
  bool escape(std::string &out);
  bool hex4(uint32_t &out);
  void space();
  std::string_view numberText();

  std::string_view text;
  size_t at = 0;
  std::string problem;
  bool duplicate = false;
  std::vector<std::unordered_set<std::string>> keys; // of the objects that are open
};

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_JSON_H
