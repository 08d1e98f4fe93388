//===- RecipeFixture.h - Recipes, step by step -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_RUNTIME_RECIPEFIXTURE_H
#define VITC_TEST_UNIT_RUNTIME_RECIPEFIXTURE_H

#include "vit/library.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

/// Builds a recipe step by step; owns what the C structs point to.
struct Recipe {
  std::vector<vit_recipe_step> steps;
  std::vector<std::unique_ptr<std::vector<vit_key>>> keys;
  std::deque<std::vector<uint32_t>> operandLists;
  std::vector<vit_prepared> weights;
  std::vector<const char *> ignored;
  uint64_t bytes = 0;

  uint32_t add(uint32_t op, std::vector<uint32_t> operands, std::vector<int64_t> shape) {
    vit_recipe_step step = {};
    step.op = op;
    step.operand_count = uint32_t(operands.size());
    step.operands = operandLists.emplace_back(std::move(operands)).data();
    step.rank = uint32_t(shape.size());
    std::copy(shape.begin(), shape.end(), step.shape);
    steps.push_back(step);
    return uint32_t(steps.size() - 1);
  }
  uint32_t load(std::vector<vit_key> names, std::vector<int64_t> fileShape,
                std::vector<int64_t> shape) {
    uint32_t value = add(VIT_RECIPE_LOAD, {}, shape);
    keys.push_back(std::make_unique<std::vector<vit_key>>(std::move(names)));
    steps[value].keys = keys.back()->data();
    steps[value].key_count = uint32_t(keys.back()->size());
    steps[value].file_rank = uint32_t(fileShape.size());
    std::copy(fileShape.begin(), fileShape.end(), steps[value].file_shape);
    return value;
  }
  uint32_t load(const char *name, std::vector<int64_t> shape) {
    return load({{name, 0}}, shape, shape);
  }
  void prepare(uint32_t value, uint32_t dtype) {
    bool narrow = dtype == VIT_F16 || dtype == VIT_BF16;
    uint64_t size = dtype == VIT_F64 ? 8 : narrow ? 2 : 4;
    for (uint32_t i = 0; i != steps[value].rank; ++i)
      size *= uint64_t(steps[value].shape[i]);
    weights.push_back({value, dtype, bytes, size});
    bytes = (bytes + size + 255) / 256 * 256;
  }
  vit_library library() const {
    vit_library result = {};
    result.recipe = steps.data();
    result.recipe_count = uint32_t(steps.size());
    result.weights = weights.data();
    result.weight_count = uint32_t(weights.size());
    result.ignored = ignored.data();
    result.ignored_count = uint32_t(ignored.size());
    result.weight_bytes = bytes;
    return result;
  }
};

#endif // VITC_TEST_UNIT_RUNTIME_RECIPEFIXTURE_H
