//===- DslTest.cpp - Models of the DSL against the importer ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "examples/dsl/Models.h"
#include "frontend/checkpoint/Import.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace vitc::dsl;

// Evaluated by the compiler; the rest of the figures is in the example.
static_assert(flops<models::digits>() ==
              2 * 64 * 16 * 128 + 4 * (24LL * 65 * 128 * 128 + 4 * 65 * 65 * 128) + 2 * 128 * 10);
static_assert(check<models::gated>());

namespace {

/// Without what differs between checkpoints: keys, and tensors to ignore. A key ends, with its
/// aliases, where the shape in the file or the type begins; no key has a colon or a space.
std::string upToKeys(std::string text) {
  if (size_t at = text.find("\n      attributes {vit.ignored"); at != std::string::npos)
    text.erase(at, text.find(" {\n", at) - at);
  const std::string weight = "= vit.weight ";
  for (size_t at = 0; (at = text.find(weight, at)) != std::string::npos;) {
    at += weight.size();
    size_t end = std::min(text.find(" file_shape ", at), text.find(" : ", at));
    text.erase(at, end - at);
  }
  return text;
}

/// What the importer makes of a config.json.
vitc::checkpoint::Import import(const std::string &config) {
  auto folder = std::filesystem::temp_directory_path() / ("vitc-dsl-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "config.json") << config;
  auto result = vitc::checkpoint::importCheckpoint(folder.string());
  std::filesystem::remove_all(folder);
  INFO(result.error());
  REQUIRE(result);
  return std::move(*result);
}

const char *digitsConfig = R"({"architectures": ["ViTForImageClassification"], "model_type": "vit",
  "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 512,
  "image_size": 32, "patch_size": 4, "num_channels": 1, "num_labels": 10})";

} // namespace

TEST_CASE("digits in the DSL is the importer's IR up to keys") {
  vitc::checkpoint::Import imported = import(digitsConfig);
  std::string own = printMlir(models::digits());
  CHECK(own != imported.mlir());
  CHECK(upToKeys(own) == upToKeys(imported.mlir()));
  // With the same keys there is no difference.
  CHECK(printMlir(models::digits(), imported.printing) == imported.mlir());
}

TEST_CASE("ViT-B/16 in the DSL is the importer's IR up to keys") {
  vitc::checkpoint::Import imported = import(
      R"({"architectures": ["ViTForImageClassification"], "model_type": "vit", "num_labels": 1000})");
  CHECK(printMlir(models::vitB16(), imported.printing) == imported.mlir());
}

TEST_CASE("a problem at run time is the same as at compile time") {
  Graph g;
  Value x = input(g / "pixel_values", {batch, 3, 32, 32});
  x = PatchEmbed{8, 8, 96}(g / "patch_embed", x);
  Attention{5}(g / "attn", x);
  CHECK(problemText(g) == "attn: vit.attention expected a number of heads that divides the width "
                          "96, found 5");
  constexpr auto report = detail::reportOf([] {
    Graph g;
    Value x = input(g / "pixel_values", {batch, 3, 32, 32});
    x = PatchEmbed{8, 8, 96}(g / "patch_embed", x);
    Attention{5}(g / "attn", x);
    return g;
  }());
  CHECK(report.problem);
  CHECK(std::string(report.place.text) == "attn");
  CHECK(std::string(report.expected.text) == "96");
  CHECK(std::string(report.found.text) == "5");
}

TEST_CASE("what follows a problem does not hide it") {
  Graph g;
  Value x = input(g / "pixel_values", {batch, 3, 0, 32}); // no shape, so a width of 0 from here on
  x = PatchEmbed{8, 8, 96}(g / "patch_embed", x);
  Attention{5}(g / "attn", Value());
  CHECK_THAT(problemText(g), Catch::StartsWith("pixel_values: vit.input expected positive sizes"));
}
