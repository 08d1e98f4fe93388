//===- Workspace.cpp - Activations, launch records, runs -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A plan says how launches follow from the batch; prepare() works that out once
// into records that a run only patches with the caller's pointers. All memory is
// taken when the workspace is created, so a run calls no allocator.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Model.h"

#include <span>

using namespace vitrt;

namespace {

std::string text(uint64_t number) { return std::to_string(number); }

uint32_t gridSize(const vit_extent &extent, int batch) {
  if (extent.per_image == 0)
    return extent.times;
  uint64_t items = uint64_t(batch) * extent.per_image;
  return uint32_t((items + extent.divisor - 1) / extent.divisor * extent.times);
}

/// The step's other arguments read this buffer too: its old values are still wanted.
bool alsoRead(const vit_step &step, const vit_arg &written) {
  for (const vit_arg &arg : std::span(step.args, step.arg_count))
    if (arg.kind == written.kind && arg.index == written.index && !arg.written)
      return true;
  return false;
}

uint64_t alignUp(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

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

} // namespace

Status vit_workspace::create(int newMaxBatch) {
  const vit_library &library = model.library;
  if (newMaxBatch < 1 || uint32_t(newMaxBatch) > library.max_batch)
    return badArgument("max_batch is " + std::to_string(newMaxBatch) +
                       ", expected 1 to the library's " + text(library.max_batch));
  maxBatch = newMaxBatch;
  uint64_t arguments = 0;
  for (const vit_step &step : std::span(library.steps, library.step_count))
    arguments += step.arg_count;
  launches.reserve(library.step_count);
  patches.reserve(arguments);
  slots.resize(arguments);
  parameters.resize(arguments);
  for (uint64_t i = 0; i != arguments; ++i)
    parameters[i] = &slots[i];
  if (library.workspace_bytes == 0 && library.scratch_bytes == 0)
    return {};
  constexpr uint64_t limit = uint64_t(1) << 62; // room for sums
  if (library.workspace_bytes > limit / uint64_t(maxBatch) || library.scratch_bytes > limit)
    return badArgument("a workspace for " + std::to_string(maxBatch) +
                       " images exceeds 2^62 bytes");
  uint64_t buffers = alignUp(library.workspace_bytes * uint64_t(maxBatch));
  uint64_t bytes = buffers + library.scratch_bytes;
  const Driver &driver = *model.driver;
  ContextScope scope(driver);
  if (Status entered = scope.enter(model.context); !entered)
    return entered;
  if (CUresult error = driver.cuMemAlloc(&memory, bytes)) {
    memory = 0;
    return driver.failure(error, "cuMemAlloc",
                          text(bytes) + " bytes for " + std::to_string(maxBatch) + " images");
  }
  scratch = memory + buffers;
  return scope.leave();
}

vit_workspace::~vit_workspace() {
  if (!memory && !staging && !stream)
    return;
  const Driver &driver = *model.driver;
  ContextScope scope(driver);
  (void)scope.enter(model.context);
  if (stream)
    driver.cuStreamDestroy(stream);
  if (staging)
    driver.cuMemFree(staging);
  if (memory)
    driver.cuMemFree(memory);
}

Status vit_workspace::prepare(int newBatch) {
  if (newBatch < 1)
    return badArgument("batch is " + std::to_string(newBatch) + ", but must be at least 1");
  if (newBatch > maxBatch)
    return badArgument("batch is " + std::to_string(newBatch) +
                       ", but the workspace holds at most " + std::to_string(maxBatch));
  if (batch == newBatch)
    return {};
  batch = newBatch;
  launches.clear();
  patches.clear();
  uint32_t slot = 0;
  const vit_library &library = model.library;
  for (uint32_t i = 0; i != library.step_count; ++i) {
    const vit_step &step = library.steps[i];
    if (uint32_t(batch) < step.min_batch || uint32_t(batch) > step.max_batch)
      continue;
    LaunchRecord record = {i, {}, slot};
    for (int axis = 0; axis != 3; ++axis)
      record.grid[axis] = gridSize(step.grid[axis], batch);
    launches.push_back(record);
    for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
      uint64_t value = 0; // the driver reads as many of the bytes as the parameter has
      switch (arg.kind) {
      case VIT_ARG_BUFFER:
        value = bufferAddress(arg.index);
        break;
      case VIT_ARG_WEIGHT:
        value = model.weights + library.weights[arg.index].offset;
        break;
      case VIT_ARG_COUNT:
        value = uint64_t(batch) * arg.index;
        break;
      case VIT_ARG_SCRATCH:
        value = scratch;
        break;
      default:
        patches.push_back({slot, arg.kind, arg.index});
      }
      slots[slot++] = value;
    }
  }
  return {};
}

/// Tells the emulator what each argument may touch, and that written buffers hold nothing yet.
void vit_workspace::registerRanges(const LaunchRecord &record, void *const *outputs) const {
  const vit_library &library = model.library;
  const vit_step &step = library.steps[record.step];
  for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
    bool fresh = arg.written && !alsoRead(step, arg);
    if (arg.kind == VIT_ARG_BUFFER) {
      const vit_buffer &buffer = library.buffers[arg.index];
      model.driver->registerRange(bufferAddress(arg.index), buffer.bytes * uint64_t(batch),
                                  buffer.name, fresh);
    } else if (arg.kind == VIT_ARG_OUTPUT) {
      const vit_tensor &tensor = library.outputs[arg.index];
      model.driver->registerRange(reinterpret_cast<uintptr_t>(outputs[arg.index]),
                                  bytesPerImage(tensor) * uint64_t(batch), tensor.name, fresh);
    } else if (arg.kind == VIT_ARG_SCRATCH) {
      model.driver->registerRange(scratch, arg.index * uint64_t(batch), "scratch", fresh);
    }
  }
}

Status vit_workspace::launchOne(const LaunchRecord &record, CUstream onStream) {
  const vit_step &step = model.library.steps[record.step];
  const vit_kernel &kernel = model.library.kernels[step.kernel];
  const Driver &driver = *model.driver;
  if (CUresult error =
          driver.cuLaunchKernel(model.kernels[step.kernel].function, record.grid[0], record.grid[1],
                                record.grid[2], kernel.threads, 1, 1, kernel.dynamic_smem, onStream,
                                step.arg_count ? &parameters[record.firstSlot] : nullptr, nullptr))
    return driver.failure(error, "cuLaunchKernel",
                          "kernel " + quoted(kernel.name) + " of step " + quoted(step.label));
  return {};
}

Status vit_workspace::launch(const void *const *inputs, void *const *outputs, CUstream onStream,
                             LaunchObserver *observer) {
  for (const Patch &patch : patches)
    slots[patch.slot] = reinterpret_cast<uintptr_t>(
        patch.kind == VIT_ARG_INPUT ? inputs[patch.index] : outputs[patch.index]);
  const Driver &driver = *model.driver;
  if (driver.registerRange)
    for (uint32_t i = 0; i != model.library.input_count; ++i) {
      const vit_tensor &tensor = model.library.inputs[i];
      driver.registerRange(reinterpret_cast<uintptr_t>(inputs[i]),
                           bytesPerImage(tensor) * uint64_t(batch), tensor.name, 0);
    }
  for (const LaunchRecord &record : launches) {
    if (driver.registerRange)
      registerRanges(record, outputs);
    if (Status launched = launchOne(record, onStream); !launched)
      return launched;
    if (!observer || !observer->wants(record))
      continue;
    if (CUresult error = driver.cuStreamSynchronize(onStream))
      return driver.failure(error, "cuStreamSynchronize",
                            "step " + quoted(model.library.steps[record.step].label));
    if (Status seen = observer->launched(record); !seen)
      return seen;
  }
  return {};
}

Status vit_workspace::checkRun(const vit_model *runModel, int runBatch, const void *const *inputs,
                               int n, void *const *outputs, int m, bool aligned) const {
  if (runModel != &model)
    return badArgument("the workspace belongs to another model");
  if (runBatch < 1 || runBatch > maxBatch)
    return badArgument("batch is " + std::to_string(runBatch) +
                       (runBatch < 1
                            ? ", but must be at least 1"
                            : ", but the workspace holds at most " + std::to_string(maxBatch)));
  const vit_library &library = model.library;
  if (Status good = checkPointers(inputs, n, library.input_count, "input", aligned,
                                  [&](uint32_t i) { return inputText(library, i); });
      !good)
    return good;
  return checkPointers(outputs, m, library.output_count, "output", aligned,
                       [&](uint32_t i) { return outputText(library, i); });
}

Status vit_workspace::createStaging() {
  if (stream)
    return {};
  const vit_library &library = model.library;
  const Driver &driver = *model.driver;
  uint64_t bytes = 0;
  auto place = [&](std::vector<uint64_t> &offsets, std::vector<void *> &pointers,
                   std::span<const vit_tensor> tensors) {
    offsets.clear();
    for (const vit_tensor &tensor : tensors) {
      offsets.push_back(bytes);
      bytes += alignUp(bytesPerImage(tensor) * uint64_t(maxBatch));
    }
    pointers.assign(tensors.size(), nullptr);
  };
  place(inputOffsets, stagedInputs, {library.inputs, library.input_count});
  place(outputOffsets, stagedOutputs, {library.outputs, library.output_count});
  if (!staging && bytes)
    if (CUresult error = driver.cuMemAlloc(&staging, bytes)) {
      staging = 0;
      return driver.failure(error, "cuMemAlloc", text(bytes) + " bytes for inputs and outputs");
    }
  for (size_t i = 0; i != inputOffsets.size(); ++i)
    stagedInputs[i] = reinterpret_cast<void *>(staging + inputOffsets[i]);
  for (size_t i = 0; i != outputOffsets.size(); ++i)
    stagedOutputs[i] = reinterpret_cast<void *>(staging + outputOffsets[i]);
  if (CUresult error = driver.cuStreamCreate(&stream, cudaStreamNonBlocking)) {
    stream = nullptr;
    return driver.failure(error, "cuStreamCreate");
  }
  return {};
}

Status vit_workspace::runHost(int runBatch, const void *const *inputs, void *const *outputs,
                              LaunchObserver *observer) {
  const vit_library &library = model.library;
  const Driver &driver = *model.driver;
  ContextScope scope(driver);
  if (Status entered = scope.enter(model.context); !entered)
    return entered;
  if (Status staged = createStaging(); !staged)
    return staged;
  if (Status prepared = prepare(runBatch); !prepared)
    return prepared;
  auto enqueue = [&]() -> Status {
    for (uint32_t i = 0; i != library.input_count; ++i)
      if (CUresult error = driver.cuMemcpyHtoDAsync(
              staging + inputOffsets[i], inputs[i],
              bytesPerImage(library.inputs[i]) * uint64_t(runBatch), stream))
        return driver.failure(error, "cuMemcpyHtoDAsync", inputText(library, i));
    if (Status launched = launch(stagedInputs.data(), stagedOutputs.data(), stream, observer);
        !launched)
      return launched;
    for (uint32_t i = 0; i != library.output_count; ++i)
      if (CUresult error = driver.cuMemcpyDtoHAsync(
              outputs[i], staging + outputOffsets[i],
              bytesPerImage(library.outputs[i]) * uint64_t(runBatch), stream))
        return driver.failure(error, "cuMemcpyDtoHAsync", outputText(library, i));
    return {};
  };
  Status done = enqueue();
  // Also after a failure: copies on their way must not touch the caller's memory later.
  if (CUresult error = driver.cuStreamSynchronize(stream); error && done)
    done = driver.failure(error, "cuStreamSynchronize");
  if (!done)
    return done;
  return scope.leave();
}

extern "C" vit_status vit_workspace_create(const vit_model *model, int maxBatch,
                                           vit_workspace **out) {
  return guarded([&]() -> Status {
    if (!out)
      return badArgument("out is NULL");
    *out = nullptr;
    if (!model)
      return badArgument("model is NULL");
    auto workspace = std::make_unique<vit_workspace>(*model);
    if (Status created = workspace->create(maxBatch); !created)
      return created;
    *out = workspace.release();
    return {};
  });
}

extern "C" void vit_workspace_free(vit_workspace *workspace) { delete workspace; }

extern "C" vit_status vit_workspace_prepare(const vit_model *model, vit_workspace *workspace,
                                            int batch) {
  return guarded([&]() -> Status {
    if (!model || !workspace)
      return badArgument(model ? "workspace is NULL" : "model is NULL");
    if (model != &workspace->model)
      return badArgument("the workspace belongs to another model");
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    return workspace->prepare(batch);
  });
}

extern "C" vit_status vit_model_run(const vit_model *model, vit_workspace *workspace, int batch,
                                    const void *const *inputs, int n, void *const *outputs, int m,
                                    vit_stream stream) {
  return guarded([&]() -> Status {
    if (!model || !workspace)
      return badArgument(model ? "workspace is NULL" : "model is NULL");
    if (Status good = workspace->checkRun(model, batch, inputs, n, outputs, m, true); !good)
      return good;
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    if (Status prepared = workspace->prepare(batch); !prepared)
      return prepared;
    ContextScope scope(*model->driver);
    if (Status entered = scope.enter(model->context); !entered)
      return entered;
    if (Status launched = workspace->launch(inputs, outputs, stream, nullptr); !launched)
      return launched;
    return scope.leave();
  });
}

extern "C" vit_status vit_model_run_host(const vit_model *model, vit_workspace *workspace,
                                         int batch, const void *const *inputs, int n,
                                         void *const *outputs, int m) {
  return guarded([&]() -> Status {
    if (!model || !workspace)
      return badArgument(model ? "workspace is NULL" : "model is NULL");
    if (Status good = workspace->checkRun(model, batch, inputs, n, outputs, m, false); !good)
      return good;
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    return workspace->runHost(batch, inputs, outputs, nullptr);
  });
}
