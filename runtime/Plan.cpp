//===- Plan.cpp - What a run launches --------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Plan.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <span>

namespace vitrt {
namespace {

std::string sizeText(uint64_t height, uint64_t width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

std::string tensorText(const char *kind, uint32_t index, const vit_tensor &tensor) {
  return std::string(kind) + " " + std::to_string(index) + " " + quoted(tensor.name);
}

uint32_t gridSize(const vit_extent &extent, int batch, uint64_t tokens) {
  uint64_t count = valueOf(extent.count, uint64_t(batch), tokens);
  return uint32_t((count + extent.divisor - 1) / extent.divisor * extent.times);
}

bool takesAnySize(const vit_plan &plan) { return plan.max_tokens != 0; }

/// The tokens of an image, 0 if a plan for any size does not take it.
uint64_t tokensOf(const vit_plan &plan, ImageSize size) {
  uint64_t tokens = gridOf(plan, size).tokens();
  return tokens <= plan.max_tokens ? tokens : 0;
}

/// "24x24 and 32x48", "no images", "24x24 and 1 to 100 patches of 8x8".
std::string sizesText(const vit_library &library, uint32_t target) {
  std::string text;
  for (const vit_plan &plan : std::span(library.plans, library.plan_count)) {
    if (plan.target != target || (!takesAnySize(plan) && plan.height == 0))
      continue;
    text += text.empty() ? "" : " and ";
    text += takesAnySize(plan) ? "1 to " + std::to_string(plan.max_tokens) + " patches of " +
                                     sizeText(plan.patch_height, plan.patch_width)
                               : sizeText(plan.height, plan.width);
  }
  return text.empty() ? "no images" : text;
}

/// What to do about images that no plan takes.
std::string howToTake(const vit_library &library, uint32_t target, ImageSize size) {
  for (const vit_plan &plan : std::span(library.plans, library.plan_count))
    if (plan.target == target && takesAnySize(plan)) {
      uint64_t tokens = gridOf(plan, size).tokens();
      return tokens ? "; build it with --max-tokens " + std::to_string(tokens)
                    : "; an image needs at least " + sizeText(plan.patch_height, plan.patch_width) +
                          " pixels";
    }
  return "";
}

/// The last batch up to `maxBatch` at which a step that may run does so.
uint64_t lastBatchOf(const vit_step &step, uint64_t maxBatch, uint64_t tokens) {
  uint64_t first = measureOf(step, 1, tokens), more = measureOf(step, 2, tokens) - first;
  return more ? std::min(maxBatch, 1 + (step.max_batch - first) / more) : maxBatch;
}

/// The largest need of a step's argument of `kind`, of runs with up to `maxBatch` images.
uint64_t mostOf(const SizedPlan &sized, uint32_t kind, uint64_t maxBatch) {
  uint64_t most = 0;
  for (const vit_step &step : std::span(sized.plan->steps, sized.plan->step_count))
    if (mayRun(step, maxBatch, sized.tokens))
      for (const vit_arg &arg : std::span(step.args, step.arg_count))
        if (arg.kind == kind)
          most = std::max(
              most, valueOf(arg.count, lastBatchOf(step, maxBatch, sized.tokens), sized.tokens));
  return most;
}

} // namespace

uint64_t scratchBytes(const SizedPlan &sized, uint64_t maxBatch) {
  return takesAnySize(*sized.plan) ? mostOf(sized, VIT_ARG_SCRATCH, maxBatch)
                                   : valueOf(sized.plan->scratch_bytes, maxBatch, sized.tokens);
}

uint64_t counterBytes(const SizedPlan &sized, uint64_t maxBatch) {
  return takesAnySize(*sized.plan) ? mostOf(sized, VIT_ARG_COUNTERS, maxBatch)
                                   : valueOf(sized.plan->counter_bytes, maxBatch, sized.tokens);
}

std::string objectionToBatch(const vit_library &library, const SizedPlan &sized,
                             uint64_t maxBatch) {
  if (!takesAnySize(*sized.plan)) // the compiler has seen to it
    return "";
  constexpr uint64_t most = uint64_t(1) << 31;
  auto bytesWith = [&](uint64_t batch) {
    uint64_t bytes = 0;
    for (const vit_buffer &buffer : std::span(sized.plan->buffers, sized.plan->buffer_count))
      bytes = std::max(bytes, valueOf(buffer.bytes, batch, sized.tokens));
    for (uint32_t i = 0; i != library.input_count; ++i)
      bytes = std::max(bytes, sized.inputBytes(library, i, int(batch)));
    for (uint32_t i = 0; i != library.output_count; ++i)
      bytes = std::max(bytes, sized.outputBytes(library, i, int(batch)));
    return std::max(bytes, mostOf(sized, VIT_ARG_SCRATCH, batch));
  };
  if (bytesWith(maxBatch) <= most)
    return "";
  uint64_t fits = 0;
  for (uint64_t step = maxBatch; step; step /= 2) // bytes grow with the batch
    while (fits + step < maxBatch && bytesWith(fits + step) <= most)
      fits += step;
  std::string limit = " bytes in one tensor, but kernels address " + std::to_string(most);
  if (fits == 0)
    return "one image of " + std::to_string(sized.tokens) + " patches needs " +
           std::to_string(bytesWith(1)) + limit + "; take smaller images";
  return "images of " + std::to_string(sized.tokens) + " patches need " +
         std::to_string(bytesWith(maxBatch)) + limit + "; lower max_batch from " +
         std::to_string(maxBatch) + " to " + std::to_string(fits);
}

std::string inputText(const vit_library &library, uint32_t index) {
  return tensorText("input", index, library.inputs[index]);
}

std::string outputText(const vit_library &library, uint32_t index) {
  return tensorText("output", index, library.outputs[index]);
}

ImageAxes axesOf(const vit_tensor &images) {
  return images.dtype == VIT_U8 ? ImageAxes{3, 1, 2} : ImageAxes{1, 2, 3};
}

uint64_t SizedPlan::inputBytes(const vit_library &library, uint32_t index, int batch) const {
  const vit_tensor &tensor = library.inputs[index];
  uint64_t values = valueOf(plan->input_values[index], uint64_t(batch), tokens);
  if (size.height && tensor.rank == 4) // all of an image, also what fills no patch
    values = uint64_t(batch) * uint64_t(tensor.shape[axesOf(tensor).channels]) *
             uint64_t(uint32_t(size.height)) * uint32_t(size.width);
  return values * sizeOf(tensor.dtype);
}

uint64_t SizedPlan::outputBytes(const vit_library &library, uint32_t index, int batch) const {
  return valueOf(plan->output_values[index], uint64_t(batch), tokens) *
         sizeOf(library.outputs[index].dtype);
}

Status choosePlan(const vit_library &library, uint32_t target, ImageSize size, SizedPlan &out) {
  out = {};
  bool native = size.height == 0 && size.width == 0;
  for (const vit_plan &plan : std::span(library.plans, library.plan_count)) {
    if (plan.target != target)
      continue;
    if (native || (!takesAnySize(plan) && plan.height == uint32_t(size.height) &&
                   plan.width == uint32_t(size.width))) {
      out = {&plan, 0};
      return {};
    }
    if (takesAnySize(plan) && !out.plan)
      if (uint64_t tokens = tokensOf(plan, size))
        out = {&plan, tokens, size};
  }
  if (out.plan)
    return {};
  return badArgument("images are " + sizeText(uint32_t(size.height), uint32_t(size.width)) +
                     ", but the library is built for " + sizesText(library, target) +
                     howToTake(library, target, size));
}

Launches::Launches(const vit_library &library, const SizedPlan &sized)
    : library(library), sized(sized) {
  size_t arguments = 0;
  for (const vit_step &step : std::span(sized.plan->steps, sized.plan->step_count))
    arguments += step.arg_count;
  launches.reserve(sized.plan->step_count);
  patches.reserve(arguments);
  slots.resize(arguments);
  parameters.resize(arguments + 1); // one more, so that a launch without any has an address
  for (size_t i = 0; i != arguments; ++i)
    parameters[i] = &slots[i];
}

void Launches::prepare(int batch, const PlanMemory &memory) {
  if (preparedBatch == batch)
    return;
  preparedBatch = batch;
  launches.clear();
  patches.clear();
  uint32_t slot = 0;
  const vit_plan &plan = *sized.plan;
  for (uint32_t i = 0; i != plan.step_count; ++i) {
    const vit_step &step = plan.steps[i];
    if (!runsAt(step, uint64_t(batch), sized.tokens))
      continue;
    LaunchRecord record = {i, {}, slot};
    for (int axis = 0; axis != 3; ++axis)
      record.grid[axis] = gridSize(step.grid[axis], batch, sized.tokens);
    launches.push_back(record);
    for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
      uint64_t value = 0; // the driver reads as many of the bytes as the parameter has
      switch (arg.kind) {
      case VIT_ARG_BUFFER:
        value =
            memory.buffers + valueOf(plan.buffers[arg.index].offset, uint64_t(batch), sized.tokens);
        break;
      case VIT_ARG_WEIGHT:
        value = library.weights[arg.index].bytes
                    ? memory.weights + library.weights[arg.index].offset
                    : memory.sized[arg.index];
        break;
      case VIT_ARG_COUNT:
        value = valueOf(arg.count, uint64_t(batch), sized.tokens);
        break;
      case VIT_ARG_SCRATCH:
        value = memory.scratch;
        break;
      case VIT_ARG_COUNTERS:
        value = memory.counters;
        break;
      case VIT_ARG_HEIGHT:
        value = uint32_t(sized.size.height);
        break;
      case VIT_ARG_WIDTH:
        value = uint32_t(sized.size.width);
        break;
      default:
        patches.push_back({slot, arg.kind, arg.index});
      }
      slots[slot++] = value;
    }
  }
}

void Launches::bind(const void *const *inputs, void *const *outputs) {
  for (const Patch &patch : patches)
    slots[patch.slot] = reinterpret_cast<uintptr_t>(
        patch.kind == VIT_ARG_INPUT ? inputs[patch.index] : outputs[patch.index]);
}

} // namespace vitrt
