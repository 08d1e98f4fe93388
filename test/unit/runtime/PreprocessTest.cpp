//===- PreprocessTest.cpp - Numbers of pictures that a reader can check ----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Preprocess.h"
#include "test/unit/runtime/RuntimeFixture.h"
#include "vit/vit.hpp"

#include <cstring>

using namespace vitrt;
using Catch::Contains;

namespace {

vit_preprocessing plainRecipe(uint32_t processor = VIT_PROCESSOR_PIL) {
  vit_preprocessing recipe = {};
  recipe.processor = processor;
  recipe.filter = VIT_PICTURE_BILINEAR;
  recipe.scale = 1;
  for (double &deviation : recipe.deviation)
    deviation = 1;
  return recipe;
}

template <class Pixel>
std::vector<Pixel> reduceTo(const vit_preprocessing &recipe, PixelShape shape, int64_t width,
                            int64_t height, const std::vector<uint8_t> &rgb) {
  PicturePlan plan;
  Status good = PicturePlan::make(recipe, shape, width, height, plan);
  INFO(good.message());
  REQUIRE(good);
  PictureReduction reduction(plan);
  for (int64_t row = plan.rows().begin; row != plan.rows().end; ++row)
    reduction.add(row, &rgb[size_t(3 * width * row)]);
  std::vector<Pixel> pixels(size_t(shape.count()));
  reduction.finish(pixels.data());
  return pixels;
}

std::vector<float> reduce(const vit_preprocessing &recipe, PixelShape shape, int64_t width,
                          int64_t height, const std::vector<uint8_t> &rgb) {
  return reduceTo<float>(recipe, shape, width, height, rgb);
}

std::string refusal(const vit_preprocessing &recipe, PixelShape shape, int64_t width,
                    int64_t height) {
  PicturePlan plan;
  return PicturePlan::make(recipe, shape, width, height, plan).message();
}

/// A row of gray pixels.
std::vector<uint8_t> grays(const std::vector<int> &values) {
  std::vector<uint8_t> rgb;
  for (int value : values)
    rgb.insert(rgb.end(), 3, uint8_t(value));
  return rgb;
}

/// A library that reads one channel of 1 x 2 pixels.
struct PictureLibrary {
  PictureLibrary() {
    input = {"pixel_values", VIT_F32, 4, {-1, 1, 1, 2}};
    recipe = plainRecipe();
    recipe.resize = VIT_RESIZE_EXACT;
    recipe.resize_height = 1;
    recipe.resize_width = 2;
    recipe.filter = VIT_PICTURE_BOX;
    library.abi = VIT_ABI;
    library.size = sizeof library;
    library.inputs = &input;
    library.input_count = 1;
    library.preprocessing = &recipe;
    library.labels = labels;
    library.label_count = 2;
  }
  const char *labels[2] = {"cat", "dog"};
  vit_tensor input;
  vit_preprocessing recipe;
  vit_library library = {};
};

} // namespace

TEST_CASE("pictures: a box of two is their mean, rounded up at the half") {
  vit_preprocessing recipe = plainRecipe();
  recipe.resize = VIT_RESIZE_EXACT;
  recipe.resize_height = 1;
  recipe.resize_width = 2;
  recipe.filter = VIT_PICTURE_BOX;
  std::vector<float> pixels = reduce(recipe, {1, 1, 2}, 4, 1, grays({10, 21, 7, 9}));
  CHECK(pixels == std::vector<float>{16, 8}); // 15.5, 8
}

TEST_CASE("pictures: a bilinear half has weights 1 3 3 1") {
  vit_preprocessing recipe = plainRecipe();
  recipe.resize = VIT_RESIZE_EXACT;
  recipe.resize_height = 1;
  recipe.resize_width = 2;
  // At the edges what is outside is left out: 3 3 1 over 7.
  std::vector<float> pixels = reduce(recipe, {1, 1, 2}, 4, 1, grays({70, 140, 0, 210}));
  CHECK(pixels == std::vector<float>{90, 110}); // (210 + 420) / 7, (140 + 0 + 630) / 7
}

TEST_CASE("pictures: where a crop begins is each library's own") {
  auto crop = [](uint32_t processor, int width) {
    vit_preprocessing recipe = plainRecipe(processor);
    recipe.crop_height = 1;
    recipe.crop_width = 2;
    std::vector<int> ramp;
    for (int i = 0; i != width; ++i)
      ramp.push_back(10 + i);
    return reduce(recipe, {1, 1, 2}, width, 1, grays(ramp));
  };
  using Pixels = std::vector<float>;
  CHECK(crop(VIT_PROCESSOR_PIL, 5) == Pixels{11, 12}); // 1.5: down
  CHECK(crop(VIT_PROCESSOR_TORCHVISION, 5) == Pixels{11, 12});
  CHECK(crop(VIT_PROCESSOR_TIMM, 5) == Pixels{12, 13}); // 1.5: to even
  CHECK(crop(VIT_PROCESSOR_TIMM, 7) == Pixels{12, 13}); // 2.5: to even
  // A picture of one pixel: what is beyond it is black, on the left with Pillow, on the right else.
  CHECK(crop(VIT_PROCESSOR_PIL, 1) == Pixels{0, 10});
  CHECK(crop(VIT_PROCESSOR_TORCHVISION, 1) == Pixels{10, 0});
  CHECK(crop(VIT_PROCESSOR_TIMM, 1) == Pixels{10, 0});
}

TEST_CASE("pictures: proportions, fill and channels") {
  vit_preprocessing recipe = plainRecipe(VIT_PROCESSOR_TIMM);
  recipe.resize = VIT_RESIZE_INSIDE;
  recipe.resize_height = recipe.resize_width = 2;
  recipe.crop_height = recipe.crop_width = 2;
  recipe.fill = 0x010203;
  // 4 x 2 becomes 2 x 1, below which there is room.
  std::vector<float> pixels = reduce(recipe, {3, 2, 2}, 4, 2, grays({9, 9, 9, 9, 9, 9, 9, 9}));
  CHECK(pixels == std::vector<float>{9, 9, 1, 1, 9, 9, 2, 2, 9, 9, 3, 3});
  recipe.resize = VIT_RESIZE_SHORTEST;
  CHECK(reduce(recipe, {3, 2, 2}, 4, 2, grays({1, 2, 3, 4, 5, 6, 7, 8})) ==
        std::vector<float>{2, 3, 6, 7, 2, 3, 6, 7, 2, 3, 6, 7});
}

TEST_CASE("pictures: values are normalised as each library does it") {
  vit_preprocessing recipe = plainRecipe();
  recipe.rescale = recipe.normalize = 1;
  recipe.scale = 1.0 / 255;
  recipe.mean[0] = 0.5;
  recipe.deviation[0] = 0.25;
  auto value = [&](uint32_t processor, int level) {
    recipe.processor = processor;
    return reduce(recipe, {1, 1, 1}, 1, 1, grays({level}))[0];
  };
  for (uint32_t processor : {VIT_PROCESSOR_PIL, VIT_PROCESSOR_TORCHVISION, VIT_PROCESSOR_TIMM}) {
    CHECK(value(processor, 0) == -2);
    CHECK(value(processor, 255) == 2);
    CHECK(value(processor, 51) == Approx(-1.2).epsilon(1e-6));
  }
  CHECK(value(VIT_PROCESSOR_TIMM, 77) == (77.0f / 255.0f - 0.5f) / 0.25f);
  CHECK(value(VIT_PROCESSOR_TORCHVISION, 77) == (77.0f - 127.5f) / 63.75f);
}

TEST_CASE("pictures: a resize after the rescale rounds nothing") {
  vit_preprocessing recipe = plainRecipe(VIT_PROCESSOR_TORCHVISION);
  recipe.resize = VIT_RESIZE_EXACT;
  recipe.resize_height = recipe.resize_width = 1;
  recipe.filter = VIT_PICTURE_BOX;
  recipe.rescale = recipe.rescale_first = 1;
  recipe.scale = 0.5;
  CHECK(reduce(recipe, {1, 1, 1}, 2, 1, grays({10, 21})) == std::vector<float>{7.75f});
}

TEST_CASE("pictures: long, thin ones need no more memory than what is kept") {
  vit_preprocessing recipe = plainRecipe();
  recipe.resize = VIT_RESIZE_SHORTEST;
  recipe.resize_height = recipe.resize_width = 4;
  recipe.crop_height = recipe.crop_width = 4;
  std::vector<uint8_t> rgb(3 * 100000, 7);
  CHECK(reduce(recipe, {1, 4, 4}, 1, 100000, rgb) == std::vector<float>(16, 7));
  CHECK(reduce(recipe, {1, 4, 4}, 100000, 1, rgb) == std::vector<float>(16, 7));
}

TEST_CASE("pictures: bytes are what is normalised, channels last") {
  vit_preprocessing recipe = plainRecipe();
  recipe.normalize = 1;
  recipe.mean[1] = 5;
  std::vector<uint8_t> rgb = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK(reduceTo<uint8_t>(recipe, {3, 2, 2, true}, 2, 2, rgb) == rgb);
  CHECK(reduce(recipe, {3, 2, 2}, 2, 2, rgb) ==
        std::vector<float>{1, 4, 7, 10, -3, 0, 3, 6, 3, 6, 9, 12});
  recipe.crop_height = recipe.crop_width = 4; // and beyond the edge what fills it
  recipe.fill = 0x0A0B0C;
  auto bytes = reduceTo<uint8_t>(recipe, {3, 4, 4, true}, 2, 2, rgb);
  CHECK(std::vector(bytes.begin(), bytes.begin() + 3) == std::vector<uint8_t>{10, 11, 12});
  CHECK(std::vector(bytes.begin() + 15, bytes.begin() + 21) ==
        std::vector(rgb.begin(), rgb.begin() + 6));
}

TEST_CASE("pictures: of a recipe that rescales first bytes are the nearest levels") {
  vit_preprocessing recipe = plainRecipe(VIT_PROCESSOR_TORCHVISION);
  recipe.rescale = recipe.rescale_first = 1;
  recipe.scale = 1.0 / 255;
  recipe.resize = VIT_RESIZE_EXACT;
  recipe.resize_height = 1;
  recipe.resize_width = 2;
  recipe.filter = VIT_PICTURE_BOX;
  auto rgb = grays({10, 12, 13, 254, 254, 255});
  CHECK(reduce(recipe, {1, 1, 2}, 6, 1, rgb)[0] == Approx((35.0 / 3) / 255));
  CHECK(reduceTo<uint8_t>(recipe, {1, 1, 2, true}, 6, 1, rgb) == std::vector<uint8_t>{12, 254});
}

TEST_CASE("pictures: what does not fit is refused") {
  vit_preprocessing recipe = plainRecipe();
  CHECK(refusal(recipe, {3, 4, 4}, 4, 4).empty());
  CHECK_THAT(
      refusal(recipe, {3, 4, 4}, 5, 4),
      Contains("a picture of 4x5 becomes 4x5 by the model's recipe, but the model reads 4x4"));
  CHECK_THAT(refusal(recipe, {3, 4, 4}, 0, 4), Contains("the picture is 4x0"));
  recipe.resize = VIT_RESIZE_SHORTEST;
  recipe.resize_height = recipe.resize_width = 224;
  CHECK_THAT(refusal(recipe, {3, 224, 224}, 1 << 30, 1), Contains("which no processor makes"));
  recipe.filter = 0;
  CHECK_THAT(refusal(recipe, {3, 4, 4}, 4, 4), Contains("damaged"));
}

TEST_CASE("vit_preprocess: rows that lie apart, and what is wrong") {
  PictureLibrary model;
  const vit_library *library = &model.library;
  std::vector<uint8_t> rgb = grays({10, 20, 30, 40, 255, 20, 30, 40, 50});
  float pixels[2] = {};
  REQUIRE(vit::preprocess(library, rgb.data(), 4, 2, 15, pixels) == VIT_OK); // the 255 is between
  CHECK(pixels[0] == 20);                                                    // 10 20 20 30
  CHECK(pixels[1] == 40);
  CHECK(std::strcmp(vit::label(library, 1), "dog") == 0);
  CHECK(vit::label(library, 2) == nullptr);

  auto fails = [&](const vit_library *one, const uint8_t *data, int width, int height, size_t bytes,
                   float *out, const char *text) {
    CHECK(vit_preprocess(one, data, width, height, bytes, out) == VIT_BAD_ARGUMENT);
    CHECK_THAT(vit_last_error(), Contains(text));
  };
  fails(nullptr, rgb.data(), 4, 2, 15, pixels, "library is NULL");
  fails(library, nullptr, 4, 2, 15, pixels, "rgb is NULL");
  fails(library, rgb.data(), 4, 2, 15, nullptr, "pixel_values is NULL");
  fails(library, rgb.data(), 4, 2, 11, pixels, "row_bytes is 11, expected at least 12");
  fails(library, rgb.data(), 0, 2, 15, pixels, "expected a height and a width of at least 1");
  fails(library, rgb.data(), -4, 2, 15, pixels, "expected a height and a width of at least 1");
  model.library.preprocessing = nullptr;
  fails(library, rgb.data(), 4, 2, 15, pixels, "no recipe for pictures");
}

TEST_CASE("vit_preprocess_u8: bytes of a library that reads them, and each of the two refuses the "
          "other") {
  PictureLibrary model;
  const vit_library *library = &model.library;
  std::vector<uint8_t> rgb = grays({10, 20, 30, 40, 20, 30, 40, 50});
  uint8_t bytes[2] = {};
  float pixels[2] = {};
  CHECK(vit::preprocess(library, rgb.data(), 4, 2, 12, bytes) == VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(),
             Contains("the model reads normalised f32, which vit_preprocess makes"));
  model.input = {"pixel_values", VIT_U8, 4, {-1, 1, 2, 1}};
  CHECK(vit::preprocess(library, rgb.data(), 4, 2, 12, pixels) == VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(), Contains("the model reads bytes, which vit_preprocess_u8 makes"));
  REQUIRE(vit::preprocess(library, rgb.data(), 4, 2, 12, bytes) == VIT_OK);
  CHECK(bytes[0] == 20); // 10 20 20 30
  CHECK(bytes[1] == 40);
  CHECK(vit_preprocess_u8(library, nullptr, 4, 2, 12, bytes) == VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(), Contains("rgb is NULL"));
}
