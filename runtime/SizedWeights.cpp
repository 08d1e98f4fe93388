//===- SizedWeights.cpp - Weights that depend on the size of images --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/SizedWeights.h"
#include "runtime/LargeArray.h"
#include "runtime/SizedRecipe.h"
#include "runtime/WeightValues.h"

namespace vitrt {
namespace {

/// Values that load time has left among the weights of a target.
class KeptValues : public WeightSource {
public:
  KeptValues(const vit_library &library, ArenaPart part, Backend &backend)
      : library(library), part(part), backend(backend) {}
  Result<void> check(const vit_library &) override { return {}; }

  /// Of the first tensor of the checkpoint that the value is made from.
  std::string keyOf(const vit_recipe_step &step) const override {
    for (uint32_t load : loadsOf(library, keptIndex(step)))
      if (library.recipe[load].key_count)
        return library.recipe[load].keys[0].name;
    return step.keys[0].name;
  }

  Result<Doubles> load(const vit_recipe_step &step) override {
    const vit_prepared *kept = keptValue(library, part, keptIndex(step));
    if (!kept)
      return Error{"the library's weight list is damaged: it lacks a value for other sizes"};
    Doubles values(kept->bytes / sizeof(double));
    uint64_t from = backend.weights() + (kept->offset - part.begin);
    if (Status read = backend.read(values.data(), from, kept->bytes); !read)
      return Error{read.message()};
    return values;
  }

private:
  const vit_library &library;
  const ArenaPart part;
  Backend &backend;
};

/// `out` stays NULL where the plan reads nothing that depends on the size.
Status make(const vit_library &library, const vit_plan &plan, Backend &backend, PatchGrid grid,
            bool allowNonfinite, std::shared_ptr<const SizedWeights> &out) {
  ArenaPart part = arenaPart(library, library.targets[plan.target]);
  auto recipe = SizedRecipe::make(library, &plan, part, int64_t(grid.height), int64_t(grid.width));
  if (!recipe)
    return {VIT_BAD_ABI, recipe.error()};
  const vit_library &sized = recipe->library();
  if (sized.weight_count == 0)
    return {};
  auto weights = std::make_shared<SizedWeights>(backend);
  weights->bytes = sized.weight_bytes;
  std::string about = " for the positions of " + std::to_string(grid.height) + "x" +
                      std::to_string(grid.width) + " patches";
  uint8_t *room = nullptr;
  if (Status made = backend.hostRoom(weights->bytes, about, room); !made)
    return made;
  weights->memory = reinterpret_cast<uintptr_t>(room);
  LargeArray<uint8_t> apart(room ? 0 : weights->bytes);
  std::span<uint8_t> arena(room ? room : apart.data(), weights->bytes);
  KeptValues source(library, part, backend);
  LoadOptions options;
  options.allowNonfinite = allowNonfinite;
  if (auto done = prepareWeights(sized, source, arena, options); !done)
    return badFile(done.error());
  if (!room) {
    if (Status made = backend.allocate(weights->bytes, about, weights->memory); !made)
      return made;
    if (Status written = backend.write(weights->memory, arena.data(), arena.size()); !written)
      return written;
  }
  weights->addresses.resize(library.weight_count);
  for (size_t i = 0; i != recipe->places().size(); ++i)
    weights->addresses[recipe->places()[i]] = weights->memory + sized.weights[i].offset;
  out = std::move(weights);
  return {};
}

} // namespace

/// Lets go of the oldest until no more is kept than may be.
void SizeCache::trim(std::vector<std::shared_ptr<const SizedWeights>> &gone) {
  uint64_t bytes = 0;
  size_t count = 0;
  while (count != kept.size() && count != mostKept && (bytes += kept[count]->bytes) <= mostBytes)
    ++count;
  for (; kept.size() != count; kept.pop_back())
    gone.push_back(std::move(kept.back()));
}

Status SizeCache::get(const vit_library &library, Backend &backend, const SizedPlan &sized,
                      bool allowNonfinite, std::shared_ptr<const SizedWeights> &out) {
  const vit_plan &plan = *sized.plan;
  bool depends = false;
  for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
    depends |= weight.bytes == 0;
  if (!depends || plan.max_tokens == 0)
    return {};
  PatchGrid grid = gridOf(plan, sized.size);
  std::vector<std::shared_ptr<const SizedWeights>> gone; // are freed when the lock is
  std::lock_guard lock(mutex);
  std::shared_ptr<const SizedWeights> found = made[{grid.height, grid.width}].lock();
  if (!found) {
    Status done = make(library, plan, backend, grid, allowNonfinite, found);
    bool refused = done.status() == VIT_BAD_FILE || done.status() == VIT_BAD_ABI;
    if (!done && !refused && !kept.empty()) {
      kept.clear(); // maybe there is no room beside them
      done = make(library, plan, backend, grid, allowNonfinite, found);
    }
    std::erase_if(made, [](const auto &entry) { return entry.second.expired(); });
    if (!done || !found)
      return done;
    made[{grid.height, grid.width}] = found;
  }
  std::erase(kept, found);
  kept.push_front(found);
  trim(gone);
  out = std::move(found);
  return {};
}

} // namespace vitrt
