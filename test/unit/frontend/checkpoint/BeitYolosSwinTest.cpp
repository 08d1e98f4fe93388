//===- BeitYolosSwinTest.cpp - BEiT, Data2Vec-Vision, YOLOS, Swin ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include "frontend/checkpoint/Registry.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using llvm::json::Array;
using llvm::json::Object;
using vitc::checkpoint::Size;

namespace {

Object small(const char *type, const char *architecture) {
  Object object = smallVit();
  object["model_type"] = type;
  object["architectures"] = Array{architecture};
  return object;
}
Object beit() { return small("beit", "BeitForImageClassification"); }
Object yolos() {
  Object object = small("yolos", "YolosForObjectDetection");
  object["image_size"] = Array{16, 24};
  object["num_detection_tokens"] = 3;
  return object;
}
Object swin() {
  return Object{{"architectures", Array{"SwinForImageClassification"}},
                {"model_type", "swin"},
                {"image_size", 32},
                {"embed_dim", 16},
                {"depths", Array{2, 1}},
                {"num_heads", Array{2, 4}},
                {"window_size", 4},
                {"mlp_ratio", 2.5},
                {"num_labels", 5}};
}
/// The IR of a config for images of a size; "error: ..." if it is refused.
std::string textOf(Object object, const Changes &changes = {}, std::optional<Size> size = {},
                   std::vector<std::string> outputs = {}) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(object), changes);
  vitc::checkpoint::ImportOptions options;
  options.imageSize = size;
  options.outputs = std::move(outputs);
  auto model = vitc::checkpoint::importCheckpoint(checkpoint.path, options);
  return model ? model->mlir() : "error: " + model.error();
}
int count(const std::string &text, const std::string &part) {
  int found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

} // namespace

TEST_CASE("BEiT: where relative positions come from") {
  std::string none = textOf(beit());
  CHECK_THAT(none, !Contains("relative_bias") && !Contains("vit.position"));
  // Two layers; keys have no bias: q, v, proj, fc1 and fc2 in each, the patches and the head.
  CHECK(count(none, "vit.bias_add") == 12);
  std::string own = textOf(beit(), {{"use_relative_position_bias", true}});
  CHECK(count(own, "= vit.relative_bias") == 2);
  CHECK_THAT(own, Contains("tensor<12x2xf32> -> tensor<5x2x5xf32>"));
  std::string shared = textOf(beit(), {{"use_shared_relative_position_bias", true}});
  CHECK(count(shared, "= vit.relative_bias") == 1);
  std::string both = textOf(
      beit(), {{"use_relative_position_bias", true}, {"use_shared_relative_position_bias", true}});
  CHECK(count(both, "= vit.relative_bias") == 2);
  CHECK(count(both, "vit.weight \"beit.shared_position_bias") == 1);
  CHECK(count(textOf(beit(), {{"use_absolute_position_embeddings", true}}), "= vit.position") == 1);
}

TEST_CASE("BEiT: tables for other grids, width and height exchanged as transformers does") {
  Changes relative = {{"use_relative_position_bias", true}};
  CHECK_THAT(textOf(beit(), relative), !Contains(" from ["));
  CHECK_THAT(textOf(beit(), relative, Size{16, 32}), Contains(" from [3, 3] window [2, 4]"));
  relative.push_back({"image_size", Array{16, 32}});
  CHECK_THAT(textOf(beit(), relative), Contains(" from [7, 3] window [2, 4]"));
  CHECK_THAT(textOf(beit(), {{"patch_size", Array{8, 4}}}),
             Contains("'patch_size': expected height and width that are equal"));
}

TEST_CASE("BEiT: pooling, scaled branches, and what the plain models give") {
  CHECK_THAT(textOf(beit()), Contains("vit.mean_tokens") && Contains("lambda_1"));
  CHECK_THAT(textOf(beit(), {{"layer_scale_init_value", 0}}), !Contains("lambda_1"));
  CHECK_THAT(textOf(beit(), {{"layer_scale_init_value", -1}}),
             EndsWith("'layer_scale_init_value': expected a number that is not below 0, found -1"));
  std::string token = textOf(beit(), {{"use_mean_pooling", false}});
  CHECK_THAT(token, !Contains("vit.mean_tokens") && Contains("beit.layernorm.weight"));
  CHECK_THAT(textOf(small("beit", "BeitModel")), Contains("\"pooler_output\""));
  CHECK_THAT(textOf(small("data2vec-vision", "Data2VecVisionModel")), !Contains("pooler_output"));
  // Only transformers 5's BEiT takes heads of another size than the width gives.
  CHECK(count(textOf(beit(), {{"head_dim", 24}}), "head_dim 24") == 2);
  CHECK_THAT(textOf(small("data2vec-vision", "Data2VecVisionModel"), {{"head_dim", 24}}),
             Contains("'head_dim': expected no such setting"));
}

TEST_CASE("YOLOS: tokens, positions between layers, and heads") {
  std::string text = textOf(yolos());
  CHECK_THAT(text, Contains("\"logits\"") && Contains("\"pred_boxes\"") &&
                       Contains("vit.sigmoid") && Contains("vit.append"));
  CHECK_THAT(text, Contains("-> (tensor<?x3x6xf32>")); // one class more than labels
  CHECK(count(text, "= vit.position") == 2);
  CHECK(count(textOf(yolos(), {{"use_mid_position_embeddings", false}}), "= vit.position") == 1);
  CHECK(count(textOf(yolos(), {{"num_hidden_layers", 1}}), "= vit.position") == 1);
  CHECK_THAT(text, !Contains("vit.resample"));
  CHECK(count(textOf(yolos(), {}, Size{40, 24}), "cubic [2, 3] to [5, 3]") == 2);
  CHECK_THAT(textOf(yolos(), {{"image_size", Array{17, 24}}}), !Contains("error: "));
  CHECK_THAT(textOf(yolos(), {{"image_size", Array{20, 24}}}),
             Contains("'image_size': expected multiples of 'patch_size'"));
  CHECK_THAT(textOf(small("yolos", "YolosModel")), Contains("\"pooler_output\""));
}

TEST_CASE("Swin: windows, shifts, merging") {
  std::string text = textOf(swin());
  // Stage 0 has 8x8 tokens, every other block shifted; stage 1 one window.
  CHECK(count(text, "windows <grid = [8, 8], size = [4, 4], shift = [0, 0]>") == 1);
  CHECK(count(text, "windows <grid = [8, 8], size = [4, 4], shift = [2, 2]>") == 1);
  CHECK(count(text, "windows <grid = [4, 4], size = [4, 4], shift = [0, 0]>") == 1);
  CHECK(count(text, "= vit.merge_patches") == 1);
  CHECK_THAT(text, Contains("tensor<80x32xf32>")); // mlp_ratio of the second width
  // A window that is the grid is not shifted, also where only one side is.
  text = textOf(swin(), {{"depths", Array{2}}, {"num_heads", Array{2}}}, Size{16, 64});
  CHECK_THAT(text, !Contains("error: "));
  CHECK(count(text, "shift = [2, 2]") == 0);
  CHECK_THAT(textOf(swin(), {}, {}, {"hidden_states.0", "hidden_states.1", "hidden_states.2"}),
             Contains("tensor<?x64x16xf32> {vit.name = \"hidden_states.0\"}") &&
                 Contains("tensor<?x16x32xf32> {vit.name = \"hidden_states.2\"}"));
}

TEST_CASE("Swin: grids that transformers fills with zeros are refused with numbers") {
  CHECK_THAT(textOf(swin(), {{"window_size", 3}}),
             EndsWith("'image_size': expected an image whose patches need no filling, found 32x32, "
                      "where stage 0 has 8x8 tokens and windows of 3x3"));
  CHECK_THAT(textOf(swin(), {{"window_size", 8}}),
             EndsWith("where stage 1 has 4x4 tokens and windows of 8x8"));
  CHECK_THAT(textOf(swin(), {}, Size{33, 32}), EndsWith("found 33x32, where patches are 4x4"));
  CHECK_THAT(textOf(swin(), {{"window_size", 1}}, Size{36, 32}),
             EndsWith("where stage 0 has 9x8 tokens to merge by four"));
  CHECK_THAT(textOf(swin(), {{"depths", Array{2}}}),
             EndsWith("'num_heads': expected as many numbers as 'depths' has, 1, up to 16, found "
                      "[2,4]"));
  CHECK_THAT(textOf(swin(), {{"depths", Array{2, 0}}}),
             EndsWith("'depths': expected an array of integers from 1 to 1000, found [2,0]"));
  CHECK_THAT(textOf(swin(), {{"num_heads", Array{2, 5}}}), Contains("numbers that divide"));
  CHECK_THAT(textOf(swin(), {{"num_layers", 3}}), Contains("'num_layers': expected 2"));
  CHECK_THAT(textOf(swin(), {{"hidden_size", 16}}), Contains("'hidden_size': expected 32"));
}

TEST_CASE("BEiT and Swin: names of transformers 4") {
  auto renamed = [](Object config, std::vector<std::pair<std::string, std::string>> parts) {
    Checkpoint checkpoint;
    checkpoint.config(std::move(config));
    Tensors tensors(checkpoint.import());
    tensors.renameAll([&](std::string key) {
      for (const auto &[from, to] : parts)
        if (size_t at = key.find(from); at != std::string::npos)
          key.replace(at, from.size(), to);
      return key;
    });
    tensors.save(checkpoint);
    return checkpoint.error();
  };
  Object config = beit();
  config["use_relative_position_bias"] = true;
  config["use_shared_relative_position_bias"] = true;
  CHECK(renamed(std::move(config),
                {{"beit.layers.", "beit.encoder.layer."},
                 {"attention.q_proj", "attention.attention.query"},
                 {"attention.k_proj", "attention.attention.key"},
                 {"attention.v_proj", "attention.attention.value"},
                 {"attention.o_proj", "attention.output.dense"},
                 {"mlp.fc1", "intermediate.dense"},
                 {"mlp.fc2", "output.dense"},
                 {".relative_position_bias.", ".attention.attention.relative_position_bias."},
                 {"shared_position_bias", "encoder.relative_position_bias"}}) == "no error");
  CHECK(renamed(swin(), {{"attention.q_proj", "attention.self.query"},
                         {"attention.k_proj", "attention.self.key"},
                         {"attention.v_proj", "attention.self.value"},
                         {"attention.o_proj", "attention.output.dense"},
                         {"mlp.fc1", "intermediate.dense"},
                         {"mlp.fc2", "output.dense"},
                         {"attention.relative_position_bias.", "attention.self."}}) == "no error");
}

TEST_CASE("keys with two numbers, and index buffers of older files") {
  using vitc::graph::keysOf;
  for (const auto &family : vitc::checkpoint::families())
    if (std::string(family.name) == "hf-swin") {
      auto keys = keysOf(family.keys("SwinForImageClassification"), "stages.1.5.attn.q.bias");
      CHECK(keys.key == "swin.encoder.layers.1.blocks.5.attention.q_proj.bias");
      CHECK(keys.aliases ==
            std::vector<std::string>{"swin.encoder.layers.1.blocks.5.attention.self.query.bias"});
    }
  Checkpoint checkpoint;
  checkpoint.config(swin());
  Tensors tensors(checkpoint.import());
  tensors.list["swin.encoder.layers.1.blocks.0.attention.self.relative_position_index"] = {
      {16, 16}, vitrt::FileType::I64};
  tensors.save(checkpoint);
  CHECK(checkpoint.error() == "no error");
  tensors.list["swin.encoder.layers.1.blocks.1.attention.self.relative_position_index"] = {
      {16, 16}, vitrt::FileType::I64};
  tensors.save(checkpoint);
  CHECK_THAT(checkpoint.error(), Contains("is not a tensor of this model"));
}
