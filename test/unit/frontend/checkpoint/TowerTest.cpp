//===- TowerTest.cpp - Image towers of models of images and text -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace {

Object smallTower(const char *type, const char *architecture) {
  return Object{{"architectures", Array{architecture}},
                {"model_type", type},
                {"hidden_size", 32},
                {"num_hidden_layers", 2},
                {"num_attention_heads", 2},
                {"intermediate_size", 48},
                {"image_size", 16},
                {"patch_size", 8}};
}

/// A config of two towers, with members of the one of images changed.
Object whole(const char *type, const char *towerType, const char *architecture,
             const Changes &changes = {}) {
  Object tower = smallTower(towerType, "");
  tower.erase("architectures");
  for (const auto &[key, value] : changes) {
    tower.erase(key);
    if (value != nullptr)
      tower[key] = value;
  }
  return Object{{"architectures", Array{architecture}},
                {"model_type", type},
                {"text_config", Object{{"model_type", "anything"}, {"vocab_size", 40}}},
                {"vision_config", std::move(tower)}};
}
Object clip(const Changes &changes = {}) {
  return whole("clip", "clip_vision_model", "CLIPModel", changes);
}

std::string errorOf(Object config, const Changes &changes = {}) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(config), changes);
  return checkpoint.error();
}
std::string textOf(Object config, const Changes &changes = {}) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(config), changes);
  return checkpoint.import().mlir();
}

} // namespace

TEST_CASE("a config within a config: errors name both keys") {
  CHECK(errorOf(clip()) == "no error");
  CHECK_THAT(errorOf(clip({{"hidden_size", "wide"}})),
             EndsWith("config.json': 'vision_config.hidden_size': expected an integer from 1 to "
                      "16777216, found \"wide\""));
  CHECK_THAT(errorOf(clip({{"use_magic", true}})),
             EndsWith("'vision_config.use_magic': expected no such setting, because its effect is "
                      "not known, found true"));
  CHECK_THAT(errorOf(clip({{"use_magic", true}, {"b", 2}})),
             EndsWith("'vision_config.b': expected no such settings, because their effect is not "
                      "known, found 2, 'vision_config.use_magic' true"));
  CHECK_THAT(errorOf(clip({{"num_attention_heads", 3}})),
             EndsWith("'vision_config.num_attention_heads': expected a divisor of 'hidden_size' "
                      "32, found 3"));
  CHECK_THAT(errorOf(clip({{"model_type", "siglip_vision_model"}})),
             Contains("'vision_config.model_type': expected \"clip_vision_model\""));
  CHECK_THAT(errorOf(clip(), {{"vision_config", 5}}),
             EndsWith("'vision_config': expected an object, found 5"));
  CHECK_THAT(errorOf(clip(), {{"use_magic", true}}), Contains("'use_magic': expected no such"));
  CHECK(errorOf(clip(), {{"text_config", Object{{"use_magic", true}}}}) == "no error");
}

TEST_CASE("a config within a config: a part that is left out has its defaults") {
  std::string text = textOf(clip(), {{"vision_config", nullptr}});
  CHECK_THAT(text, Contains("tensor<?x3x224x224xf32>") && Contains("tensor<50x768xf32>"));
  CHECK_THAT(textOf(clip()), Contains("vit.gelu quick") && Contains("eps 1.0e-05"));
  CHECK_THAT(textOf(clip({{"hidden_act", "gelu"}})), Contains("vit.gelu erf"));
  // What notes say, too.
  Checkpoint checkpoint;
  checkpoint.config(clip({{"image_size", 17}}));
  std::vector<std::string> notes = checkpoint.import().notes;
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], Contains("'vision_config.image_size': 17x17 is no multiple of the patch"));
}

TEST_CASE("the older 'vision_config_dict' replaces 'vision_config'") {
  Object other = smallTower("clip_vision_model", "");
  other.erase("architectures");
  other["hidden_size"] = 64;
  CHECK_THAT(textOf(clip({{"hidden_size", "wide"}}), {{"vision_config_dict", std::move(other)}}),
             Contains("tensor<5x64xf32>"));
  CHECK(errorOf(clip(), {{"text_config_dict", Object{{"vocab_size", 3}}}}) == "no error");
}

TEST_CASE("CLIP: classes, and the tower of a whole model") {
  auto outputs = [](Object config, const std::string &architecture = "") {
    Checkpoint checkpoint;
    checkpoint.config(std::move(config));
    vitc::checkpoint::ImportOptions options;
    options.architecture = architecture;
    auto model = vitc::checkpoint::importCheckpoint(checkpoint.path, options);
    if (!model)
      return model.error();
    std::string all = model->architecture;
    for (const auto &output : model->graph.outputs)
      all += " " + vitc::graph::nameOf(model->graph, output.name);
    return all;
  };
  CHECK(outputs(clip()) == "CLIPModel image_embeds");
  CHECK(outputs(clip(), "CLIPVisionModel") == "CLIPVisionModel last_hidden_state pooler_output");
  CHECK(outputs(clip(), "CLIPVisionModelWithProjection") ==
        "CLIPVisionModelWithProjection image_embeds last_hidden_state");
  CHECK(outputs(clip(), "CLIPForImageClassification") == "CLIPForImageClassification logits");
  CHECK(outputs(smallTower("clip_vision_model", "CLIPVisionModel")) ==
        "CLIPVisionModel last_hidden_state pooler_output");
  CHECK_THAT(outputs(smallTower("clip_vision_model", "CLIPModel")),
             Contains("expected [\"CLIPVisionModelWithProjection\"] or [\"CLIPVisionModel\"]"));
  // Each class has a width of its own for what it projects to.
  Object config = clip({{"projection_dim", 7}});
  config["projection_dim"] = 9;
  CHECK_THAT(textOf(Object(config)), Contains("tensor<9x32xf32>") && !Contains("tensor<7x32xf32>"));
}

TEST_CASE("towers whose own code asks for squares refuse others") {
  for (const char *type : {"clip_vision_model", "siglip_vision_model", "aimv2_vision_model"}) {
    const char *name = type[0] == 'c'   ? "CLIPVisionModel"
                       : type[0] == 's' ? "SiglipVisionModel"
                                        : "Aimv2VisionModel";
    Object tower = smallTower(type, name);
    CHECK(errorOf(Object(tower)) == "no error");
    CHECK_THAT(errorOf(Object(tower), {{"image_size", Array{16, 32}}}),
               EndsWith("'image_size': expected height and width that are equal, as this model's "
                        "own code asks for, found [16,32]"));
    CHECK_THAT(errorOf(Object(tower), {{"patch_size", Array{8, 4}}}),
               Contains("'patch_size': expected height and width that are equal"));
  }
  Object naflex = smallTower("siglip2_vision_model", "Siglip2VisionModel");
  naflex.erase("image_size");
  CHECK_THAT(errorOf(Object(naflex), {{"num_patches", 15}}),
             Contains("'num_patches': expected a square") && EndsWith("found 15"));
}

TEST_CASE("heads of towers: what is pooled, and what needs it") {
  Object siglip = smallTower("siglip_vision_model", "SiglipVisionModel");
  CHECK_THAT(textOf(Object(siglip)), Contains("pooler_output"));
  CHECK_THAT(textOf(Object(siglip), {{"vision_use_head", false}}), !Contains("pooler_output"));
  CHECK_THAT(
      errorOf(whole("siglip", "siglip_vision_model", "SiglipModel", {{"vision_use_head", false}})),
      EndsWith("'vision_config': expected 'vision_use_head' true, found false: SiglipModel "
               "compares what it pools"));
  CHECK_THAT(errorOf(whole("aimv2", "aimv2_vision_model", "Aimv2Model", {{"use_head", false}})),
             Contains("expected 'use_head' true, found false"));
}

TEST_CASE("AIMv2: learned positions are for one grid, waves for any") {
  Object tower = smallTower("aimv2_vision_model", "Aimv2VisionModel");
  auto sized = [&](bool native, int64_t height, int64_t width) {
    Checkpoint checkpoint;
    checkpoint.config(Object(tower), {{"is_native", native}});
    vitc::checkpoint::ImportOptions options;
    options.imageSize = vitc::checkpoint::Size{height, width};
    auto model = vitc::checkpoint::importCheckpoint(checkpoint.path, options);
    return model ? "no error" : model.error();
  };
  CHECK(sized(false, 16, 16) == "no error");
  CHECK(sized(false, 17, 20) == "no error"); // the same patches
  CHECK_THAT(sized(false, 16, 24),
             EndsWith("'image_size': expected images of 2x2 patches, for which positions were "
                      "learned, as 'is_native' is false, found 2x3 patches"));
  CHECK(sized(true, 16, 24) == "no error");
  CHECK_THAT(errorOf(Object(tower), {{"is_native", true}, {"hidden_size", 34}}),
             EndsWith("'hidden_size': expected a multiple of 4, for the waves of 'is_native', "
                      "found 34"));
}

TEST_CASE("towers: names with and without prefix, and what stands beside the tower") {
  for (const char *type : {"clip_vision_model", "siglip_vision_model", "aimv2_vision_model"}) {
    INFO(type);
    const char *name = type[0] == 'c'   ? "CLIPVisionModel"
                       : type[0] == 's' ? "SiglipVisionModel"
                                        : "Aimv2VisionModel";
    Checkpoint checkpoint;
    checkpoint.config(smallTower(type, name));
    const std::string prefix = "vision_model.";
    Tensors tensors(checkpoint.import());
    tensors.renameAll([&](std::string key) {
      return key.rfind(prefix, 0) == 0 ? key.substr(prefix.size()) : key;
    });
    tensors.save(checkpoint);
    CHECK(checkpoint.error() == "no error");
    tensors.renameAll([&](const std::string &key) { return prefix + key; });
    tensors.list["text_model.encoder.layers.0.layer_norm1.weight"] = {{7}};
    tensors.list["vision_model.embeddings.position_ids"] = {{1, 5}, vitrt::FileType::I64};
    tensors.list["logit_scale"] = {{}};
    tensors.save(checkpoint);
    CHECK(checkpoint.error() == "no error");
    tensors.list["vision_model.embeddings.other"] = {{7}};
    tensors.save(checkpoint);
    CHECK_THAT(checkpoint.error(), EndsWith("is not a tensor of this model"));
  }
}

TEST_CASE("towers: sizes that the config leaves out are those of the tensors") {
  Checkpoint checkpoint;
  checkpoint.config(clip());
  Tensors(checkpoint.import()).save(checkpoint);
  checkpoint.config(clip({{"hidden_size", nullptr},
                          {"image_size", nullptr},
                          {"num_hidden_layers", nullptr},
                          {"patch_size", nullptr}}));
  std::vector<std::string> notes = checkpoint.import().notes;
  REQUIRE(notes.size() == 4);
  CHECK_THAT(notes[0], EndsWith("'vision_config.image_size': is missing; 16 is taken, as the "
                                "tensors have it"));
}
