//===- Json.cpp - A cursor over JSON text ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Strict where it protects (depth, control characters, number forms), and no
// more complete than the headers it reads need.
//===----------------------------------------------------------------------===//
#include "weights/Json.h"
#include "weights/Safetensors.h"

#include <charconv>

namespace vitrt {

void JsonCursor::space() {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
    ++at;
}

bool JsonCursor::fail(const char *expected) {
  if (problem.empty())
    problem = std::string("expected ") + expected + " at byte " + std::to_string(at);
  return false;
}

bool JsonCursor::expect(char wanted) {
  if (failed())
    return false;
  space();
  if (at < text.size() && text[at] == wanted) {
    ++at;
    return true;
  }
  const char quoted[] = {'\'', wanted, '\'', 0};
  return fail(quoted);
}

bool JsonCursor::peek(char wanted) {
  if (failed())
    return false;
  space();
  return at < text.size() && text[at] == wanted;
}

bool JsonCursor::nextElement(bool &first) {
  if (peek(']')) {
    ++at;
    return false;
  }
  if (!first && !expect(','))
    return false;
  first = false;
  return !failed();
}

bool JsonCursor::beginObject() {
  if (!expect('{'))
    return false;
  keys.emplace_back();
  return true;
}

bool JsonCursor::nextKey(std::string &key, bool &first) {
  if (peek('}')) {
    ++at;
    keys.pop_back();
    return false;
  }
  if (!first && !expect(','))
    return false;
  first = false;
  if (!failed())
    space();
  size_t begin = at;
  if (!string(key))
    return false;
  if (!keys.back().insert(key).second) {
    problem = quoted(key) + " stands twice, again at byte " + std::to_string(begin);
    duplicate = true;
    return false;
  }
  return expect(':');
}

bool JsonCursor::hex4(uint32_t &out) {
  if (text.size() - at < 4)
    return fail("four hexadecimal digits");
  auto [stop, code] = std::from_chars(text.data() + at, text.data() + at + 4, out, 16);
  if (code != std::errc() || stop != text.data() + at + 4)
    return fail("four hexadecimal digits");
  at += 4;
  return true;
}

/// Behind a backslash.
bool JsonCursor::escape(std::string &out) {
  if (at >= text.size())
    return fail("an escape");
  constexpr std::string_view letters = "\"\\/bfnrt", meaning = "\"\\/\b\f\n\r\t";
  char c = text[at++];
  if (size_t which = letters.find(c); which != letters.npos) {
    out += meaning[which];
    return true;
  }
  uint32_t code = 0;
  if (c != 'u') {
    --at;
    return fail("an escape");
  }
  if (!hex4(code))
    return false;
  if (code >= 0xD800 && code < 0xE000) { // a surrogate: two escapes make one character
    uint32_t low = 0;
    if (code >= 0xDC00 || text.substr(at, 2) != "\\u")
      return fail("a surrogate pair");
    at += 2;
    if (!hex4(low))
      return false;
    if (low < 0xDC00 || low >= 0xE000)
      return fail("a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  if (code < 0x80) {
    out += char(code);
    return true;
  }
  int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
  out += char(leads[tail] | code >> (6 * tail));
  while (tail-- > 0)
    out += char(0x80 | (code >> (6 * tail) & 0x3F));
  return true;
}

bool JsonCursor::string(std::string &out) {
  out.clear();
  if (!expect('"'))
    return false;
  while (at < text.size()) {
    unsigned char c = text[at];
    if (c < 0x20)
      break;
    ++at;
    if (c == '"')
      return true;
    if (c != '\\')
      out += char(c);
    else if (!escape(out))
      return false;
  }
  return fail("the end of a string");
}

std::string_view JsonCursor::numberText() {
  if (failed())
    return {};
  space();
  size_t length = 0;
  while (at + length < text.size() &&
         std::string_view("0123456789+-.eE").find(text[at + length]) != std::string_view::npos)
    ++length;
  return text.substr(at, length);
}

bool JsonCursor::unsignedInteger(uint64_t &out) {
  std::string_view digits = numberText();
  auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (failed() || digits.empty() || code != std::errc() || stop != digits.data() + digits.size() ||
      (digits.size() > 1 && digits[0] == '0'))
    return fail("an integer from 0 to 2^64 - 1");
  at += digits.size();
  return true;
}

bool JsonCursor::number(double &out) {
  std::string_view digits = numberText();
  auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (failed() || digits.empty() || code != std::errc() || stop != digits.data() + digits.size())
    return fail("a number");
  at += digits.size();
  return true;
}

bool JsonCursor::skipWord(std::string_view word) {
  if (text.substr(at, word.size()) != word)
    return fail("a value");
  at += word.size();
  return true;
}

bool JsonCursor::skip(int depth) {
  if (depth >= maxDepth)
    return fail("at most 64 nested values");
  std::string ignored;
  double value;
  bool first = true;
  if (peek('"'))
    return string(ignored);
  if (peek('{')) {
    beginObject();
    while (nextKey(ignored, first))
      if (!skip(depth + 1))
        return false;
  } else if (peek('[')) {
    ++at;
    while (nextElement(first))
      if (!skip(depth + 1))
        return false;
  } else if (peek('t')) {
    return skipWord("true");
  } else if (peek('f')) {
    return skipWord("false");
  } else if (peek('n')) {
    return skipWord("null");
  } else {
    return number(value);
  }
  return !failed();
}

bool JsonCursor::end() {
  if (failed())
    return false;
  space();
  return at == text.size() || fail("nothing more");
}

std::string jsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    static constexpr char digits[] = "0123456789abcdef";
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if ((unsigned char)c < 0x20)
      ((out += "\\u00") += digits[c >> 4]) += digits[c & 15];
    else
      out += c;
  }
  return out + "\"";
}

} // namespace vitrt
