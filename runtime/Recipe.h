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
#include "vit/library.h"
#include "weights/Result.h"
#include "weights/Safetensors.h"
#include "weights/TensorNames.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// Where tensors come from. Used by one thread.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// How a message about its tensors begins.
  virtual std::string about() const { return "weights: "; }
  /// The name of the tensor of a LOAD step here.
  virtual std::string keyOf(const vit_recipe_step &step) const { return step.keys[0].name; }
  /// What to do about values that are not finite.
  virtual std::string cure() const { return "repair the checkpoint"; }
  /// Called once, before any load: does the source hold what the recipe needs, and nothing else?
  virtual Result<void> check(const vit_library &library) = 0;
  /// The values of a LOAD step in the order of its file_shape (a transposed tensor is turned).
  virtual Result<std::vector<double>> load(const vit_recipe_step &step) = 0;
};

/// Tensors of an open file, under any of the names that the recipe allows, maybe inside wrappers of
/// training: see TensorNames. Missing, ambiguous,
/// extra and mis-shaped tensors, and those of no float type, are refused by name. `file` must
/// outlive the source.
class FileSource : public WeightSource {
public:
  explicit FileSource(const Safetensors &file) : file(file), tensors(file) {}
  std::string about() const override { return "weights " + quoted(file.path()) + ": "; }
  std::string keyOf(const vit_recipe_step &step) const override;
  Result<void> check(const vit_library &library) override;
  Result<std::vector<double>> load(const vit_recipe_step &step) override;

private:
  const Safetensors &file;
  TensorNames tensors;
};

/// Tensors from a function that fills row-major f32 values, or returns the text of its failure.
/// It is asked for each tensor once, by the first name and the shape under it. Values are NaN until
/// it sets them.
class FunctionSource : public WeightSource {
public:
  using Function = std::function<Result<void>(const char *name, std::span<const int64_t> shape,
                                              std::span<float> values)>;
  explicit FunctionSource(Function function) : function(std::move(function)) {}
  std::string cure() const override { return "let the reader set every value to a finite one"; }
  Result<void> check(const vit_library &) override { return {}; }
  Result<std::vector<double>> load(const vit_recipe_step &step) override;

private:
  Function function;
};

/// Weights made from their names; `add` as in a golden case's meta.json.
FunctionSource hashSource(std::vector<std::pair<std::string, double>> add = {});

/// Executes the recipe into `arena`, which has library.weight_bytes bytes (zero between weights),
/// or those of a target's part, for whose weights alone it is then. Reads recipe, weights, ignored
/// and their counts of the library, nothing else. Values of no use are refused by the tensor's
/// name, or told, as the options say: no NaN, no overflow is silent.
Result<void> prepareWeights(const vit_library &library, WeightSource &source,
                            std::span<uint8_t> arena, const LoadOptions &options = {},
                            const vit_target *target = nullptr);

/// Says which values of the tensor `name` are no numbers: "'x' has 2 of 96 values that are not
/// finite, element 3 is nan"; empty if all are.
std::string finiteProblem(const std::string &name, const std::vector<double> &values);

/// Whether prepareWeights can execute the recipe, apart from what a file lacks: for whoever writes
/// a library, before it is used.
Result<void> checkRecipe(const vit_library &library);

/// Executes the recipe for one value in f64, as the reference: no rounding but the recipe's casts.
Result<std::vector<double>> evaluateRecipe(const vit_library &library, WeightSource &source,
                                           uint32_t value);

} // namespace vitrt
#endif // VITC_RUNTIME_RECIPE_H
