//===- config.cpp - Bent configs, through every importer ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Keys and values change and change places; what is a config of one family may
// become one of another. What is imported must print.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Registry.h"
#include "test/fuzz/Mutate.h"
#include "vitc/graph/Print.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Expected<json::Value> value = json::parse(StringRef(textOf(data, size)));
  if (!value) {
    consumeError(value.takeError());
    return 0;
  }
  json::Object *object = value->getAsObject();
  if (!object)
    return 0;
  checkpoint::Config config(*object, "config.json");
  const checkpoint::Family *family = checkpoint::findFamily(config);
  if (!family != config.failed())
    __builtin_trap();
  if (!family)
    return 0;
  checkpoint::ImportedGraph model = family->import(config, nullptr);
  if (config.failed() || model.graph.problem.found)
    return 0;
  for (const checkpoint::NamedOutput &output : model.outputs)
    graph::output(output.name.in(model.graph), output.value);
  if (!model.graph.problem.found)
    (void)graph::printMlir(model.graph, {family->keys(model.architecture), model.unused});
  return 0;
}

namespace {

/// Every value below `value`, itself first.
void collect(json::Value &value, std::vector<json::Value *> &out) {
  out.push_back(&value);
  if (json::Array *array = value.getAsArray())
    for (json::Value &element : *array)
      collect(element, out);
  if (json::Object *object = value.getAsObject())
    for (auto &member : *object)
      collect(member.second, out);
}

json::Value interestingValue(Random &random) {
  switch (random.below(8)) {
  case 0:
    return nullptr;
  case 1:
    return random.oneIn(2);
  case 2:
    return json::Array{};
  case 3:
    return json::Object{};
  case 4:
    return "";
  case 5:
    return json::Array{int64_t(random.below(64)), int64_t(random.below(64))};
  default:
    return cantFail(json::parse(interestingNumber(random)));
  }
}

void mutateObject(json::Object &object, Random &random) {
  if (object.empty())
    return;
  auto chosen = [&] { return std::next(object.begin(), long(random.below(object.size()))); };
  std::string key = chosen()->first.str(), other = chosen()->first.str();
  switch (random.below(4)) {
  case 0:
    object.erase(key);
    break;
  case 1:
    object[other] = json::Value(*object.get(key));
    break;
  case 2:
    object[key + (random.oneIn(2) ? "_" : "s")] = json::Value(*object.get(key));
    break;
  case 3:
    object[key] = interestingValue(random);
    break;
  }
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  Random random(seed);
  Expected<json::Value> value = json::parse(StringRef(textOf(data, size)));
  if (!value || random.oneIn(8)) {
    consumeError(value.takeError());
    return LLVMFuzzerMutate(data, size, maxSize);
  }
  for (size_t count = 1 + random.below(3); count; --count) {
    std::vector<json::Value *> all;
    collect(*value, all);
    json::Value &target = *all[random.below(all.size())];
    if (json::Object *object = target.getAsObject())
      mutateObject(*object, random);
    else
      target =
          random.oneIn(2) ? json::Value(*all[random.below(all.size())]) : interestingValue(random);
  }
  std::string text;
  raw_string_ostream(text) << *value;
  return give(text, data, maxSize);
}
