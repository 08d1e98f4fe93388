//===- SizedRecipeTest.cpp - Tables for a size that comes later ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/SizedRecipe.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

using namespace vitrt;
using Catch::Matchers::Contains;

namespace {

/// Positions behind a class token, learned for a grid of 1 x 2, and angles of two pairs' worth.
struct Sized {
  Sized(const Sized &) = delete;
  Sized() {
    steps[0] = load(2);
    steps[1] = load(1);
    steps[2] = step(VIT_RECIPE_RESAMPLE, {0}, {-1, 1});
    steps[2].grid[0] = 1, steps[2].grid[1] = 2;
    steps[3] = step(VIT_RECIPE_CONCAT, {1, 2}, {-2, 1});
    steps[4] = step(VIT_RECIPE_ROPE_TABLE, {}, {-2, 2});
    steps[4].first = 1;
    steps[4].numbers = numbers;
    steps[4].number_count = 10;
    weights[0] = {0, VIT_F64, 0, 16};
    weights[1] = {1, VIT_F64, 256, 8};
    weights[2] = {3, VIT_F32, 0, 0};
    weights[3] = {4, VIT_F32, 0, 0};
    view.recipe = steps;
    view.recipe_count = 5;
    view.weights = weights;
    view.weight_count = 4;
    view.weight_bytes = 512;
  }

  vit_recipe_step step(uint32_t op, std::vector<uint32_t> operands, std::vector<int64_t> shape) {
    vit_recipe_step result = {};
    result.op = op;
    result.rank = uint32_t(shape.size());
    std::copy(shape.begin(), shape.end(), result.shape);
    result.operand_count = uint32_t(operands.size());
    result.operands = lists.emplace_back(std::move(operands)).data();
    return result;
  }
  vit_recipe_step load(int64_t rows) {
    vit_recipe_step result = step(VIT_RECIPE_LOAD, {}, {rows, 1});
    result.file_rank = 2;
    result.file_shape[0] = rows, result.file_shape[1] = 1;
    result.keys = &key;
    result.key_count = 1;
    return result;
  }

  vit_key key = {"table", 0};
  // Origin, step, the rates of one pair along y and x; then what the sizes divide.
  double numbers[10] = {-1, -1, 0, 0, 1, 0, 1, 1, 2, 2};
  std::deque<std::vector<uint32_t>> lists;
  vit_recipe_step steps[5] = {};
  vit_prepared weights[4] = {};
  vit_library view = {};
};

std::vector<float> floatsOf(const vit_library &library, uint32_t weight,
                            const std::vector<uint8_t> &arena) {
  std::vector<float> values(library.weights[weight].bytes / sizeof(float));
  std::memcpy(values.data(), arena.data() + library.weights[weight].offset,
              library.weights[weight].bytes);
  return values;
}

/// Values of what the library keeps: the table is 0 and 1, the class token 5.
FunctionSource keptValues() {
  return FunctionSource(
      [](const char *name, std::span<const int64_t>, std::span<float> values) -> Result<void> {
        if (std::string(name) == "0")
          values[0] = 0, values[1] = 1;
        else
          values[0] = 5;
        return {};
      });
}

std::string errorOf(const Sized &sized) {
  auto made = SizedRecipe::make(sized.view, nullptr, wholeArena(sized.view), 1, 4);
  return made ? "no error" : made.error();
}

} // namespace

TEST_CASE("recipe: weights that depend on the size of images are made for one") {
  Sized sized;
  REQUIRE(checkRecipe(sized.view));
  auto made = SizedRecipe::make(sized.view, nullptr, wholeArena(sized.view), 1, 4);
  REQUIRE(made);
  CHECK(made->places() == std::vector<uint32_t>{2, 3});
  std::vector<uint8_t> arena(made->library().weight_bytes);
  FunctionSource source = keptValues();
  REQUIRE(prepareWeights(made->library(), source, arena));
  CHECK(floatsOf(made->library(), 0, arena) == std::vector<float>{5, 0, 0.25F, 0.75F, 1});
  std::vector<float> angles = floatsOf(made->library(), 1, arena);
  REQUIRE(angles.size() == 10);
  CHECK(angles[0] == 1); // the class token is not turned
  CHECK(angles[1] == 0);
  for (int column = 0; column != 4; ++column) { // one line: y is -1 + 1/1 = 0
    INFO(column);
    CHECK(angles[size_t(2 + 2 * column)] == Approx(1));
  }
  // Along y, on a grid of 4 x 1: from -3/4 in steps of 1/2.
  auto tall = SizedRecipe::make(sized.view, nullptr, wholeArena(sized.view), 4, 1);
  REQUIRE(tall);
  arena.assign(tall->library().weight_bytes, 0);
  REQUIRE(prepareWeights(tall->library(), source, arena));
  angles = floatsOf(tall->library(), 1, arena);
  for (int line = 0; line != 4; ++line) {
    INFO(line);
    CHECK(angles[size_t(2 + 2 * line)] == Approx(std::cos(-0.75 + 0.5 * line)));
    CHECK(angles[size_t(3 + 2 * line)] == Approx(std::sin(-0.75 + 0.5 * line)));
  }
}

TEST_CASE("recipe: damaged steps for other sizes are refused") {
  Sized sized;
  sized.weights[0].dtype = VIT_F32;
  CHECK_THAT(errorOf(sized), Contains("value 0 is not kept for other sizes"));
  CHECK_FALSE(checkRecipe(sized.view));
  Sized wide;
  wide.weights[1].bytes = 16;
  CHECK_THAT(errorOf(wide), Contains("value 1 is not kept"));
  Sized number;
  number.steps[4].number_count = 9;
  CHECK_THAT(errorOf(number), Contains("value 4 does not fit a size"));
  Sized plain;
  plain.weights[2].value = 0;
  CHECK_THAT(errorOf(plain), Contains("value 0 is a weight of no size"));
  Sized huge;
  huge.steps[2].shape[1] = int64_t(1) << 40;
  huge.weights[2].value = 2;
  CHECK_THAT(errorOf(huge), Contains("has a size that no table has"));
  Sized later;
  later.lists[3][0] = 3;
  CHECK_THAT(errorOf(later), Contains("value 3 uses a later value"));
}
