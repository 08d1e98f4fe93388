//===- RecipeTest.cpp - Arithmetic on weights ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Recipes small enough to follow by hand, and the files they must refuse.
//===----------------------------------------------------------------------===//
#include "runtime/Recipe.h"
#include "test/unit/runtime/RecipeFixture.h"
#include "weights/Float.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <unistd.h>

using namespace vitrt;
using Catch::Matchers::Contains;
using Values = std::vector<double>;

namespace {

/// A file in memory, written and parsed.
struct Checkpoint {
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    Values values;
  };
  explicit Checkpoint(std::vector<Tensor> tensors) {
    std::vector<NewTensor> list;
    for (const Tensor &tensor : tensors)
      list.push_back({tensor.name, FileType::F64, tensor.shape, tensor.values.data()});
    REQUIRE(writeSafetensors(path, list));
    auto opened = Safetensors::open(path);
    INFO(opened.error());
    REQUIRE(opened);
    file.emplace(std::move(*opened));
  }
  ~Checkpoint() { remove(path.c_str()); }
  std::string path = "/tmp/vitc-recipe-" + std::to_string(getpid()) + ".safetensors";
  std::optional<Safetensors> file;
};

Values evaluate(const Recipe &recipe, const Checkpoint &checkpoint, uint32_t value) {
  FileSource source(*checkpoint.file);
  auto result = evaluateRecipe(recipe.library(), source, value);
  INFO(result.error());
  REQUIRE(result);
  return *result;
}

std::string errorOf(const Recipe &recipe, const Checkpoint &checkpoint) {
  FileSource source(*checkpoint.file);
  std::vector<uint8_t> arena(recipe.bytes);
  auto result = prepareWeights(recipe.library(), source, arena);
  return result ? "no error" : result.error();
}

const Checkpoint::Tensor matrix = {"m", {2, 3}, {1, 2, 3, 4, 5, 6}};
const Checkpoint::Tensor vector = {"v", {3}, {10, 20, 30}};

} // namespace

TEST_CASE("recipe: each operation") {
  Checkpoint file({matrix, vector});
  Recipe r;
  uint32_t m = r.load("m", {2, 3}), v = r.load("v", {3});
  uint32_t slice = r.add(VIT_RECIPE_SLICE, {m}, {1, 3});
  r.steps[slice].first = 1;
  CHECK(evaluate(r, file, slice) == Values{4, 5, 6});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_CONCAT, {m, slice}, {3, 3})) ==
        Values{1, 2, 3, 4, 5, 6, 4, 5, 6});
  uint32_t rows = r.add(VIT_RECIPE_ADD, {m, v}, {2, 3});
  CHECK(evaluate(r, file, rows) == Values{11, 22, 33, 14, 25, 36});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_ADD, {m, m}, {2, 3})) == Values{2, 4, 6, 8, 10, 12});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_ADD, {rows, m}, {2, 3})) ==
        Values{12, 24, 36, 18, 30, 42});
  uint32_t all = r.add(VIT_RECIPE_CONCAT, {m, v, m, v, v, slice}, {24});
  CHECK(evaluate(r, file, all) ==
        Values{1, 2, 3, 4, 5, 6, 10, 20, 30, 1, 2, 3, 4, 5, 6, 10, 20, 30, 10, 20, 30, 4, 5, 6});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_PAD, {m}, {3, 4})) ==
        Values{1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_PAD, {v}, {4})) == Values{10, 20, 30, 0});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_RESHAPE, {m}, {6})) == Values{1, 2, 3, 4, 5, 6});
}

TEST_CASE("recipe: a slice may drop the dimension of its only row") {
  Checkpoint file({matrix});
  Recipe r;
  uint32_t m = r.load("m", {2, 3});
  uint32_t row = r.add(VIT_RECIPE_SLICE, {m}, {3});
  r.steps[row].first = 1;
  CHECK(evaluate(r, file, row) == Values{4, 5, 6});
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_ADD, {m, row}, {2, 3})) == Values{5, 7, 9, 8, 10, 12});
}

TEST_CASE("recipe: scale by a constant, columns and rows") {
  Checkpoint file({matrix, vector, {"u", {2}, {-1, 100}}});
  Recipe r;
  uint32_t m = r.load("m", {2, 3}), v = r.load("v", {3}), u = r.load("u", {2});
  auto scaled = [&](std::vector<uint32_t> operands, double factor, uint32_t axis) {
    uint32_t value = r.add(VIT_RECIPE_SCALE, std::move(operands), {2, 3});
    r.steps[value].factor = factor;
    r.steps[value].axis = axis;
    return value;
  };
  CHECK(evaluate(r, file, scaled({m}, -0.5, 0)) == Values{-0.5, -1, -1.5, -2, -2.5, -3});
  uint32_t columns = scaled({m, v}, 2, 1);
  CHECK(evaluate(r, file, columns) == Values{20, 80, 180, 80, 200, 360});
  CHECK(evaluate(r, file, scaled({columns, u}, 1, 0)) ==
        Values{-20, -80, -180, 8000, 20000, 36000});
  uint32_t square =
      r.add(VIT_RECIPE_SCALE, {v, v}, {3}); // its vector is still there when it is used
  r.steps[square].factor = 1;
  CHECK(evaluate(r, file, square) == Values{100, 400, 900});
  r.prepare(scaled({m, v}, 1, 0), VIT_F32);
  CHECK_THAT(errorOf(r, file), Contains("does not fit"));
}

TEST_CASE("recipe: permute puts dimension i of the result at order[i] of the operand") {
  const int64_t shape[4] = {2, 3, 4, 5};
  Values values(2 * 3 * 4 * 5);
  for (size_t i = 0; i != values.size(); ++i)
    values[i] = double(i);
  Checkpoint file({{"t", {2, 3, 4, 5}, values}});
  uint32_t order[4] = {0, 1, 2, 3};
  do {
    Recipe r;
    uint32_t t = r.load("t", {2, 3, 4, 5});
    uint32_t value = r.add(VIT_RECIPE_PERMUTE, {t},
                           {shape[order[0]], shape[order[1]], shape[order[2]], shape[order[3]]});
    std::copy_n(order, 4, r.steps[value].order);
    Values out = evaluate(r, file, value);
    int64_t at[4], place = 0; // places of the operand
    for (at[order[0]] = 0; at[order[0]] != shape[order[0]]; ++at[order[0]])
      for (at[order[1]] = 0; at[order[1]] != shape[order[1]]; ++at[order[1]])
        for (at[order[2]] = 0; at[order[2]] != shape[order[2]]; ++at[order[2]])
          for (at[order[3]] = 0; at[order[3]] != shape[order[3]]; ++at[order[3]])
            REQUIRE(out[size_t(place++)] == double(((at[0] * 3 + at[1]) * 4 + at[2]) * 5 + at[3]));
  } while (std::next_permutation(order, order + 4));
}

TEST_CASE("recipe: a large transpose crosses its blocks") {
  Values values(70 * 33);
  for (size_t i = 0; i != values.size(); ++i)
    values[i] = double(i);
  Checkpoint file({{"t", {70, 33}, values}});
  Recipe r;
  uint32_t turned = r.add(VIT_RECIPE_PERMUTE, {r.load("t", {70, 33})}, {33, 70});
  r.steps[turned].order[0] = 1;
  Values out = evaluate(r, file, turned);
  for (size_t i = 0; i != 70; ++i)
    for (size_t j = 0; j != 33; ++j)
      REQUIRE(out[j * 70 + i] == values[i * 33 + j]);
}

TEST_CASE("panels of i8: steps in groups of four, scales, sums") {
  // A half goes to the even one; a row of zeros has no scale.
  Checkpoint file({{"m", {2, 3}, {1, -127, 63.5, 0, 0, 0}}});
  Recipe r;
  uint32_t m = r.load("m", {2, 3});
  Values steps = {1, -127, 64, 0, /**/ 0, 0, 0, 0}, scales = {0, 0, -128, 63, /**/ 0, 0, 0, 0},
         sums = {-62, -1, -1, -1, /**/ 0, 0, 0, 0}, all;
  for (const Values &part : {steps, scales, sums})
    all.insert(all.end(), part.begin(), part.end());
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_QUANTIZE_PANELS, {m}, {1, 12, 2})) == all);
  // One row more than a panel has.
  all.clear();
  for (Values part : {steps, scales, sums})
    all.insert(all.end(), part.begin(), part.begin() + 4);
  all.resize(24);
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_QUANTIZE_PANELS, {m}, {2, 12, 1})) == all);
}

TEST_CASE("recipe: casts round once, to nearest even, in the order of the recipe") {
  Checkpoint file({{"t", {3}, {1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40, 0.1}}});
  Recipe r;
  uint32_t t = r.load("t", {3});
  uint32_t cast = r.add(VIT_RECIPE_CAST, {t}, {3});
  r.steps[cast].dtype = VIT_F16;
  CHECK(evaluate(r, file, cast) == Values{1, 1 + 0x1p-10, halfToFloat(doubleToHalf(0.1))});
  // Once rounded, a sum keeps what the rounding did.
  CHECK(evaluate(r, file, r.add(VIT_RECIPE_ADD, {cast, cast}, {3}))[2] ==
        2 * double(halfToFloat(doubleToHalf(0.1))));
}

TEST_CASE("recipe: tf32 are rounded once, ties away from zero, as kernels round") {
  double least = 0x1p-136;
  Checkpoint file({{"t",
                    {8},
                    {1 + 0x1p-11, -1 - 0x1p-11, 1 + 0x1p-11 - 0x1p-40, 2 - 0x1p-11, 0x1.FFDp127,
                     least / 2, -least / 2, least / 2 - 0x1p-170}}});
  Recipe r;
  uint32_t t = r.load("t", {8});
  uint32_t cast = r.add(VIT_RECIPE_CAST, {t}, {8});
  r.steps[cast].dtype = VIT_TF32;
  const Values rounded = {1 + 0x1p-10, -1 - 0x1p-10, 1, 2, 0x1.FFCp127, least, -least, 0};
  CHECK(evaluate(r, file, cast) == rounded);

  r.prepare(t, VIT_TF32);
  FileSource source(*file.file);
  std::vector<uint8_t> arena(r.bytes, 0xEE);
  REQUIRE(prepareWeights(r.library(), source, arena));
  float stored[8];
  REQUIRE(r.bytes >= sizeof stored);
  std::memcpy(stored, arena.data(), sizeof stored);
  CHECK(Values(stored, stored + 8) == rounded);
}

TEST_CASE("recipe: the arena holds each type at its place and zeros between") {
  Checkpoint file({matrix, vector});
  Recipe r;
  uint32_t m = r.load("m", {2, 3}), v = r.load("v", {3});
  r.prepare(m, VIT_F16);
  r.prepare(v, VIT_F32);
  r.prepare(v, VIT_BF16); // a value may be stored twice
  r.prepare(m, VIT_F64);
  FileSource source(*file.file);
  std::vector<uint8_t> arena(r.bytes, 0xEE);
  REQUIRE(prepareWeights(r.library(), source, arena));
  uint16_t half[6];
  std::memcpy(half, arena.data(), sizeof half);
  CHECK(halfToFloat(half[5]) == 6);
  CHECK(arena[12] == 0);
  CHECK(arena[255] == 0);
  float single[3];
  std::memcpy(single, arena.data() + 256, sizeof single);
  CHECK(single[2] == 30);
  std::memcpy(half, arena.data() + 512, 6);
  CHECK(bfloatToFloat(half[1]) == 20);
  double wide[6];
  std::memcpy(wide, arena.data() + 768, sizeof wide);
  CHECK(wide[3] == 4);
}

TEST_CASE("recipe: other names, transposed storage and other shapes of the same elements") {
  Recipe r;
  uint32_t t = r.load({{"new", 0}, {"old", 1}}, {2, 3}, {6});
  CHECK(evaluate(r, Checkpoint({{"new", {2, 3}, {1, 2, 3, 4, 5, 6}}}), t) ==
        Values{1, 2, 3, 4, 5, 6});
  CHECK(evaluate(r, Checkpoint({{"old", {3, 2}, {1, 4, 2, 5, 3, 6}}}), t) ==
        Values{1, 2, 3, 4, 5, 6});
  r.prepare(t, VIT_F32);
  CHECK_THAT(errorOf(r, Checkpoint({{"old", {2, 3}, Values(6)}})),
             Contains("'old' is 2x3, the model expects 3x2"));
  CHECK_THAT(errorOf(r, Checkpoint({{"new", {2, 3}, Values(6)}, {"old", {3, 2}, Values(6)}})),
             Contains("'new' and 'old' are names of the same tensor"));
}

TEST_CASE("recipe: missing, extra and mis-shaped tensors are named") {
  Recipe r;
  r.prepare(r.load("fc1.weight", {3072, 768}), VIT_F16);
  r.ignored = {"mask_token", "pooler.*"};
  auto tensor = [](const char *name, int64_t a, int64_t b) {
    return Checkpoint::Tensor{name, {a, b}, Values(size_t(a * b))};
  };
  auto good = tensor("fc1.weight", 3072, 768);
  CHECK(errorOf(r, Checkpoint({good})) == "no error");
  CHECK_THAT(errorOf(r, Checkpoint({tensor("fc1.weight", 768, 3072)})),
             Contains("safetensors': 'fc1.weight' is 768x3072, the model expects 3072x768"));
  CHECK_THAT(errorOf(r, Checkpoint({tensor("fc2.weight", 1, 1)})),
             Contains("'fc1.weight' is missing, the model expects it as 3072x768"));
  CHECK_THAT(errorOf(r, Checkpoint({good, tensor("x", 1, 2), tensor("y", 1, 1)})),
             Contains("'x' (1x2) is not a tensor of the model, nor are 1 more"));
  CHECK(errorOf(r, Checkpoint({good, tensor("mask_token", 1, 1), tensor("pooler.w", 1, 1)})) ==
        "no error");
  CHECK_THAT(errorOf(r, Checkpoint({good, tensor("mask_token2", 1, 1)})),
             Contains("'mask_token2' (1x1) is not"));
}

TEST_CASE("recipe: finite values that overflow the stored type are refused") {
  Recipe r;
  uint32_t t = r.load("t", {2});
  uint32_t cast = r.add(VIT_RECIPE_CAST, {t}, {2});
  r.steps[cast].dtype = VIT_F16;
  r.prepare(GENERATE(0u, 1u), VIT_F16);
  CHECK(errorOf(r, Checkpoint({{"t", {2}, {65519, -65519}}})) == "no error");
  CHECK_THAT(errorOf(r, Checkpoint({{"t", {2}, {1, -65520}}})),
             Contains("'t' holds -65520, too large for f16"));
}

TEST_CASE("recipe: values that are no numbers are refused by the name in the file") {
  double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  Recipe r;
  r.prepare(r.load("t", {4}), VIT_F32);
  for (double bad : {infinity, -infinity, nan}) {
    Checkpoint file({{"t", {4}, {1, bad, 2, bad}}});
    std::string text = errorOf(r, file);
    CHECK_THAT(text, Contains("weights '" + file.path + "': 't' has 2 of 4 values that are not " +
                              "finite, element 1 is "));
    CHECK_THAT(text, Contains("; repair the checkpoint"));
  }
}

TEST_CASE("recipe: a tensor that would become nothing but zeros is refused") {
  Recipe r;
  uint32_t t = r.load("t", {3});
  uint32_t cast = r.add(VIT_RECIPE_CAST, {t}, {3});
  uint32_t dtype =
      GENERATE(uint32_t(VIT_F16), uint32_t(VIT_BF16), uint32_t(VIT_TF32), uint32_t(VIT_F32));
  r.steps[cast].dtype = dtype;
  r.prepare(GENERATE(0u, 1u), dtype);
  double least = dtype == VIT_F16    ? 0x1p-24
                 : dtype == VIT_BF16 ? 0x1p-133
                 : dtype == VIT_TF32 ? 0x1p-136
                                     : 0x1p-149;
  double lost = dtype == VIT_TF32 ? 0.499 * least : least / 2; // a tie goes away from zero
  CHECK_THAT(errorOf(r, Checkpoint({{"t", {3}, {lost, 0, -least / 4}}})),
             Contains("'t' holds nothing but values too small for") &&
                 Contains("which would all be 0; ") &&
                 Contains(dtype == VIT_F16 ? "build with --dtype bf16" : "no type of the code"));
  CHECK(errorOf(r, Checkpoint({{"t", {3}, {least, 0, least / 4}}})) == "no error");
  CHECK(errorOf(r, Checkpoint({{"t", {3}, {0, 0, 0}}})) == "no error");
}

TEST_CASE("recipe: of tensors that are put together the one that does not fit is named") {
  Recipe r;
  uint32_t a = r.load("a", {2}), b = r.load("b", {1}), c = r.load("c", {2});
  uint32_t inner = r.add(VIT_RECIPE_CONCAT, {b, c}, {3});
  uint32_t all = r.add(VIT_RECIPE_CONCAT, {a, inner}, {5});
  uint32_t cast = r.add(VIT_RECIPE_CAST, {all}, {5});
  r.steps[cast].dtype = VIT_F16;
  r.prepare(GENERATE(false, true) ? cast : all, VIT_F16); // values: Catch would keep references
  auto error = [&](double third, double fourth) {
    return errorOf(r,
                   Checkpoint({{"a", {2}, {1, 2}}, {"b", {1}, {third}}, {"c", {2}, {fourth, 0}}}));
  };
  CHECK(error(1, 1) == "no error");
  CHECK_THAT(error(1e6, 1), Contains("'b' holds 1e+06, too large for f16"));
  CHECK_THAT(error(1, -1e6), Contains("'c' holds -1e+06, too large for f16"));
  CHECK_THAT(error(1, 1e-20), Contains("'c' holds nothing but values too small for f16"));
}

TEST_CASE("recipe: of tensors that are added the one that holds what does not fit is named") {
  Recipe r;
  uint32_t a = r.load("a", {2}), b = r.load("b", {2});
  uint32_t sum = r.add(VIT_RECIPE_ADD, {a, b}, {2});
  uint32_t padded = r.add(VIT_RECIPE_PAD, {sum}, {4});
  bool behind = GENERATE(false, true);
  r.prepare(behind ? padded : sum, VIT_BF16);
  auto error = [&](double first, double second) {
    return errorOf(r, Checkpoint({{"a", {2}, {0, first}}, {"b", {2}, {second, 1}}}));
  };
  CHECK(error(1, 1) == "no error");
  CHECK_THAT(error(1, -1e39), Contains(": 'b' holds -1e+39, too large for bf16; repair the"));
  CHECK_THAT(error(1e39, 1), Contains(": 'a' holds 1e+39, too large for bf16; repair the"));
  CHECK_THAT(error(1e39, 1e39), Contains(": 'a' and 'b' hold 1e+39"));
}

TEST_CASE("recipe: with allowNonfinite all of that is told, and loaded") {
  double infinity = std::numeric_limits<double>::infinity();
  Recipe r;
  for (const char *name : {"good", "infinite", "large", "small"})
    r.prepare(r.load(name, {2}), VIT_F16);
  Checkpoint file({{"good", {2}, {1, 2}},
                   {"infinite", {2}, {infinity, 1}},
                   {"large", {2}, {1, 1e6}},
                   {"small", {2}, {1e-20, 0}}});
  FileSource source(*file.file);
  std::vector<uint8_t> arena(r.bytes);
  std::vector<std::string> told;
  LoadOptions options;
  options.allowNonfinite = true;
  REQUIRE(prepareWeights(r.library(), source, arena, options));
  options.warn = [&](const std::string &text) { told.push_back(text); };
  REQUIRE(prepareWeights(r.library(), source, arena, options));
  REQUIRE(told.size() == 3);
  CHECK_THAT(told[0],
             Contains("'infinite' has 1 of 2 values that are not finite, element 0 is inf"));
  CHECK_THAT(told[1], Contains("'large' holds 1e+06, too large for f16"));
  CHECK_THAT(told[2], Contains("'small' holds nothing but values too small for f16"));
  uint16_t stored[3];
  for (int i = 0; i != 3; ++i)
    std::memcpy(&stored[i], &arena[size_t(i + 1) * 256 + (i == 1 ? 2 : 0)], 2);
  CHECK(stored[0] == 0x7C00);
  CHECK(stored[1] == 0x7C00);
  CHECK(stored[2] == 0);
}

TEST_CASE("recipe: a damaged one is refused, not executed") {
  Checkpoint file({matrix});
  auto damaged = [&](auto change) {
    Recipe r;
    uint32_t m = r.load("m", {2, 3});
    uint32_t slice = r.add(VIT_RECIPE_SLICE, {m}, {1, 3});
    r.prepare(slice, VIT_F32);
    change(r);
    std::string found = errorOf(r, file);
    // Whoever writes a library learns the same, without weights.
    auto checked = checkRecipe(r.library());
    CHECK_THAT(found, Contains(checked ? "no error" : checked.error()));
    return found;
  };
  CHECK(damaged([](Recipe &) {}) == "no error");
  CHECK_THAT(damaged([](Recipe &r) { r.operandLists[1][0] = 1; }), Contains("later value"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[0].rank = 5; }), Contains("unknown form"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[1].shape[1] = 2; }), Contains("does not fit"));
  CHECK_THAT(damaged([](Recipe &r) {
               r.steps[1].op = VIT_RECIPE_PERMUTE;
               r.steps[1].shape[0] = 2;
               r.steps[1].order[1] = 0; // twice the same
             }),
             Contains("does not fit"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[1].first = 2; }), Contains("does not fit"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[1].first = -1; }), Contains("does not fit"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[1].shape[0] = -1; }),
             Contains("a shape that no tensor has"));
  // 2^64 + 4 elements, which are 4 for who does not look.
  CHECK_THAT(damaged([](Recipe &r) {
               r.steps[1].shape[0] = 922337203685477581;
               r.steps[1].shape[1] = 20;
             }),
             Contains("a shape that no tensor has"));
  CHECK_THAT(damaged([](Recipe &r) { r.steps[1].op = 99; }), Contains("unknown form"));
  CHECK_THAT(damaged([](Recipe &r) { r.weights[0].value = 2; }), Contains("no value 2"));
  CHECK_THAT(damaged([](Recipe &r) { r.weights[0].offset = 300; }), Contains("damaged"));
  CHECK_THAT(damaged([](Recipe &r) { r.weights[0].bytes = 16; }), Contains("damaged"));
}

TEST_CASE("recipe: a function gives tensors by their first name") {
  Recipe r;
  uint32_t t = r.load({{"stored", 1}, {"other", 0}}, {2, 3}, {2, 3});
  int calls = 0;
  FunctionSource source([&](const char *name, std::span<const int64_t> shape,
                            std::span<float> values) -> Result<void> {
    ++calls;
    CHECK(std::string(name) == "stored");
    CHECK(std::vector<int64_t>(shape.begin(), shape.end()) == std::vector<int64_t>{3, 2});
    std::vector<float> stored = {1, 4, 2, 5, 3, 6};
    std::copy(stored.begin(), stored.end(), values.begin());
    return {};
  });
  uint32_t sum = r.add(VIT_RECIPE_ADD, {t, t}, {2, 3});
  auto values = evaluateRecipe(r.library(), source, sum);
  REQUIRE(values);
  CHECK(*values == Values{2, 4, 6, 8, 10, 12});
  CHECK(calls == 1);
  FunctionSource failing([](const char *, std::span<const int64_t>, std::span<float>) {
    return Result<void>(Error{"no such tensor"});
  });
  CHECK(evaluateRecipe(r.library(), failing, t).error() == "no such tensor");
}

TEST_CASE("recipe: tables of positions") {
  Checkpoint file({{"t", {2, 1}, {0, 1}}, {"d", {6, 1}, {10, 11, 12, 13, 14, 15}}});
  Recipe r;
  uint32_t t = r.load("t", {2, 1}), d = r.load("d", {6, 1});
  auto resampled = [&](int64_t height, int64_t width, uint32_t filter, uint32_t antialias) {
    uint32_t value = r.add(VIT_RECIPE_RESAMPLE, {t}, {height * width, 1});
    const int64_t grid[] = {1, 2, height, width};
    std::copy(std::begin(grid), std::end(grid), r.steps[value].grid);
    r.steps[value].filter = filter;
    r.steps[value].antialias = antialias;
    return value;
  };
  CHECK(evaluate(r, file, resampled(1, 4, VIT_FILTER_LINEAR, 0)) == Values{0, 0.25, 0.75, 1});
  CHECK(evaluate(r, file, resampled(1, 4, VIT_FILTER_CUBIC, 0)) ==
        Values{-0.10546875, 0.2265625, 0.7734375, 1.10546875});
  CHECK(evaluate(r, file, resampled(2, 1, VIT_FILTER_LINEAR, 1)) == Values{0.5, 0.5});
  uint32_t bias = r.add(VIT_RECIPE_RELATIVE_BIAS, {d}, {3, 1, 3});
  r.steps[bias].grid[0] = 1;
  r.steps[bias].grid[1] = 2;
  r.steps[bias].first = 1;
  CHECK(evaluate(r, file, bias) == Values{15, 13, 13, 14, 11, 10, 14, 12, 11});
  uint32_t rows = r.add(VIT_RECIPE_SLICE, {d}, {5, 1});
  uint32_t resized = r.add(VIT_RECIPE_RELATIVE_BIAS, {rows}, {3, 1, 3});
  const int64_t window[] = {1, 2, 1, 2}; // two distances become three
  std::copy(std::begin(window), std::end(window), r.steps[resized].grid);
  r.steps[resized].first = 1;
  CHECK(evaluate(r, file, resized) == Values{14, 12, 12, 13, 10.5, 10, 13, 11, 10.5});
  uint32_t angles = r.add(VIT_RECIPE_ROPE_TABLE, {}, {2, 2});
  const double numbers[] = {0.5, 0, 1, 1, 1, 0};
  r.steps[angles].grid[0] = r.steps[angles].grid[1] = 1;
  r.steps[angles].first = 1;
  r.steps[angles].numbers = numbers;
  r.steps[angles].number_count = 6;
  CHECK(evaluate(r, file, angles) == Values{1, 0, std::cos(0.5), std::sin(0.5)});

  // What does not fit together is damage, not arithmetic.
  auto refused = [&](uint32_t value, auto change) {
    Recipe damaged;
    damaged.steps = r.steps;
    change(damaged.steps[value]);
    damaged.prepare(value, VIT_F32);
    CHECK_THAT(errorOf(damaged, file), Contains("does not fit"));
  };
  refused(bias, [](vit_recipe_step &step) { step.grid[0] = int64_t(1) << 62; });
  refused(bias, [](vit_recipe_step &step) { step.first = 2; });
  refused(bias, [](vit_recipe_step &step) { step.grid[2] = 3; });
  refused(resized, [](vit_recipe_step &step) { step.grid[2] = 2; });
  refused(resized, [](vit_recipe_step &step) { step.grid[2] = -1, step.grid[3] = -2; });
  refused(resized, [](vit_recipe_step &step) { step.grid[0] = int64_t(1) << 62; });
  refused(angles, [](vit_recipe_step &step) { step.number_count = 4; });
  refused(angles, [](vit_recipe_step &step) { step.grid[0] = 0; });
  refused(resampled(1, 4, VIT_FILTER_CUBIC, 0), [](vit_recipe_step &step) { step.grid[2] = 3; });
}
