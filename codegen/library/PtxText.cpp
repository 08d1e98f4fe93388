//===- PtxText.cpp - Several kernels in one PTX file ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A PTX module begins with .version, .target and .address_size, and may name a
// variable once. The text is what LLVM prints, one declaration per line, so
// lines are enough to tell these apart.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/PtxText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace llvm;

static bool isNameCharacter(char c) { return isAlnum(c) || c == '_' || c == '$'; }

/// The variable that a line at module scope declares; empty if it declares none.
static StringRef declaredName(StringRef line) {
  StringRef rest = line.trim();
  rest.consume_front(".extern ");
  rest.consume_front(".visible ");
  if (!rest.starts_with(".shared ") && !rest.starts_with(".global ") &&
      !rest.starts_with(".const "))
    return "";
  StringRef name = rest.take_until([](char c) { return c == '[' || c == ';' || c == '='; }).rtrim();
  return name.drop_front(name.find_last_of(" \t") + 1);
}

static std::string rename(StringRef text, StringRef from, StringRef to) {
  std::string result;
  while (!text.empty()) {
    size_t at = text.find(from);
    result += text.take_front(at);
    if (at == StringRef::npos)
      break;
    StringRef after = text.drop_front(at + from.size());
    bool whole = (at == 0 || !isNameCharacter(text[at - 1])) &&
                 (after.empty() || !isNameCharacter(after.front()));
    result += whole ? to : from;
    text = after;
  }
  return result;
}

std::string vitc::codegen::joinPtx(ArrayRef<KernelCode> kernels) {
  std::string joined;
  StringMap<std::string> declared;
  for (const KernelCode &kernel : kernels) {
    std::string text = kernel.ptx;
    // First all names that are taken by something else, then what is there already.
    SmallVector<StringRef> lines;
    StringRef(kernel.ptx).split(lines, '\n');
    int depth = 0;
    for (StringRef line : lines) {
      depth += line.count('{') - line.count('}');
      StringRef name = depth ? "" : declaredName(line);
      if (auto other = declared.find(name);
          !name.empty() && other != declared.end() && other->second != line)
        text = rename(text, name, (name + "_" + kernel.name).str());
    }
    lines.clear();
    StringRef(text).split(lines, '\n');
    depth = 0;
    for (StringRef line : lines) {
      bool header = line.starts_with(".version") || line.starts_with(".target") ||
                    line.starts_with(".address_size");
      StringRef name = depth ? "" : declaredName(line);
      depth += line.count('{') - line.count('}');
      if (header && &kernel != kernels.begin())
        continue;
      if (!name.empty() && !declared.try_emplace(name, line.str()).second)
        continue;
      joined += line.str() + "\n";
    }
  }
  return joined;
}
