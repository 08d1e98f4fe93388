//===- WeightSource.cpp - Where the tensors of a recipe come from ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/WeightSource.h"
#include "runtime/RecipeSteps.h"
#include "weights/HashWeights.h"

#include <algorithm>
#include <limits>

namespace vitrt {
namespace {

std::vector<int64_t> shapeUnder(const vit_recipe_step &step, const vit_key &key) {
  std::vector<int64_t> shape(step.file_shape, step.file_shape + step.file_rank);
  if (key.transposed)
    std::reverse(shape.begin(), shape.end());
  return shape;
}

/// `values` of a tensor that may be stored transposed, in the order of file_shape.
Doubles turned(Doubles values, const vit_recipe_step &step, bool transposed) {
  if (!transposed)
    return values;
  return transpose(values, size_t(step.file_shape[1]), size_t(step.file_shape[0]));
}

bool isIgnored(const vit_library &library, std::string_view name) {
  for (uint32_t i = 0; i != library.ignored_count; ++i) {
    std::string_view pattern = library.ignored[i];
    bool prefix = !pattern.empty() && pattern.back() == '*';
    if (prefix ? name.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1)
               : name == pattern)
      return true;
  }
  return false;
}

} // namespace

/// Shapes, types and names only: a wrong file is refused before any arithmetic.
Result<void> FileSource::check(const vit_library &library) {
  std::string problem = about();
  std::vector<std::string_view> known;
  for (uint32_t i = 0; i != library.recipe_count; ++i) {
    const vit_recipe_step &step = library.recipe[i];
    if (step.op != VIT_RECIPE_LOAD)
      continue;
    if (step.file_rank > VIT_MAX_RANK || step.key_count == 0)
      return Error{"the library's recipe is damaged: value " + std::to_string(i) +
                   " is no tensor of a file"};
    const vit_key *found = nullptr;
    const FileTensor *foundTensor = nullptr;
    for (const vit_key &key : std::span(step.keys, step.key_count)) {
      auto looked = tensors.find(key.name);
      if (!looked)
        return Error{problem + looked.error()};
      const FileTensor *tensor = *looked;
      if (!tensor || tensor == foundTensor) // by a name that has or lacks the word of a wrapper
        continue;
      if (found && std::string_view(found->name) != key.name)
        return Error{problem + quoted(found->name) + " and " + quoted(key.name) +
                     " are names of the same tensor, expected one of them"};
      known.push_back(tensor->name);
      std::vector<int64_t> expected = shapeUnder(step, key);
      if (tensor->shape != expected)
        return Error{problem + quoted(key.name) + " is " + shapeText(tensor->shape) +
                     ", the model expects " + shapeText(expected)};
      if (!isFloat(tensor->type))
        return Error{problem + quoted(key.name) + " has type " + std::string(nameOf(tensor->type)) +
                     ", the model expects F64, F32, F16 or BF16"};
      found = &key;
      foundTensor = tensor;
    }
    if (!found)
      return Error{problem + quoted(step.keys[0].name) + " is missing, the model expects it as " +
                   shapeText(shapeUnder(step, step.keys[0]))};
  }
  std::sort(known.begin(), known.end());
  const FileTensor *extra = nullptr;
  size_t extras = 0;
  for (const FileTensor &tensor : file.tensors())
    if (!std::binary_search(known.begin(), known.end(), tensor.name) &&
        !isIgnored(library, tensor.name) && !isIgnored(library, TensorNames::inner(tensor))) {
      ++extras;
      extra = extra ? extra : &tensor;
    }
  if (extra)
    return Error{problem + quoted(extra->name) + " (" + shapeText(extra->shape) +
                 ") is not a tensor of the model" +
                 (extras > 1 ? ", nor are " + std::to_string(extras - 1) + " more" : "")};
  return {};
}

std::string FileSource::keyOf(const vit_recipe_step &step) const {
  StoredTensor found = stored(step);
  return found.tensor ? found.tensor->name : step.keys[0].name;
}

StoredTensor FileSource::stored(const vit_recipe_step &step) const {
  for (const vit_key &key : std::span(step.keys, step.key_count))
    if (auto tensor = tensors.find(key.name); tensor && *tensor)
      return {*tensor, key.transposed != 0};
  return {};
}

Result<Doubles> FileSource::load(const vit_recipe_step &step) {
  StoredTensor found = stored(step);
  if (!found.tensor)
    return Error{about() + quoted(step.keys[0].name) + " is missing"};
  Doubles values(size_t(found.tensor->count));
  if (auto done = readF64(*found.tensor, values); !done)
    return Error{about() + done.error()};
  return turned(std::move(values), step, found.transposed);
}

Result<Doubles> FunctionSource::load(const vit_recipe_step &step) {
  const vit_key &key = step.keys[0];
  std::vector<int64_t> shape = shapeUnder(step, key);
  std::vector<float> values(countOf(shape), std::numeric_limits<float>::quiet_NaN());
  if (auto done = function(key.name, shape, values); !done)
    return done.takeError();
  return turned(Doubles(values.begin(), values.end()), step, key.transposed);
}

FunctionSource hashSource(std::vector<std::pair<std::string, double>> add) {
  return FunctionSource([add = std::move(add)](const char *name, std::span<const int64_t> shape,
                                               std::span<float> values) -> Result<void> {
    double shift = 0;
    for (const auto &[tensor, value] : add)
      if (tensor == name)
        shift = value;
    hashTensor(name, shape, shift, values);
    return {};
  });
}

} // namespace vitrt
