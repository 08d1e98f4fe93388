//===- SizedRecipe.cpp - A recipe for images of one size -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/SizedRecipe.h"
#include "runtime/RecipeSteps.h"

#include <algorithm>
#include <cstdlib>
#include <span>

namespace vitrt {
namespace {

/// Elements of a shape, 0 if they are none or too many to be a table.
uint64_t elementsOf(const vit_recipe_step &step) {
  return isBounded(shapeOf(step)) ? countOf(shapeOf(step)) : 0;
}

Error damaged(uint32_t value, const char *text) {
  return Error{"the library's recipe is damaged: value " + std::to_string(value) + " " + text};
}

} // namespace

std::vector<char> dependOnSize(const vit_library &library) {
  std::vector<char> depends(library.recipe_count, 0);
  for (uint32_t i = 0; i != library.recipe_count; ++i) {
    const vit_recipe_step &step = library.recipe[i];
    for (uint32_t d = 0; d < std::min<uint32_t>(step.rank, VIT_MAX_RANK); ++d)
      depends[i] |= char(step.shape[d] < 0);
    for (uint32_t operand : std::span(step.operands, step.operand_count))
      depends[i] |= char(operand < i && depends[operand]);
  }
  return depends;
}

const vit_prepared *keptValue(const vit_library &library, ArenaPart part, uint32_t value) {
  for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
    if (weight.value == value && weight.dtype == VIT_F64 && weight.bytes && part.has(weight))
      return &weight;
  return nullptr;
}

uint32_t keptIndex(const vit_recipe_step &step) {
  return uint32_t(std::strtoul(step.keys[0].name, nullptr, 10));
}

/// Puts the size into a step; false if its numbers do not fit its form.
bool SizedRecipe::fill(vit_recipe_step &step, int64_t height, int64_t width) {
  for (uint32_t i = 0; i != step.rank; ++i)
    if (step.shape[i] < 0 &&
        __builtin_add_overflow(height * width, -1 - step.shape[i], &step.shape[i]))
      return false;
  int64_t *grid = step.op == VIT_RECIPE_RESAMPLE ? step.grid + 2 : step.grid;
  bool open = grid[0] == 0 && grid[1] == 0;
  if (open)
    grid[0] = height, grid[1] = width;
  if (step.op != VIT_RECIPE_ROPE_TABLE || !open)
    return true;
  if (step.rank != 2 || step.shape[1] < 0 || step.number_count != uint64_t(step.shape[1]) + 8)
    return false;
  std::vector<double> all(step.numbers, step.numbers + step.number_count);
  for (int i = 0; i != 4; ++i)
    all[size_t(i)] += all[all.size() - 4 + size_t(i)] / double(i % 2 ? width : height);
  step.number_count -= 4;
  step.numbers = numbers.emplace_back(std::move(all)).data();
  return true;
}

/// A value that does not depend on the size becomes a tensor of that name.
void SizedRecipe::keep(vit_recipe_step &step, uint32_t value) {
  vit_recipe_step load = {};
  load.op = VIT_RECIPE_LOAD;
  load.rank = load.file_rank = step.rank;
  std::copy_n(step.shape, VIT_MAX_RANK, load.shape);
  std::copy_n(step.shape, VIT_MAX_RANK, load.file_shape);
  load.keys = &keys.emplace_back(vit_key{names.emplace_back(std::to_string(value)).c_str(), 0});
  load.key_count = 1;
  step = load;
}

/// Which weights a plan reads; without one, all.
static std::vector<char> weightsOf(const vit_library &library, const vit_plan *plan) {
  std::vector<char> read(library.weight_count, plan ? 0 : 1);
  if (plan)
    for (const vit_step &step : std::span(plan->steps, plan->step_count))
      for (const vit_arg &arg : std::span(step.args, step.arg_count))
        if (arg.kind == VIT_ARG_WEIGHT && arg.index < read.size())
          read[arg.index] = 1;
  return read;
}

Result<void> SizedRecipe::addWeights(const vit_library &library, const std::vector<char> &depends,
                                     const std::vector<char> &read) {
  uint64_t end = 0;
  for (uint32_t i = 0; i != library.weight_count; ++i) {
    vit_prepared weight = library.weights[i];
    if (weight.bytes || !read[i])
      continue;
    if (weight.value >= steps.size() || !depends[weight.value] || weight.dtype > VIT_TF32)
      return damaged(weight.value, "is a weight of no size");
    uint64_t count = elementsOf(steps[weight.value]);
    if (count == 0)
      return damaged(weight.value, "has a size that no table has");
    weight.offset = end;
    weight.bytes = count * sizeOf(weight.dtype);
    end = alignUp(end + weight.bytes);
    weights.push_back(weight);
    indices.push_back(i);
  }
  view.weights = weights.data();
  view.weight_count = uint32_t(weights.size());
  view.weight_bytes = end;
  return {};
}

/// The steps that the weights of a size are made by.
static std::vector<char> neededSteps(const vit_library &library, const std::vector<char> &read) {
  std::vector<char> needed(library.recipe_count, 0);
  for (uint32_t i = 0; i != library.weight_count; ++i)
    if (read[i] && !library.weights[i].bytes && library.weights[i].value < needed.size())
      needed[library.weights[i].value] = 1;
  for (uint32_t i = library.recipe_count; i-- != 0;)
    if (const vit_recipe_step &step = library.recipe[i]; needed[i])
      for (uint32_t operand : std::span(step.operands, step.operand_count))
        if (operand < i)
          needed[operand] = 1;
  return needed;
}

Result<SizedRecipe> SizedRecipe::make(const vit_library &library, const vit_plan *plan,
                                      ArenaPart part, int64_t height, int64_t width) {
  SizedRecipe result;
  std::vector<char> depends = dependOnSize(library), read = weightsOf(library, plan),
                    needed = neededSteps(library, read);
  result.steps.assign(library.recipe, library.recipe + library.recipe_count);
  for (uint32_t i = 0; i != library.recipe_count; ++i) {
    vit_recipe_step &step = result.steps[i];
    if (!depends[i] || !needed[i])
      continue;
    if (step.rank > VIT_MAX_RANK || !result.fill(step, height, width))
      return damaged(i, "does not fit a size");
    for (uint32_t operand : std::span(step.operands, step.operand_count)) {
      if (operand >= i)
        return damaged(i, "uses a later value");
      if (depends[operand])
        continue;
      const vit_prepared *kept = keptValue(library, part, operand);
      if (!kept || result.steps[operand].rank > VIT_MAX_RANK ||
          kept->bytes != elementsOf(library.recipe[operand]) * sizeof(double))
        return damaged(operand, "is not kept for other sizes");
      result.keep(result.steps[operand], operand);
    }
  }
  result.view.recipe = result.steps.data();
  result.view.recipe_count = library.recipe_count;
  if (auto added = result.addWeights(library, depends, read); !added)
    return added.takeError();
  return result;
}

} // namespace vitrt
