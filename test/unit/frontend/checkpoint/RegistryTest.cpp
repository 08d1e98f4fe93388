//===- RegistryTest.cpp - Families and their keys --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Registry.h"

#include <catch2/catch.hpp>
#include <set>

using namespace vitc::checkpoint;
using Catch::Matchers::Contains;

namespace {

Config configOf(const char *key, const char *value) {
  return Config(llvm::json::Object{{key, value}}, "config.json");
}

const Family &family(const std::string &name) {
  for (const Family &family : families())
    if (name == family.name)
      return family;
  FAIL("no family " << name);
  return families().front();
}

} // namespace

TEST_CASE("families: each has a name of its own and is found by its own config alone") {
  std::set<std::string> names;
  for (const Family &family : families()) {
    CHECK(names.insert(family.name).second);
    // What the README says of it.
    CHECK((*family.source && *family.title && (*family.summary || !family.architectures.empty())));
    // The texts of messages are the values: the first one, without its quotes, must match.
    std::string value(family.values);
    value = value.substr(1, value.find('"', 1) - 1);
    Config config = configOf(family.key, value.c_str());
    for (const Family &other : families())
      CHECK(other.matches(config) == (other.name == family.name));
    CHECK(findFamily(config) == &family);
  }
}

TEST_CASE("families: what none of them is is refused with all that are known") {
  Config other = configOf("model_type", "t5");
  CHECK(findFamily(other) == nullptr);
  Config none = configOf("what", "ever");
  CHECK(findFamily(none) == nullptr);
  for (const Family &family : families()) {
    CHECK_THAT(none.error(), Contains(std::string("'") + family.key + "' " + family.values));
    if (std::string(family.key) == "model_type")
      CHECK_THAT(other.error(), Contains(family.values));
  }
  CHECK_THAT(other.error(), Contains("found \"t5\""));
}

TEST_CASE("families: keys of HuggingFace ViT and of KernelBench") {
  using vitc::graph::keysOf;
  auto keys = keysOf(family("hf-vit").keys("ViTModel"), "blocks.11.attn.q.bias");
  CHECK(keys.key == "layers.11.attention.q_proj.bias");
  CHECK(keys.aliases ==
        std::vector<std::string>{"encoder.layer.11.attention.attention.query.bias",
                                 "vit.layers.11.attention.q_proj.bias",
                                 "vit.encoder.layer.11.attention.attention.query.bias"});
  auto classifier = family("hf-vit").keys("ViTForImageClassification");
  CHECK(keysOf(classifier, "head.weight").key == "classifier.weight");
  CHECK(keysOf(classifier, "norm.weight").key == "vit.layernorm.weight");
  keys = keysOf(family("kernelbench").keys("kernelbench_vit"), "patch_embed.weight");
  CHECK(keys.transposed == std::vector<std::string>{"patch_weight"});
}
