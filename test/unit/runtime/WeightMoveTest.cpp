//===- WeightMoveTest.cpp - Weights that are tensors in another order ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What goes straight from a file to its place must have the bits, and the
// messages, of the general way, which computes in f64.
//===----------------------------------------------------------------------===//
#include "runtime/WeightMove.h"
#include "runtime/Recipe.h"
#include "test/unit/runtime/RecipeFixture.h"
#include "weights/Float.h"

#include <catch2/catch.hpp>

#include <limits>
#include <numeric>
#include <random>
#include <unistd.h>

using namespace vitrt;
using Shape = std::vector<int64_t>;

namespace {

int64_t countOf(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

/// A file of random values, of a type that f32 holds.
class File {
public:
  explicit File(FileType type) : type(type) {}
  ~File() { remove(path.c_str()); }

  void add(const std::string &name, const Shape &shape, double scale = 1) {
    std::vector<float> values(size_t(countOf(shape)));
    for (float &value : values)
      value = float(scale * std::normal_distribution<>()(random));
    addValues(name, shape, std::move(values));
  }
  void addValues(const std::string &name, const Shape &shape, std::vector<float> values) {
    singles.push_back(std::move(values));
    std::vector<uint16_t> &narrow = halves.emplace_back();
    for (float value : singles.back())
      narrow.push_back(type == FileType::F16 ? doubleToHalf(value) : doubleToBfloat(value));
    const void *data = singles.back().data();
    if (type != FileType::F32)
      data = narrow.data();
    tensors.push_back({name, type, shape, data});
  }
  Safetensors open() const {
    REQUIRE(writeSafetensors(path, tensors));
    auto file = Safetensors::open(path);
    REQUIRE(file);
    return std::move(*file);
  }

  std::mt19937 random{7};

private:
  const FileType type;
  const std::string path = "/tmp/vitc-move-" + std::to_string(getpid()) + ".safetensors";
  std::deque<std::vector<float>> singles;
  std::deque<std::vector<uint16_t>> halves;
  std::vector<NewTensor> tensors;
};

/// The same file for the general way alone.
class Unmoved : public WeightSource {
public:
  explicit Unmoved(FileSource &source) : source(source) {}
  std::string about() const override { return source.about(); }
  std::string keyOf(const vit_recipe_step &step) const override { return source.keyOf(step); }
  Result<void> check(const vit_library &library) override { return source.check(library); }
  Result<Doubles> load(const vit_recipe_step &step) override { return source.load(step); }

private:
  FileSource &source;
};

struct Prepared {
  std::vector<uint8_t> arena;
  std::vector<std::string> told;
  std::string error;
};
Prepared prepare(const Recipe &recipe, WeightSource &source, bool allowNonfinite) {
  Prepared made{std::vector<uint8_t>(recipe.bytes, 0xEE), {}, {}};
  LoadOptions options;
  options.allowNonfinite = allowNonfinite;
  options.warn = [&](const std::string &text) { made.told.push_back(text); };
  auto done = prepareWeights(recipe.library(), source, made.arena, options);
  made.error = done.error();
  return made;
}

/// How many weights are moved, when both ways give the same.
size_t movedOf(const Recipe &recipe, const File &file) {
  Safetensors opened = file.open();
  FileSource source(opened);
  Unmoved unmoved(source);
  for (bool allow : {true, false}) {
    Prepared fast = prepare(recipe, source, allow), slow = prepare(recipe, unmoved, allow);
    CHECK(fast.error == slow.error);
    CHECK(fast.told == slow.told);
    if (slow.error.empty())
      CHECK(fast.arena == slow.arena);
  }
  size_t moved = 0;
  std::vector<uint8_t> place(recipe.bytes);
  for (const vit_prepared &weight : recipe.weights)
    if (auto move = WeightMove::plan(recipe.library(), source, weight))
      moved += move->execute(place.data() + weight.offset);
  return moved;
}

/// As vit-pack-panels has it: panels of 32 columns, of steps or of pairs of them.
uint32_t panels(Recipe &r, uint32_t matrix, int64_t pair = 1) {
  int64_t columns = r.steps[matrix].shape[0], depth = r.steps[matrix].shape[1];
  int64_t count = (columns + 31) / 32;
  uint32_t value = matrix;
  if (columns % 32)
    value = r.add(VIT_RECIPE_PAD, {value}, {count * 32, depth});
  value = r.add(VIT_RECIPE_RESHAPE, {value}, {count, 32, depth / pair, pair});
  value = r.add(VIT_RECIPE_PERMUTE, {value}, {count, depth / pair, 32, pair});
  std::copy_n(std::array<uint32_t, 4>{0, 2, 1, 3}.begin(), 4, r.steps[value].order);
  return r.add(VIT_RECIPE_RESHAPE, {value}, {count, depth, 32});
}

uint32_t cast(Recipe &r, uint32_t value, uint32_t dtype) {
  const vit_recipe_step &step = r.steps[value];
  uint32_t made = r.add(VIT_RECIPE_CAST, {value}, Shape(step.shape, step.shape + step.rank));
  r.steps[made].dtype = dtype;
  return made;
}

} // namespace

TEST_CASE("weight move: panels, padding, heads and turned tensors from files of all types") {
  File file(GENERATE(FileType::F32, FileType::F16, FileType::BF16));
  uint32_t dtype =
      GENERATE(uint32_t(VIT_F32), uint32_t(VIT_F16), uint32_t(VIT_BF16), uint32_t(VIT_TF32));
  for (const char *name : {"q", "k", "v"})
    file.add(name, {96, 64});
  file.add("classes", {1000, 70}); // the last panel is not full
  file.add("turned", {300, 544});  // more than is read at once
  file.add("long", {1100, 300});
  file.add("bias", {100});
  Recipe r;
  uint32_t q = r.load("q", {96, 64});
  uint32_t all =
      r.add(VIT_RECIPE_CONCAT, {q, r.load("k", {96, 64}), r.load("v", {96, 64})}, {288, 64});
  r.prepare(panels(r, all), dtype);
  r.prepare(panels(r, cast(r, all, dtype), 2), dtype);
  r.prepare(panels(r, r.load("classes", {1000, 70})), dtype);
  r.prepare(panels(r, r.load({{"turned", 1}}, {544, 300}, {544, 300})), dtype);
  uint32_t longer = r.load("long", {1100, 300});
  r.prepare(longer, dtype);
  r.prepare(panels(r, r.add(VIT_RECIPE_PAD, {longer}, {1100, 310})), dtype);
  // Heads of 24 columns become heads of 40: they begin in the middle of a panel.
  uint32_t heads = r.add(VIT_RECIPE_RESHAPE, {q}, {4, 24, 64});
  heads = r.add(VIT_RECIPE_PAD, {heads}, {4, 40, 64});
  r.prepare(panels(r, r.add(VIT_RECIPE_RESHAPE, {heads}, {160, 64})), dtype);
  uint32_t rows = r.add(VIT_RECIPE_SLICE, {all}, {100, 64}); // the end of q, k, the beginning of v
  r.steps[rows].first = 94;
  r.prepare(panels(r, rows), dtype);
  r.prepare(r.add(VIT_RECIPE_PAD, {r.load("bias", {100})}, {128}), dtype);
  CHECK(movedOf(r, file) == r.weights.size());
}

TEST_CASE("weight move: arithmetic, and rounding to another type, is for the general way") {
  File file(FileType::F32);
  file.add("t", {8, 8});
  Recipe r;
  uint32_t t = r.load("t", {8, 8});
  r.prepare(cast(r, t, VIT_BF16), VIT_F32);
  r.prepare(r.add(VIT_RECIPE_ADD, {t, t}, {8, 8}), VIT_F32);
  r.prepare(t, VIT_F64);
  CHECK(movedOf(r, file) == 0);
}

TEST_CASE("weight move: of values that are of no use the general way speaks") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  uint32_t dtype =
      GENERATE(uint32_t(VIT_F32), uint32_t(VIT_F16), uint32_t(VIT_BF16), uint32_t(VIT_TF32));
  File file(FileType::F32);
  file.add("good", {64});
  file.addValues("infinite", {4}, {1, 2, -infinity, 4});
  file.addValues("nan", {2}, {std::nanf(""), 1});
  file.addValues("large", {2}, {1, 1e6});
  file.addValues("largest", {2}, {1, std::numeric_limits<float>::max()});
  file.addValues("small", {3}, {0, 1e-20f, -1e-30f});
  file.addValues("least", {2}, {0, std::numeric_limits<float>::denorm_min()});
  file.addValues("zeros", {2}, {0, -0.0f});
  Recipe r;
  std::vector<uint32_t> parts;
  for (auto [name, count] : {std::pair("good", 64),
                             {"infinite", 4},
                             {"nan", 2},
                             {"large", 2},
                             {"largest", 2},
                             {"small", 3},
                             {"least", 2},
                             {"zeros", 2}}) {
    parts.push_back(r.load(name, {count}));
    r.prepare(parts.back(), dtype);
    r.prepare(cast(r, parts.back(), dtype), dtype);
  }
  r.prepare(r.add(VIT_RECIPE_CONCAT, parts, {81}), dtype);
  bool isF32 = dtype == VIT_F32, isF16 = dtype == VIT_F16;
  size_t others = 2 + (isF32 ? 0 : isF16 ? 4 : 2); // infinite and nan; large, largest, small, least
  CHECK(movedOf(r, file) == r.weights.size() - 1 - 2 * others);
}

TEST_CASE("weight move: any chain of steps that move") {
  File file(FileType::F32);
  auto below = [&](int64_t end) {
    return std::uniform_int_distribution<int64_t>(0, end - 1)(file.random);
  };
  Recipe r;
  size_t wanted = 0;
  for (int chain = 0; chain != 400; ++chain) {
    std::string name = "t" + std::to_string(chain);
    Shape shape;
    for (int64_t rank = 1 + below(4); rank != 0; --rank)
      shape.push_back(1 + below(9));
    file.add(name, shape);
    static std::deque<std::string> names;
    uint32_t value = r.load(names.emplace_back(name).c_str(), shape);
    for (int64_t steps = below(6); steps != 0; --steps)
      switch (below(5)) {
      case 0: { // two neighbours become one, or one becomes two
        size_t i = size_t(below(int64_t(shape.size())));
        if (i + 1 != shape.size()) {
          shape[i] *= shape[i + 1];
          shape.erase(shape.begin() + ptrdiff_t(i + 1));
        } else if (shape.size() < 4 && shape[i] % 2 == 0) {
          shape[i] /= 2;
          shape.push_back(2);
        }
        value = r.add(VIT_RECIPE_RESHAPE, {value}, shape);
        break;
      }
      case 1: {
        std::vector<uint32_t> order(shape.size());
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), file.random);
        Shape turned;
        for (uint32_t i : order)
          turned.push_back(shape[i]);
        value = r.add(VIT_RECIPE_PERMUTE, {value}, shape = turned);
        std::ranges::copy(order, r.steps[value].order);
        break;
      }
      case 2:
        for (int64_t &size : shape)
          size += below(3);
        value = r.add(VIT_RECIPE_PAD, {value}, shape);
        break;
      case 3:
        shape[0] *= 2;
        value = r.add(VIT_RECIPE_CONCAT, {value, value}, shape);
        break;
      case 4: {
        int64_t first = below(shape[0]);
        shape[0] = 1 + below(shape[0] - first);
        value = r.add(VIT_RECIPE_SLICE, {value}, shape);
        r.steps[value].first = first;
        break;
      }
      }
    r.prepare(value, below(2) ? VIT_F32 : VIT_BF16);
    ++wanted;
  }
  size_t moved = movedOf(r, file);
  INFO(moved);
  CHECK(moved > wanted / 2); // tensors this small are often not worth it
}
