//===- Handles.cpp - Models and workspaces ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything that can be slow or fail happens when a model is loaded or a
// workspace is created, which takes all its memory and loads the functions that
// no workspace before has needed, so a run calls no allocator. A failing load takes back what it
// did, in destructors.
//===----------------------------------------------------------------------===//
#include "runtime/Handles.h"
#include "runtime/Finite.h"
#include "runtime/LargeArray.h"

#include <numeric>

using namespace vitrt;

namespace {

std::string text(uint64_t number) { return std::to_string(number); }

/// Checks one side's pointers; `describe` names the i-th.
template <class Pointer, class Describe>
Status checkPointers(Pointer const *pointers, int given, uint32_t expected, const char *kind,
                     bool aligned, Describe describe) {
  if (given < 0 || uint32_t(given) != expected) {
    std::string names;
    for (uint32_t i = 0; i != expected; ++i)
      names += (i ? ", " : " (") + describe(i);
    return badArgument("model has " + text(expected) + " " + kind + (expected == 1 ? "" : "s") +
                       names + (expected ? ")" : "") + ", got " + std::to_string(given));
  }
  if (!pointers && expected)
    return badArgument(std::string(kind) + "s is NULL");
  for (uint32_t i = 0; i != expected; ++i) {
    if (!pointers[i])
      return badArgument(describe(i) + " is NULL");
    if (uint64_t address = reinterpret_cast<uintptr_t>(pointers[i]); aligned && address % 16)
      return badArgument(describe(i) + " is at address " + text(address) +
                         ", expected a multiple of 16");
  }
  return {};
}

/// The bytes of the target's part of the arena: there already, embedded, or made where the device
/// has them, or in `storage`.
Status makeArena(const vit_library &library, const vit_target &target, WeightSource *source,
                 const LoadOptions &options, Backend &backend, LargeArray<uint8_t> &storage,
                 const uint8_t *&arena) {
  ArenaPart part = arenaPart(library, target);
  if (options.arena) {
    arena = options.arena;
    return {};
  }
  if (!source) {
    arena = static_cast<const uint8_t *>(library.embedded);
    arena = arena ? arena + part.begin : nullptr;
    return {};
  }
  uint8_t *room = nullptr;
  if (Status made = backend.hostRoom(part.bytes(), " for weights", room); !made)
    return made;
  if (!room) {
    storage.resize(part.bytes());
    room = storage.data();
  }
  arena = room;
  if (auto made = prepareWeights(library, *source, {room, part.bytes()}, options, &target); !made)
    return badFile(made.error());
  return {};
}

} // namespace

Status vitrt::loadModel(const vit_library *library, WeightSource *source, const char *device,
                        const LoadOptions &options, std::unique_ptr<vit_model> &out) {
  if (Status good = checkLibrary(library); !good)
    return good;
  if (!source && !options.arena && !library->embedded && library->weight_bytes != 0)
    return badArgument("weights is NULL, but the library has no embedded weights; name a "
                       "safetensors file");
  if (source)
    if (auto good = source->check(*library); !good) // before anything slow
      return badFile(good.error());
  auto model = std::make_unique<vit_model>(*library);
  model->allowNonfinite = options.allowNonfinite;
  if (Status opened = openBackend(*library, device, model->target, model->backend); !opened)
    return opened;
  Backend &backend = *model->backend;
  LargeArray<uint8_t> storage;
  const uint8_t *arena = nullptr;
  if (Status made = makeArena(*library, library->targets[model->target], source, options, backend,
                              storage, arena);
      !made)
    return made;
  SizedPlan native; // there is one
  if (Status chosen = choosePlan(*library, model->target, {}, native); !chosen)
    return chosen;
  if (Status loaded = backend.load(*library, *native.plan, arena, options); !loaded)
    return loaded;
  model->isEmbedded = !source && !options.arena;
  if (source && !source->path().empty())
    model->files = WeightFiles(source->path());
  model->object.hold(library);
  const BackendText &texts = backend.text();
  model->description = texts.code + ", " + texts.device +
                       (texts.driver.empty() ? "" : ", driver " + texts.driver) +
                       (texts.why.empty() ? "" : ", for " + texts.why);
  out = std::move(model);
  return {};
}

Status vitrt::createWorkspace(const vit_model &model, int maxBatch, ImageSize size,
                              std::unique_ptr<vit_workspace> &out) {
  if (maxBatch < 1 || uint32_t(maxBatch) > model.library.max_batch)
    return badArgument("max_batch is " + std::to_string(maxBatch) +
                       ", expected 1 to the library's " + text(model.library.max_batch));
  SizedPlan sized;
  if (Status chosen = choosePlan(model.library, model.target, size, sized); !chosen)
    return chosen;
  if (std::string why = objectionToBatch(model.library, sized, uint64_t(maxBatch)); !why.empty())
    return badArgument(why);
  if (Status loaded = model.backend->loadFunctions(sized, maxBatch); !loaded)
    return loaded;
  auto workspace = std::make_unique<vit_workspace>(model, sized, maxBatch);
  if (Status made = model.sizes.get(model.library, *model.backend, sized, model.allowNonfinite,
                                    workspace->sizedWeights);
      !made)
    return made;
  if (Status allocated = workspace->allocate(); !allocated)
    return allocated;
  out = std::move(workspace);
  return {};
}

Status vit_workspace::allocate() {
  const vit_plan &plan = *sized.plan;
  uint64_t buffers = alignUp(valueOf(plan.workspace_bytes, uint64_t(maxBatch), sized.tokens));
  uint64_t counters = counterBytes(sized, uint64_t(maxBatch));
  uint64_t scratch = scratchBytes(sized, uint64_t(maxBatch));
  if (counters)
    scratch = alignUp(scratch);
  uint64_t bytes = buffers + scratch + counters;
  if (bytes)
    if (Status allocated = model.backend->allocate(
            bytes, " for " + std::to_string(maxBatch) + " images", memory.buffers);
        !allocated)
      return allocated;
  memory.scratch = memory.buffers + buffers;
  memory.counters = memory.scratch + scratch;
  memory.weights = model.backend->weights() -
                   arenaPart(model.library, model.library.targets[model.target]).begin;
  if (sizedWeights)
    memory.sized = sizedWeights->addresses;
  std::vector<uint8_t> zeros(counters);
  return counters ? model.backend->write(memory.counters, zeros.data(), counters) : Status();
}

vit_workspace::~vit_workspace() {
  prepared.clear();
  state.reset();
  if (memory.buffers)
    model.backend->free(memory.buffers);
}

Status vit_workspace::checkBatch(int batch) const {
  if (batch < 1)
    return badArgument("batch is " + std::to_string(batch) + ", but must be at least 1");
  if (batch > maxBatch)
    return badArgument("batch is " + std::to_string(batch) + ", but the workspace holds at most " +
                       std::to_string(maxBatch));
  return {};
}

vit_workspace::Prepared *vit_workspace::find(int batch) {
  for (const std::unique_ptr<Prepared> &one : prepared)
    if (one->launches.batch() == batch)
      return one.get();
  return nullptr;
}

Status vit_workspace::select(int batch) {
  if (Status good = checkBatch(batch); !good)
    return good;
  selected = find(batch);
  if (!selected)
    unprepared.prepare(batch, memory);
  return {};
}

Status vit_workspace::prepare(int batch) {
  if (Status good = checkBatch(batch); !good)
    return good;
  if (find(batch))
    return {};
  auto made = std::make_unique<Prepared>(*this);
  made->launches.prepare(batch, memory);
  RunRequest request = {model.library, sized, memory,  made->launches, nullptr,
                        maxBatch,      state, nullptr, nullptr,        nullptr};
  std::vector<uint32_t> all(request.launches.records().size());
  std::iota(all.begin(), all.end(), 0u);
  if (Status recorded = model.backend->record(request, all, made->recorded); !recorded)
    return recorded;
  prepared.push_back(std::move(made));
  return {};
}

Status vit_workspace::checkOutputs(const void *const *inputs, void *const *outputs,
                                   bool onDevice) const {
  if (!(checks & VIT_CHECK_FINITE))
    return {};
  std::vector<uint8_t> copy;
  auto bytesOf = [&](bool isInput, uint32_t index, uint64_t bytes, const uint8_t *&out) -> Status {
    const void *data = isInput ? inputs[index] : outputs[index];
    if (!onDevice) {
      out = static_cast<const uint8_t *>(data);
      return {};
    }
    copy.resize(bytes);
    out = copy.data();
    return model.backend->read(copy.data(), reinterpret_cast<uintptr_t>(data), bytes);
  };
  return checkFinite(model.library, sized, launches().batch(), bytesOf);
}

Status vit_workspace::checkModel(const vit_model *given) const {
  if (model.freed.load(std::memory_order_acquire))
    return badArgument("the workspace's model was freed before the workspace; create a workspace "
                       "with the model that is loaded now, and free this one");
  return given == &model ? Status() : badArgument("the workspace belongs to another model");
}

Status vit_workspace::checkRun(const vit_model *runModel, const void *const *inputs, int n,
                               void *const *outputs, int m, bool aligned) const {
  if (Status good = checkModel(runModel); !good)
    return good;
  const vit_library &library = model.library;
  if (Status good = checkPointers(inputs, n, library.input_count, "input", aligned,
                                  [&](uint32_t i) { return inputText(library, i); });
      !good)
    return good;
  return checkPointers(outputs, m, library.output_count, "output", aligned,
                       [&](uint32_t i) { return outputText(library, i); });
}
