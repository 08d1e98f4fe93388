//===- PicturesTest.cpp - Recipes of processors ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Pictures.h"
#include "test/unit/frontend/checkpoint/CheckpointTest.h"

#include <catch2/catch.hpp>

using namespace vitc::checkpoint;
using Catch::Contains;
using Catch::EndsWith;
using llvm::json::Array;
using llvm::json::Object;
using Resize = PictureRecipe::Resize;
using Members = std::initializer_list<Object::KV>;

namespace {

vitrt::Result<PictureRecipe> transformers(Members processor, const PictureOptions &options = {},
                                          const char *file = "preprocessor_config.json") {
  Checkpoint folder;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(Object(processor));
  folder.write(file, text);
  return readTransformersRecipe(folder.path + "/config.json", Object{{"model_type", "dinov2"}},
                                options);
}

PictureRecipe recipeOf(Members processor, const PictureOptions &options = {}) {
  auto recipe = transformers(processor, options);
  INFO(recipe.error());
  REQUIRE(recipe);
  return *recipe;
}

} // namespace

TEST_CASE("recipes: what a processor's class has where the file says nothing") {
  CHECK(
      describe(recipeOf({{"image_processor_type", "ViTImageProcessor"}})) ==
      "resized to 224x224, bilinear, times 0.00392157, mean 0.5 0.5 0.5, deviation 0.5 0.5 0.5; as "
      "pil does it");
  PictureRecipe deit = recipeOf({{"feature_extractor_type", "DeiTFeatureExtractor"}});
  CHECK(deit.resize == Resize::Exact);
  CHECK(deit.resizeTo == Size{256, 256});
  CHECK(deit.crop == Size{224, 224});
  CHECK(deit.filter == 3);
  PictureRecipe clip = recipeOf({{"image_processor_type", "CLIPImageProcessorFast"}});
  CHECK(clip.resize == Resize::Shortest);
  CHECK(clip.resizeTo.height == 224);
  CHECK(clip.mean[0] == 0.48145466);
  CHECK_FALSE(recipeOf({{"image_processor_type", "BeitImageProcessor"}}).crop);
  // No class: that of the model, here DINOv2.
  CHECK(recipeOf({{"do_resize", true}}).mean[0] == 0.48145466);
}

TEST_CASE("recipes: forms of sizes") {
  auto size = [](const char *type, llvm::json::Value value) {
    PictureRecipe r = recipeOf({{"image_processor_type", type}, {"size", std::move(value)}});
    return std::tuple(r.resize, r.resizeTo.height, r.resizeTo.width);
  };
  CHECK(size("ViTImageProcessor", 24) == std::tuple(Resize::Exact, 24, 24));
  CHECK(size("CLIPImageProcessor", 24) == std::tuple(Resize::Shortest, 24, 24));
  CHECK(size("CLIPImageProcessor", Array{24, 32}) == std::tuple(Resize::Exact, 24, 32));
  CHECK(size("ViTImageProcessor", Object{{"shortest_edge", 9}}) ==
        std::tuple(Resize::Shortest, 9, 9));
  CHECK(size("ViTImageProcessor", Object{{"height", 9}, {"width", 7}}) ==
        std::tuple(Resize::Exact, 9, 7));
}

TEST_CASE("recipes: another size of images keeps what is cropped") {
  PictureRecipe clip =
      recipeOf({{"image_processor_type", "CLIPImageProcessor"}, {"size", 256}, {"crop_size", 224}},
               {"", Size{384, 384}});
  CHECK(clip.resizeTo.height == 439); // 256 * 384 / 224 = 438.86
  CHECK(clip.crop == Size{384, 384});
  PictureRecipe vit =
      recipeOf({{"image_processor_type", "ViTImageProcessor"}}, {"torchvision", Size{32, 48}});
  CHECK(vit.resizeTo == Size{32, 48});
  CHECK(vit.processor == PictureRecipe::Processor::Torchvision);
}

TEST_CASE("recipes: the part of a whole processor's file") {
  auto recipe = transformers(
      {{"processor_class", "CLIPProcessor"},
       {"image_processor", Object{{"image_processor_type", "CLIPImageProcessor"}, {"size", 30}}}},
      {}, "processor_config.json");
  REQUIRE(recipe);
  CHECK(recipe->resizeTo.height == 30);
}

TEST_CASE("recipes: what is not understood is refused") {
  auto error = [](Members processor, const PictureOptions &options = {}) {
    return transformers(processor, options).error();
  };
  CHECK_THAT(error({{"image_processor_type", "YolosImageProcessor"}}),
             Contains("'image_processor_type': expected a processor that makes one image"));
  CHECK_THAT(error({{"image_processor_type", "ViTImageProcessor"}, {"do_pad", true}}),
             Contains("'do_pad': expected false"));
  CHECK_THAT(error({{"image_processor_type", "ViTImageProcessor"}, {"blur", 3}}),
             Contains("'blur': expected no such setting"));
  CHECK_THAT(error({{"image_processor_type", "ViTImageProcessor"}, {"resample", 0}}),
             Contains("'resample': expected 1 to 5"));
  CHECK_THAT(
      error({{"image_processor_type", "ViTImageProcessor"}, {"resample", 1}}, {"torchvision", {}}),
      Contains("'resample': expected 2 (bilinear) or 3 (bicubic)"));
  CHECK_THAT(error({{"image_processor_type", "ViTImageProcessor"}, {"image_std", Array{1, 0, 1}}}),
             Contains("'image_std': expected positive numbers"));
  CHECK_THAT(error({{"image_processor_type", "DINOv3ViTImageProcessor"}}, {"pil", {}}),
             EndsWith("expected torchvision for DINOv3, which has no other, found 'pil'"));
}

TEST_CASE("recipes: timm grows what it crops, and open_clip resizes to it") {
  auto timm = [](Members cfg, const PictureOptions &options = {}) {
    return readTimmRecipe("config.json", Object{{"pretrained_cfg", Object(cfg)}}, options);
  };
  auto center = timm({{"input_size", Array{3, 224, 224}}, {"crop_pct", 0.9}});
  REQUIRE(center);
  CHECK(center->resize == Resize::Shortest);
  CHECK(center->resizeTo.height == 248); // 224 / 0.9 = 248.9
  CHECK(center->mean[0] == 0.485);
  CHECK_FALSE(center->exifOrientation);
  auto border = timm({{"crop_mode", "border"}, {"mean", Array{0.5, 0.25, 1}}}, {"", Size{32, 48}});
  REQUIRE(border);
  CHECK(border->resize == Resize::Inside);
  CHECK(border->fill == 0x8040ff); // 127.5 to even, 63.75, 255
  CHECK(border->crop == Size{32, 48});
  CHECK_THAT(timm({{"crop_mode", "corner"}}).error(),
             Contains("expected center, squash or border"));
  CHECK_THAT(timm({}, {"pil", {}}).error(), Contains("expected timm for a checkpoint of timm"));

  Object clip{{"model_cfg", Object{{"vision_cfg", Object{{"image_size", 240}}}}},
              {"preprocess_cfg", Object{{"resize_mode", "squash"}}}};
  auto squash = readOpenClipRecipe("open_clip_config.json", clip, {});
  REQUIRE(squash);
  CHECK(squash->resize == Resize::Exact);
  CHECK(squash->resizeTo == Size{240, 240});
}

TEST_CASE("labels: of configs and of files") {
  using Names = std::vector<std::string>;
  CHECK(readLabels(Object{{"id2label", Object{{"1", "dog"}, {"0", "cat"}}}}) ==
        Names{"cat", "dog"});
  CHECK(readLabels(Object{{"id2label", Object{{"1", "dog"}, {"2", "cat"}}}}).empty());
  CHECK(readLabels(Object{{"label_names", Array{"n1", "n2"}},
                          {"label_descriptions", Object{{"n1", "tench"}}}}) ==
        Names{"tench", "n2"});
  Checkpoint folder;
  folder.write("lines", "cat\r\n\n big dog\n\n");
  CHECK(*readLabelFile(folder.path + "/lines") == Names{"cat", "", " big dog"});
  folder.write("json", R"( {"0": "a", "1": "b {c}"})");
  CHECK(*readLabelFile(folder.path + "/json") == Names{"a", "b {c}"});
  folder.write("gap", R"({"0": "a", "2": "b"})");
  CHECK_THAT(readLabelFile(folder.path + "/gap").error(), Contains("all numbers from 0"));
  folder.write("empty", "\n");
  CHECK_THAT(readLabelFile(folder.path + "/empty").error(), Contains("expected a line"));
  CHECK_THAT(readLabelFile(folder.path + "/none").error(), Contains("cannot be read"));
}
