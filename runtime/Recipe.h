//===- Recipe.h - From a checkpoint to the weights that kernels read -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library holds straight-line arithmetic on checkpoint tensors (see
// vit_recipe_step). It is executed here, once per load, in f64: by the runtime
// for a user's checkpoint and by the compiler for embedded weights, so both give
// the same bytes.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_RECIPE_H
#define VITC_RUNTIME_RECIPE_H

#include "runtime/LoadOptions.h"
#include "runtime/Plan.h"
#include "runtime/WeightSource.h"
#include "vit/library.h"
#include "weights/Result.h"

#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// Executes the recipe into `arena`, which has library.weight_bytes bytes (zero between weights),
/// or those of a target's part, for whose weights alone it is then. Reads recipe, weights, ignored
/// and their counts of the library, nothing else. Values of no use are refused by the tensor's
/// name, or told, as the options say: no NaN, no overflow is silent.
Result<void> prepareWeights(const vit_library &library, WeightSource &source,
                            std::span<uint8_t> arena, const LoadOptions &options = {},
                            const vit_target *target = nullptr);

/// Says which values of the tensor `name` are no numbers: "'x' has 2 of 96 values that are not
/// finite, element 3 is nan"; empty if all are.
std::string finiteProblem(const std::string &name, std::span<const double> values);

/// Whether prepareWeights can execute the recipe, apart from what a file lacks: for whoever writes
/// a library, before it is used.
Result<void> checkRecipe(const vit_library &library);

/// Executes the recipe for one value in f64, as the reference: no rounding but the recipe's casts.
Result<std::vector<double>> evaluateRecipe(const vit_library &library, WeightSource &source,
                                           uint32_t value);

} // namespace vitrt
#endif // VITC_RUNTIME_RECIPE_H
