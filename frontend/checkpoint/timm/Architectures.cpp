//===- Architectures.cpp - What timm knows of its architectures ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Architectures.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <fmt/format.h>

using namespace llvm;

/// architectures.json; CMake makes a constant of it.
extern const char *const timmArchitectures;

namespace vitc::checkpoint::timm {

namespace {
struct Table {
  Table() : value(cantFail(json::parse(timmArchitectures), "the table is ours")) {
    const json::Object &top = *value.getAsObject(), &classes = *top.getObject("classes");
    for (const auto &[name, entry] : *top.getObject("architectures")) {
      const json::Object &one = *entry.getAsObject();
      StringRef className = *one.getString("class");
      byName[name] = {className,
                      classes.getObject(className),
                      one.getObject("args"),
                      one.getObject("cfg"),
                      one.getString("unsupported").value_or(""),
                      &one};
    }
  }

  json::Value value;
  StringMap<Architecture> byName;
};
} // namespace

static const Table &table() {
  static const Table table;
  return table;
}

const Architecture *findArchitecture(StringRef name) {
  auto found = table().byName.find(name);
  return found == table().byName.end() ? nullptr : &found->second;
}

std::vector<ListedTensor> parametersOf(const Architecture &architecture) {
  constexpr StringRef number = "{depth}";
  const json::Object &entry = *architecture.entry;
  std::vector<ListedTensor> listed;
  for (const auto &[name, shape] : *entry.getObject("tensors")) {
    if (is_contained(*entry.getArray("buffers"), json::Value(name)))
      continue;
    int64_t elements = 1;
    for (const json::Value &extent : *shape.getAsArray())
      elements *= *extent.getAsInteger();
    auto [before, after] = StringRef(name).split(number);
    int64_t copies = before == StringRef(name) ? 1 : *entry.getInteger("depth");
    for (int64_t i = 0; i < copies; ++i)
      listed.push_back(
          {copies == 1 ? name.str() : fmt::format("{}{}{}", before.str(), i, after.str()),
           elements});
  }
  sort(listed, [](const ListedTensor &a, const ListedTensor &b) { return a.name < b.name; });
  return listed;
}

std::string suggestionsFor(StringRef name) {
  std::vector<std::pair<unsigned, std::string>> near;
  for (const auto &entry : table().byName)
    near.emplace_back(entry.first().edit_distance_insensitive(name), entry.first());
  sort(near);
  std::string text = "did you mean ";
  for (int i = 0; i < 3; ++i)
    text += fmt::format("{}'{}'", i == 0 ? "" : i == 2 ? " or " : ", ", near[i].second);
  return text + "?";
}

} // namespace vitc::checkpoint::timm
