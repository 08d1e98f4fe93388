//===- TimmTest.cpp - Architectures of timm --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// timm-tensors.json was read from timm 1.0.31 itself: parameters and tensors of
// models by their names alone, and the SHA-256 of the lines "NAME AxBxC", sorted
// and joined by newlines.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include "frontend/checkpoint/timm/Architectures.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <catch2/catch.hpp>
#include <set>

using namespace llvm;
using Catch::Matchers::Contains;

namespace {

/// "NAME AxBxC" of every tensor, and all elements.
struct Listing {
  std::set<std::string> lines;
  int64_t parameters = 0;

  explicit Listing(const vitc::checkpoint::Import &model) {
    for (const auto &[name, tensor] : Tensors(model).list) {
      std::string line = name + " ";
      int64_t elements = 1;
      for (int64_t size : tensor.shape) {
        line += (line.back() == ' ' ? "" : "x") + std::to_string(size);
        elements *= size;
      }
      lines.insert(line);
      parameters += elements;
    }
  }
  std::string hash() const {
    return toHex(SHA256::hash(arrayRefFromStringRef(join(lines, "\n"))), /*LowerCase=*/true);
  }
};

json::Object readTensors() {
  auto file = vitc::checkpoint::readJsonObject(VITC_SOURCE_DIR
                                               "/test/unit/frontend/checkpoint/timm-tensors.json");
  REQUIRE(file);
  return std::move(*file);
}

json::Object timmConfig(StringRef architecture) {
  return json::Object{{"architecture", architecture}};
}

} // namespace

TEST_CASE("timm: a name alone gives timm's tensors") {
  int read = 0;
  for (const auto &[name, facts] : readTensors()) {
    INFO(StringRef(name).str());
    Checkpoint checkpoint;
    checkpoint.config(timmConfig(name));
    auto model = vitc::checkpoint::importCheckpoint(checkpoint.path);
    if (!model) {
      UNSCOPED_INFO(model.error());
      CHECK_THAT(model.error(), Contains("not supported"));
      continue;
    }
    Listing listing(*model);
    const json::Array &expected = *facts.getAsArray();
    CHECK(listing.parameters == expected[0].getAsInteger());
    CHECK(int64_t(listing.lines.size()) == expected[1].getAsInteger());
    CHECK(listing.hash() == expected[2].getAsString());
    ++read;
  }
  CHECK(read >= 190);
}

namespace {

/// A small model by changing arguments of an architecture.
json::Object smallTimm(StringRef architecture, const Changes &more = {}) {
  json::Object args{{"img_size", 16}, {"patch_size", 8}, {"embed_dim", 32},
                    {"depth", 2},     {"num_heads", 2},  {"mlp_ratio", 2}};
  for (const auto &[key, value] : more)
    args[key] = value;
  return json::Object{
      {"architecture", architecture}, {"num_classes", 5}, {"model_args", std::move(args)}};
}

std::string errorOf(json::Object config) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(config));
  return checkpoint.error();
}

vitc::checkpoint::Import importOf(json::Object config) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(config));
  auto model = vitc::checkpoint::importCheckpoint(checkpoint.path);
  if (!model)
    FAIL(model.error());
  return std::move(*model);
}

} // namespace

TEST_CASE("timm: an unknown name is refused with the nearest ones, an unknown class by its name") {
  CHECK_THAT(errorOf(timmConfig("vit_base_patch16_225")),
             Contains("did you mean 'vit_base_patch16_224'"));
  CHECK_THAT(errorOf(timmConfig("vit_relpos_small_patch16_224")),
             Contains("timm's VisionTransformerRelPos is not supported"));
  CHECK_THAT(errorOf(timmConfig("vit_small_r26_s32_224")),
             Contains("'embed_layer': expected PatchEmbed, as others are not supported, found "
                      "\"HybridEmbed\""));
}

TEST_CASE("timm: arguments that are not followed are refused, and contradictions") {
  const char *vit = "vit_base_patch16_224";
  CHECK(errorOf(smallTimm(vit)) == "no error");
  CHECK_THAT(errorOf(smallTimm(vit, {{"dynamic_img_pad", true}})), Contains("'dynamic_img_pad'"));
  CHECK_THAT(errorOf(smallTimm(vit, {{"what", 1}})), Contains("'what'"));
  CHECK_THAT(errorOf(smallTimm(vit, {{"global_pool", "avgmax"}})),
             Contains("'global_pool': expected token, avg, map or prr"));
  CHECK_THAT(errorOf(smallTimm(vit, {{"class_token", false}})),
             Contains("'global_pool': expected avg or map, as the model has no class token"));
  CHECK_THAT(errorOf(smallTimm(vit, {{"num_classes", 7}})),
             Contains("'num_classes': expected 7, as other values are not supported, found 5"));
  CHECK_THAT(errorOf(smallTimm("eva02_base_patch14_224", {{"rope_type", "mixed"}})),
             Contains("'rope_type': expected cat or dinov3"));
  json::Object other = smallTimm(vit);
  other["num_features"] = 48;
  CHECK_THAT(errorOf(std::move(other)), Contains("'num_features': expected 32"));
  json::Object pool = smallTimm(vit);
  pool["global_pool"] = "avg";
  pool["pretrained_cfg"] = json::Object{}; // without it, the top is that
  CHECK_THAT(errorOf(std::move(pool)), Contains("'global_pool': expected \"token\""));
}

TEST_CASE("timm: what pretrained_cfg says counts where arguments say nothing") {
  json::Object config = timmConfig("vit_tiny_patch16_224");
  config["pretrained_cfg"] = json::Object{{"input_size", json::Array{1, 32, 48}},
                                          {"fixed_input_size", true},
                                          {"num_classes", 9},
                                          {"mean", json::Array{0.5, 0.5, 0.5}}};
  Tensors tensors(importOf(std::move(config)));
  CHECK(tensors.list.at("pos_embed").shape == std::vector<int64_t>{1, 7, 192});
  CHECK(tensors.list.at("patch_embed.proj.weight").shape == std::vector<int64_t>{192, 1, 16, 16});
  CHECK(tensors.list.at("head.weight").shape == std::vector<int64_t>{9, 192});
  // Older files have its fields at the top.
  json::Object flat = timmConfig("vit_tiny_patch16_224");
  flat["num_classes"] = 3;
  flat["input_size"] = json::Array{3, 64, 64};
  Tensors old(importOf(std::move(flat)));
  CHECK(old.list.at("pos_embed").shape == std::vector<int64_t>{1, 17, 192});
}

TEST_CASE("timm: without classes the pooled features are the output") {
  json::Object config = smallTimm("vit_base_patch16_siglip_224");
  config["num_classes"] = 0;
  vitc::checkpoint::Import model = importOf(std::move(config));
  REQUIRE(model.graph.outputs.size() == 1);
  CHECK(vitc::graph::nameOf(model.graph, model.graph.outputs[0].name) == "pooler_output");
}

TEST_CASE("torchvision: a state dict alone tells all but the number of heads") {
  Checkpoint described, bare;
  described.config(json::Object{{"architecture", "torchvision_vit"},
                                {"image_size", 32},
                                {"patch_size", 8},
                                {"num_layers", 2},
                                {"num_heads", 2},
                                {"hidden_dim", 128},
                                {"mlp_dim", 96},
                                {"num_classes", 7},
                                {"representation_size", 24}});
  auto model = vitc::checkpoint::importCheckpoint(described.path);
  REQUIRE(model);
  Tensors(*model).save(bare);
  auto found = vitc::checkpoint::importCheckpoint(bare.path);
  if (!found)
    FAIL(found.error());
  CHECK(found->mlir() == model->mlir());
  CHECK_THAT(join(found->notes, "\n"), Contains("'num_heads': is missing; 2 is taken"));

  Checkpoint narrow;
  described.config(json::Object{{"architecture", "torchvision_vit"},
                                {"image_size", 32},
                                {"patch_size", 8},
                                {"num_layers", 2},
                                {"num_heads", 2},
                                {"hidden_dim", 96},
                                {"mlp_dim", 96},
                                {"num_classes", 7}});
  Tensors(*vitc::checkpoint::importCheckpoint(described.path)).save(narrow);
  CHECK_THAT(narrow.error(), Contains("the width 96 is no multiple of 64"));
  Checkpoint stranger;
  Tensors strange(*model);
  strange.renameAll([](std::string name) { return "net." + name; });
  strange.save(stranger);
  CHECK_THAT(stranger.error(), Contains("expected a config.json in this directory, found none, and "
                                        "the tensors are those of a ViT of torchvision"));
}

TEST_CASE("open_clip: towers that are not followed are refused by their name") {
  auto error = [](const Changes &vision) {
    json::Object base{{"image_size", 16}, {"layers", 2},     {"width", 32},
                      {"head_width", 16}, {"patch_size", 8}, {"mlp_ratio", 2.0}};
    for (const auto &[key, value] : vision)
      base[key] = value;
    Checkpoint checkpoint;
    std::string text;
    raw_string_ostream(text) << json::Value(
        json::Object{{"model_cfg", json::Object{{"embed_dim", 24},
                                                {"vision_cfg", std::move(base)},
                                                {"text_cfg", json::Object{{"width", 8}}}}}});
    checkpoint.write("open_clip_config.json", text);
    return checkpoint.error();
  };
  CHECK(error({}) == "no error");
  CHECK(error({{"ls_init_value", 1e-5}, {"pool_type", "avg"}}) == "no error");
  CHECK_THAT(error({{"timm_model_name", "vit_base_patch16_siglip_224"}}),
             Contains("'timm_model_name': expected none"));
  CHECK_THAT(error({{"layers", json::Array{3, 4, 6, 3}}}), Contains("ResNets of CLIP"));
  CHECK_THAT(error({{"attentional_pool", true}}), Contains("'attentional_pool'"));
  CHECK_THAT(error({{"qk_norm", true}}), Contains("'qk_norm'"));
  CHECK_THAT(error({{"norm_kwargs", json::Object{{"elementwise_affine", false}}}}),
             Contains("'elementwise_affine'"));
}
