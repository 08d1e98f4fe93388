//===- WeightSource.h - Where the tensors of a recipe come from ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTSOURCE_H
#define VITC_RUNTIME_WEIGHTSOURCE_H

#include "runtime/LargeArray.h"
#include "vit/library.h"
#include "weights/Result.h"
#include "weights/Safetensors.h"
#include "weights/TensorNames.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// A tensor of an open file.
struct StoredTensor {
  const FileTensor *tensor = nullptr;
  bool transposed = false; ///< the file holds file_shape reversed
};

/// Where tensors come from. Used by one thread.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// How a message about its tensors begins.
  virtual std::string about() const { return "weights: "; }
  /// The name of the tensor of a LOAD step here.
  virtual std::string keyOf(const vit_recipe_step &step) const { return step.keys[0].name; }
  /// The file that could be opened again; empty for none.
  virtual std::string path() const { return {}; }
  /// What to do about values that are not finite.
  virtual std::string cure() const { return "repair the checkpoint"; }
  /// Called once, before any load: does the source hold what the recipe needs, and nothing else?
  virtual Result<void> check(const vit_library &library) = 0;
  /// The values of a LOAD step in the order of its file_shape (a transposed tensor is turned).
  virtual Result<Doubles> load(const vit_recipe_step &step) = 0;
  /// Where a LOAD step's values lie as a file has them, for who reads parts of them, on any thread;
  /// no tensor where they come otherwise.
  virtual StoredTensor stored(const vit_recipe_step &) const { return {}; }
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
  std::string path() const override { return file.path(); }
  Result<void> check(const vit_library &library) override;
  Result<Doubles> load(const vit_recipe_step &step) override;
  StoredTensor stored(const vit_recipe_step &step) const override;

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
  Result<Doubles> load(const vit_recipe_step &step) override;

private:
  Function function;
};

/// Weights made from their names; `add` as in a golden case's meta.json.
FunctionSource hashSource(std::vector<std::pair<std::string, double>> add = {});

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTSOURCE_H
