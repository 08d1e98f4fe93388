//===- HashWeightsTest.cpp - Weights made from their names -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The expected values were computed with Python's own floats, rounding each
// step through struct: an implementation that shares nothing with this one.
//===----------------------------------------------------------------------===//
#include "weights/HashWeights.h"
#include "weights/Float.h"

#include <catch2/catch.hpp>
#include <limits>
#include <vector>

using namespace vitrt;

static std::vector<float> make(std::string_view name, std::vector<int64_t> shape, double add = 0) {
  size_t count = 1;
  for (int64_t extent : shape)
    count *= size_t(extent);
  std::vector<float> values(count);
  hashTensor(name, shape, add, values);
  return values;
}

TEST_CASE("hash weights follow the rule") {
  auto pixels = make("pixel_values", {2, 3, 224, 224});
  CHECK(pixels[0] == -0x1.fea184p-1f);
  CHECK(pixels[1] == -0x1.dd69c8p-1f);
  CHECK(pixels[301055] == -0x1.836798p-2f);
  auto fc1 = make("vit.layers.0.mlp.fc1.weight", {3072, 768});
  CHECK(fc1[0] == 0x1.194p-6f);
  CHECK(fc1[1] == 0x1.b5cp-6f);
  CHECK(fc1[2359295] == -0x1.30cp-7f);
  auto fc2 = make("vit.layers.0.mlp.fc2.weight", {768, 3072});
  CHECK(fc2[5] == -0x1.e04p-8f);
  CHECK(fc2[58357] == -0x1p-24f); // an f16 subnormal
  auto token = make("vit.embeddings.cls_token", {1, 1, 768});
  CHECK(token[767] == 0x1.388p-2f);
  auto norm = make("vit.layernorm.weight", {768});
  CHECK(norm[0] == 0x1.07cp+0f);
  CHECK(norm[767] == 0x1.038p+0f);
  auto bias = make("classifier.bias", {1000});
  CHECK(bias[0] == 0x1.7f8p-4f);
  CHECK(bias[999] == -0x1.5ccp-4f);
  auto patch = make("vit.embeddings.patch_embeddings.projection.weight", {768, 3, 16, 16});
  CHECK(patch[589823] == 0x1.38cp-6f);
}

TEST_CASE("'add' is added after the rounding to f16") {
  auto position = make("vit.embeddings.position_embeddings", {1, 197, 768}, 8);
  CHECK(position[0] == 0x1.07cp+3f);
  CHECK(position[1] == 0x1.f2cp+2f);
  CHECK(position[151295] == 0x1.ef8p+2f);
}

TEST_CASE("a uniform sequence may be read from the middle") {
  std::vector<float> whole(100), part(40);
  hashUniform("x", 0, whole);
  hashUniform("x", 60, part);
  CHECK(part == std::vector<float>(whole.begin() + 60, whole.end()));
}

TEST_CASE("every f16 survives the way through f64") {
  for (uint32_t bits = 0; bits != 0x10000; ++bits) {
    float value = halfToFloat(uint16_t(bits));
    if (value != value) {
      CHECK(halfToFloat(doubleToHalf(value)) != halfToFloat(doubleToHalf(value)));
      continue;
    }
    REQUIRE(doubleToHalf(value) == bits);
  }
}

TEST_CASE("every finite bf16 survives the way through f64") {
  for (uint32_t bits = 0; bits != 0x10000; ++bits)
    if (float value = bfloatToFloat(uint16_t(bits)); value == value)
      REQUIRE(doubleToBfloat(value) == bits);
}

TEST_CASE("narrowing rounds once, to nearest even") {
  // Between two neighbours the tie goes to the even one, and the least bit above it goes up.
  for (uint16_t bits : {0x0000, 0x0001, 0x03FF, 0x0400, 0x3BFF, 0x3C00, 0x3C01, 0x7BFE}) {
    double low = halfToFloat(bits), high = halfToFloat(bits + 1), tie = (low + high) / 2;
    CHECK(doubleToHalf(tie) == (bits & 1 ? bits + 1 : bits));
    CHECK(doubleToHalf(std::nextafter(tie, high)) == bits + 1);
    CHECK(doubleToHalf(std::nextafter(tie, low)) == bits);
    CHECK(doubleToHalf(-tie) == (0x8000 | (bits & 1 ? bits + 1 : bits)));
  }
  // Through f32 this one would become a tie and go down to 1.0.
  CHECK(doubleToHalf(1 + 0x1p-11 + 0x1p-40) == 0x3C01);
  CHECK(doubleToHalf(65519.999) == 0x7BFF);
  CHECK(doubleToHalf(65520) == 0x7C00);
  CHECK(doubleToHalf(1e300) == 0x7C00);
  CHECK(doubleToHalf(-std::numeric_limits<double>::infinity()) == 0xFC00);
  CHECK(doubleToHalf(5e-324) == 0);
  CHECK(doubleToBfloat(1 + 0x1p-8) == 0x3F80);
  CHECK(doubleToBfloat(1 + 0x1.8p-7) == 0x3F82);
}

TEST_CASE("an f32 rounds to the same bf16 with and without f64") {
  for (uint32_t upper = 0; upper != 0x10000; ++upper)
    for (uint32_t lower : {0x0000, 0x0001, 0x7FFF, 0x8000, 0x8001, 0xFFFF}) {
      float value = std::bit_cast<float>(upper << 16 | lower);
      REQUIRE(floatToBfloat(value) == doubleToBfloat(value));
    }
}
