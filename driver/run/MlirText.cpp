//===- MlirText.cpp - What is checked before MLIR parses -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One walk over the characters, which knows strings, comments and brackets and
// nothing else of MLIR. It takes `<` for a bracket; where it is a comparison, the
// bracket around it closes it.
//===----------------------------------------------------------------------===//
#include "driver/run/MlirText.h"
#include "driver/run/ReadFile.h"
#include "weights/FileKind.h"

#include <algorithm>
#include <cstdio>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vitc::driver {
namespace {

/// What no text has, wherever it stands.
bool isNoText(char c) {
  return (unsigned char)c < 0x20 ? c != '\t' && c != '\r' && c != '\n' : c == 0x7f;
}
bool isWordStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isWord(char c) { return isWordStart(c) || (c >= '0' && c <= '9') || c == '$' || c == '.'; }

class Scanner {
public:
  explicit Scanner(std::string_view text) : text(text) {}

  std::string scan() {
    while (at < text.size() && problem.empty())
      step();
    return problem.empty() ? "" : "line " + std::to_string(line) + ": " + problem;
  }

private:
  struct Open {
    char bracket;
    unsigned operators; // since the last comma
  };

  void step() {
    char c = text[at];
    if (text.substr(at, 2) == "//")
      return passComment();
    if (c == '#' || c == '!')
      return alias();
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
      line += c == '\n';
      ++at;
      return;
    }
    std::string named = std::exchange(lastAlias, {});
    bool afterEqual = std::exchange(equal, false);
    if (c == '"')
      return passString();
    if (text.substr(at, 2) == "->")
      return void(at += 2);
    if (isWordStart(c))
      return word();
    ++at;
    if (c == '=' && brackets.empty() && !named.empty())
      define(named);
    else if (c == '{' && brackets.empty() && !afterEqual)
      defined = nullptr; // a region: an op has begun
    punctuation(c);
  }

  void punctuation(char c) {
    switch (c) {
    case '=':
      equal = true;
      return;
    case '(':
    case '[':
    case '{':
    case '<':
      brackets.push_back({c, 0});
      return deepen();
    case ')':
      return close('(');
    case ']':
      return close('[');
    case '}':
      return close('{');
    case '>':
      if (!brackets.empty() && brackets.back().bracket == '<')
        pop();
      return;
    case ',':
      if (!brackets.empty())
        operators -= std::exchange(brackets.back().operators, 0);
      return;
    case '+':
    case '-':
    case '*':
      return countOperator();
    default:
      if (isNoText(c))
        refuseByte(c);
    }
  }

  void refuseByte(char c) {
    char byte[8];
    snprintf(byte, sizeof byte, "0x%02x", (unsigned char)c);
    problem = std::string("expected text, found the byte ") + byte;
  }

  void passString() {
    for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
      if (isNoText(text[at]))
        return refuseByte(text[at]);
      else if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] != '\n')
        ++at;
    at += at < text.size() && text[at] == '"';
  }

  void passComment() {
    for (; at < text.size() && text[at] != '\n'; ++at)
      if (isNoText(text[at]))
        return refuseByte(text[at]);
  }

  std::string_view takeWord() {
    size_t begin = at;
    while (at < text.size() && isWord(text[at]))
      ++at;
    return text.substr(begin, at - begin);
  }

  void word() {
    std::string_view name = takeWord();
    if (name == "mod" || name == "floordiv" || name == "ceildiv" || name == "and")
      countOperator();
  }

  /// Operators of affine expressions nest, too. Those that stand in a region are no such.
  void countOperator() {
    if (brackets.empty() || brackets.back().bracket == '{')
      return;
    ++brackets.back().operators;
    ++operators;
    deepen();
  }

  /// `#name` or `!name`, or the beginning of a longer name.
  void alias() {
    size_t begin = at++;
    while (at < text.size() && (isWord(text[at]) || text[at] == '-'))
      ++at;
    lastAlias = text.substr(begin, at - begin);
    if (auto found = levels.find(lastAlias); found != levels.end())
      deepen(found->second);
  }

  void define(const std::string &name) {
    defined = &levels[name];
    *defined = 0;
  }

  void pop() {
    operators -= brackets.back().operators;
    brackets.pop_back();
  }

  void close(char opening) {
    while (!brackets.empty() && brackets.back().bracket == '<')
      pop(); // it was no bracket
    if (!brackets.empty() && brackets.back().bracket == opening)
      pop();
  }

  /// There are `more` levels inside the open brackets.
  void deepen(unsigned more = 0) {
    unsigned depth = unsigned(brackets.size()) + operators + more;
    if (depth > mostNesting)
      problem =
          "expected brackets and operators nested at most " + std::to_string(mostNesting) + " deep";
    else if (defined)
      *defined = std::max(*defined, depth);
  }

  std::string_view text;
  size_t at = 0, line = 1;
  std::vector<Open> brackets;
  unsigned operators = 0;                           // of all that are open
  std::string lastAlias;                            // the token before, if it is one
  bool equal = false;                               // the token before is '='
  std::unordered_map<std::string, unsigned> levels; // of every alias
  unsigned *defined = nullptr;                      // that of the last definition
  std::string problem;
};

} // namespace

std::string objectionToMlir(std::string_view text) { return Scanner(text).scan(); }

vitrt::Result<std::string> readMlir(const std::string &path, const std::stop_token &stop) {
  auto text = readFile(path, stop);
  if (!text || text->starts_with("ML\xefR"))
    return text;
  if (std::string wrong = vitrt::unexpectedKind(*text, vitrt::FileWanted::Text, path);
      !wrong.empty())
    return vitrt::Error{wrong};
  std::string_view unmarked = vitrt::withoutMark(*text);
  if (std::string wrong = objectionToMlir(unmarked); !wrong.empty())
    return vitrt::Error{wrong};
  return std::string(unmarked);
}

} // namespace vitc::driver
