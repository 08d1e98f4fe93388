//===- SizedWeights.cpp - Weights that depend on the size of images --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/SizedWeights.h"
#include "runtime/LargeArray.h"
#include "runtime/SizedRecipe.h"

namespace vitrt {
namespace {

/// Values that load time has left among the weights.
class KeptValues : public WeightSource {
public:
  KeptValues(const vit_library &library, Backend &backend) : library(library), backend(backend) {}
  Result<void> check(const vit_library &) override { return {}; }
  Result<std::vector<double>> load(const vit_recipe_step &step) override {
    const vit_prepared *kept = keptValue(library, keptIndex(step));
    if (!kept)
      return Error{"the library's weight list is damaged: it lacks a value for other sizes"};
    std::vector<double> values(kept->bytes / sizeof(double));
    if (Status read = backend.read(values.data(), backend.weights() + kept->offset, kept->bytes);
        !read)
      return Error{read.message()};
    return values;
  }

private:
  const vit_library &library;
  Backend &backend;
};

Status make(const vit_library &library, Backend &backend, int64_t height, int64_t width,
            std::shared_ptr<const SizedWeights> &out) {
  auto recipe = SizedRecipe::make(library, height, width);
  if (!recipe)
    return {VIT_BAD_ABI, recipe.error()};
  auto arena = zeros<uint8_t>(recipe->library().weight_bytes);
  KeptValues source(library, backend);
  if (auto done = prepareWeights(recipe->library(), source, arena); !done)
    return badFile(done.error());
  auto weights = std::make_shared<SizedWeights>(backend);
  if (Status allocated = backend.allocate(arena.size(),
                                          " for the positions of " + std::to_string(height) + "x" +
                                              std::to_string(width) + " patches",
                                          weights->memory);
      !allocated)
    return allocated;
  if (Status written = backend.write(weights->memory, arena.data(), arena.size()); !written)
    return written;
  weights->addresses.resize(library.weight_count);
  for (size_t i = 0; i != recipe->places().size(); ++i)
    weights->addresses[recipe->places()[i]] = weights->memory + recipe->library().weights[i].offset;
  out = std::move(weights);
  return {};
}

} // namespace

Status SizeCache::get(const vit_library &library, Backend &backend, const SizedPlan &sized,
                      std::shared_ptr<const SizedWeights> &out) {
  const vit_plan &plan = *sized.plan;
  bool depends = false;
  for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
    depends |= weight.bytes == 0;
  if (!depends || plan.max_tokens == 0)
    return {};
  std::pair<int64_t, int64_t> grid = {uint32_t(sized.size.height) / plan.patch_height,
                                      uint32_t(sized.size.width) / plan.patch_width};
  std::lock_guard lock(mutex);
  std::shared_ptr<const SizedWeights> &known = made[grid];
  if (!known)
    if (Status done = make(library, backend, grid.first, grid.second, known); !done) {
      made.erase(grid);
      return done;
    }
  out = known;
  return {};
}

} // namespace vitrt
