//===- SizedRecipe.h - A recipe for images of one size ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Steps of a recipe may speak of a size that is still to come. With a size they
// become a recipe like every other: for the weights that depend on it alone,
// from values that do not, which are its tensors.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_SIZEDRECIPE_H
#define VITC_RUNTIME_SIZEDRECIPE_H

#include "runtime/Plan.h"
#include "runtime/Recipe.h"

#include <deque>

namespace vitrt {

/// Which steps of a recipe depend on the size of the images; false of those that are damaged.
std::vector<char> dependOnSize(const vit_library &library);

/// The weight in a part of the arena that is value `value` of the recipe in f64; NULL if there is
/// none.
const vit_prepared *keptValue(const vit_library &library, ArenaPart part, uint32_t value);
/// The value of the library that a LOAD of a SizedRecipe is.
uint32_t keptIndex(const vit_recipe_step &step);

class SizedRecipe {
public:
  /// For `height` x `width` patches and the weights that `plan` reads, or all if it is NULL, of
  /// what a part of the arena keeps. Fails if the library is damaged.
  static Result<SizedRecipe> make(const vit_library &library, const vit_plan *plan, ArenaPart part,
                                  int64_t height, int64_t width);
  SizedRecipe(SizedRecipe &&) noexcept = default;

  /// Recipe and weights alone.
  const vit_library &library() const { return view; }
  /// Of each weight of it: which one of the library it is.
  const std::vector<uint32_t> &places() const { return indices; }

private:
  SizedRecipe() = default;
  bool fill(vit_recipe_step &step, int64_t height, int64_t width);
  void keep(vit_recipe_step &step, uint32_t value);
  Result<void> addWeights(const vit_library &library, const std::vector<char> &depends,
                          const std::vector<char> &read);

  std::vector<vit_recipe_step> steps;
  std::vector<vit_prepared> weights;
  std::vector<uint32_t> indices;
  std::deque<std::vector<double>> numbers;
  std::deque<std::string> names;
  std::deque<vit_key> keys;
  vit_library view = {};
};

} // namespace vitrt
#endif // VITC_RUNTIME_SIZEDRECIPE_H
