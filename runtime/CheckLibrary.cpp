//===- CheckLibrary.cpp - Is a library whole? ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a run takes on trust is checked here, once for each load. Counts grow
// with the batch and with the tokens, so their largest value decides.
//===----------------------------------------------------------------------===//
#include "runtime/Plan.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <span>

namespace vitrt {
namespace {

Status damaged(const std::string &what) { return {VIT_BAD_ABI, "the library is damaged: " + what}; }

/// valueOf() where nothing is known of the count; false beyond 2^62, which leaves room for sums.
bool evaluate(const vit_count &count, uint64_t batch, uint64_t tokens, uint64_t &value) {
  uint64_t images, length, rows;
  return !__builtin_mul_overflow(count.per_image, batch, &images) &&
         !__builtin_mul_overflow(count.per_length, tokens, &length) &&
         !__builtin_mul_overflow(batch, tokens, &rows) &&
         !__builtin_mul_overflow(count.per_token, rows, &rows) &&
         !__builtin_add_overflow(count.constant, images, &value) &&
         !__builtin_add_overflow(value, length, &value) &&
         !__builtin_add_overflow(value, rows, &value) && value <= uint64_t(1) << 62;
}

constexpr uint64_t mostValues = uint64_t(1) << 59; // of a tensor

/// Whether each extent is a number or open, of which there may be one beside the batch, or two of
/// an image; so that what is open follows from the others.
bool hasShape(const vit_tensor &tensor) {
  if (tensor.rank > VIT_MAX_RANK)
    return false;
  uint64_t known = 1;
  uint32_t open = 0;
  for (uint32_t i = 0; i != tensor.rank; ++i) {
    int64_t extent = tensor.shape[i];
    if (extent < 1 && extent != -1)
      return false;
    if (i == 0)
      continue;
    open += extent == -1;
    if (extent != -1 &&
        (__builtin_mul_overflow(known, uint64_t(extent), &known) || known > mostValues))
      return false;
  }
  return open <= (tensor.rank == 4 ? 2 : 1);
}

/// Checks one plan.
class PlanCheck {
public:
  PlanCheck(const vit_library &library, const vit_plan &plan) : library(library), plan(plan) {}

  Status check() const {
    if (plan.max_tokens && (!plan.patch_height || !plan.patch_width))
      return damaged("a plan for any image size has no patch size");
    if (Status good = checkValues("input", library.inputs, plan.input_values, library.input_count,
                                  /*last=*/VIT_U8);
        !good)
      return good;
    if (Status good = checkImages(); !good)
      return good;
    if (Status good = checkValues("output", library.outputs, plan.output_values,
                                  library.output_count, /*last=*/VIT_TF32);
        !good)
      return good;
    if (!fits(plan.workspace_bytes) || !fits(plan.scratch_bytes) || !fits(plan.counter_bytes))
      return damaged("a workspace exceeds 2^62 bytes");
    for (const vit_buffer &buffer : std::span(plan.buffers, plan.buffer_count))
      if (!isInWorkspace(buffer))
        return damaged("buffer " + quoted(buffer.name) + " is outside the workspace");
    for (const vit_step &step : std::span(plan.steps, plan.step_count))
      if (Status good = checkStep(step); !good)
        return good;
    return {};
  }

private:
  bool fits(const vit_count &count) const {
    uint64_t value;
    return evaluate(count, library.max_batch, plan.max_tokens, value);
  }

  /// `last`: the types that they may have end there.
  Status checkValues(const char *kind, const vit_tensor *tensors, const vit_count *values,
                     uint32_t count, uint32_t last) const {
    for (uint32_t i = 0; i != count; ++i) {
      uint64_t most;
      if (!hasShape(tensors[i]) || tensors[i].dtype > last ||
          !evaluate(values[i], library.max_batch, plan.max_tokens, most) || most > mostValues)
        return damaged(std::string(kind) + " " + quoted(tensors[i].name) +
                       " has a type, a rank or a size that no tensor has");
    }
    return {};
  }

  /// Images of any size are as large as their sides and channels say, so these must agree with what
  /// the plan counts.
  Status checkImages() const {
    for (uint32_t i = 0; anySize() && i != library.input_count; ++i) {
      const vit_tensor &tensor = library.inputs[i];
      if (tensor.rank != 4)
        continue;
      const vit_count &values = plan.input_values[i];
      uint64_t patch = uint64_t(plan.patch_height) * plan.patch_width, all;
      int64_t channels = tensor.shape[axesOf(tensor).channels];
      if (channels < 1 || __builtin_mul_overflow(uint64_t(channels), patch, &all) ||
          values.constant || values.per_image || values.per_length || values.per_token != all)
        return damaged("input " + quoted(tensor.name) +
                       " has another number of values than its channels and patches");
    }
    return {};
  }

  /// Coefficient by coefficient, which is enough for every batch.
  bool isInWorkspace(const vit_buffer &buffer) const {
    const vit_count &end = plan.workspace_bytes, &offset = buffer.offset, &bytes = buffer.bytes;
    return isInside(offset.constant, bytes.constant, end.constant) &&
           isInside(offset.per_image, bytes.per_image, end.per_image) &&
           isInside(offset.per_length, bytes.per_length, end.per_length) &&
           isInside(offset.per_token, bytes.per_token, end.per_token);
  }

  /// Scratch memory and counters of a workspace do not depend on the batch of a run, so neither may
  /// the largest need of a step.
  static bool has(const vit_count &memory, const vit_count &need, uint64_t batch) {
    uint64_t constant, perLength;
    return evaluate({need.constant, need.per_image, 0, 0}, batch, 0, constant) &&
           evaluate({need.per_length, need.per_token, 0, 0}, batch, 0, perLength) &&
           constant <= memory.constant && perLength <= memory.per_length;
  }

  bool anySize() const { return plan.max_tokens != 0; }

  /// The largest value of a count that a step runs with, with up to `batch` images: where the range
  /// is of rows, they say how many there are, and no count is more than so many times its measure.
  bool largest(const vit_step &step, const vit_count &count, uint64_t batch,
               uint64_t &value) const {
    if (!evaluate(count, batch, plan.max_tokens, value))
      return false;
    if (!isMeasured(step))
      return true;
    uint64_t times = 0, bound;
    const vit_count &m = step.measure;
    for (auto [part, whole] : {std::pair(count.constant, m.constant),
                               {count.per_image, m.per_image},
                               {count.per_length, m.per_length},
                               {count.per_token, m.per_token}}) {
      if (part && !whole)
        return true;
      if (part)
        times = std::max(times, (part - 1) / whole + 1);
    }
    if (!__builtin_mul_overflow(times, uint64_t(step.max_batch), &bound))
      value = std::min(value, bound);
    return true;
  }

  Status checkStep(const vit_step &step) const {
    auto fail = [&](const char *what) {
      return damaged(std::string("step ") + quoted(step.label) + " " + what);
    };
    const vit_target &target = library.targets[plan.target];
    if (step.kernel >= target.kernel_count)
      return fail("names no kernel");
    bool measured = isMeasured(step);
    if (measured && !fits(step.measure))
      return fail("is for a range that no number reaches");
    // Of a range of something else than the batch, the largest of all is assumed.
    uint64_t first = measured ? 1 : std::max(1u, step.min_batch);
    uint64_t batch = measured ? library.max_batch : std::min(step.max_batch, library.max_batch);
    for (int i = 0; i != 3; ++i) {
      const vit_extent &extent = step.grid[i];
      if (extent.divisor == 0)
        return fail("divides by zero");
      bool wide = i == 0 || target.kind == VIT_TARGET_CPU; // a GPU numbers others with 16 bits
      uint64_t limit = wide ? 0x7FFFFFFF : 65535, least, most;
      if (!evaluate(extent.count, first, plan.max_tokens != 0, least) ||
          !largest(step, extent.count, batch, most) || least == 0 || most == 0 ||
          extent.times == 0 || (most - 1) / extent.divisor + 1 > limit / extent.times)
        return fail("has a grid beyond the device's limits");
    }
    const uint32_t counts[] = {library.input_count, library.output_count, plan.buffer_count,
                               library.weight_count};
    for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
      if (arg.kind > VIT_ARG_WIDTH || (arg.kind < VIT_ARG_COUNT && arg.index >= counts[arg.kind]))
        return fail("has an unknown argument");
      if (arg.kind == VIT_ARG_WEIGHT && library.weights[arg.index].bytes &&
          !arenaPart(library, target).has(library.weights[arg.index]))
        return fail("reads a weight that is not in its target's part of the weight arena");
      if (!anySize() && (arg.kind > VIT_ARG_COUNTERS ||
                         (arg.kind == VIT_ARG_WEIGHT && !library.weights[arg.index].bytes)))
        return fail("depends on the size of images, which its plan does not");
      if (anySize() && (arg.kind == VIT_ARG_SCRATCH || arg.kind == VIT_ARG_COUNTERS)) {
        if (!fits(arg.count))
          return fail("uses more scratch memory than there can be");
        continue; // a workspace has what its steps need
      }
      if (arg.kind == VIT_ARG_SCRATCH && !has(plan.scratch_bytes, arg.count, batch))
        return fail("uses more scratch memory than there is");
      if (arg.kind == VIT_ARG_COUNTERS && !has(plan.counter_bytes, arg.count, batch))
        return fail("uses more counters than there are");
      uint64_t most;
      if (arg.kind == VIT_ARG_COUNT &&
          (!largest(step, arg.count, batch, most) || most > 0x7FFFFFFF))
        return fail("counts beyond 31 bits");
    }
    return {};
  }

  const vit_library &library;
  const vit_plan &plan;
};

/// Whether a weight lies in the part of a target and beyond it.
bool straddles(const vit_prepared &weight, const ArenaPart &part) {
  return weight.bytes && weight.offset < part.end && weight.offset + weight.bytes > part.begin &&
         !part.holds(weight);
}

bool isKnown(const vit_target &target) {
  return target.kind == VIT_TARGET_CUDA || target.kind == VIT_TARGET_CPU;
}

Status checkTarget(const vit_library &library, uint32_t index) {
  const vit_target &target = library.targets[index];
  if (target.weight_begin > target.weight_end || target.weight_end > library.weight_bytes)
    return damaged("a target's weights are outside the weight arena");
  for (const vit_kernel &kernel : std::span(target.kernels, target.kernel_count))
    if (!kernel.code)
      return damaged("kernel " + quoted(kernel.name) + " has no code");
  for (const vit_plan &plan : std::span(library.plans, library.plan_count))
    if (plan.target == index)
      return plan.max_tokens ? damaged("its native plan is for any image size") : Status();
  return damaged("it has code for a target, but no plan for it");
}

} // namespace

Status checkLibrary(const vit_library *library) {
  if (!library)
    return {VIT_BAD_ABI, "library is NULL: it does not speak ABI " + std::to_string(VIT_ABI) +
                             " of this runtime; rebuild the model or update the runtime"};
  if (library->abi != VIT_ABI)
    return {VIT_BAD_ABI, "library has ABI " + std::to_string(library->abi) +
                             ", this runtime has ABI " + std::to_string(VIT_ABI) +
                             "; rebuild the model or update the runtime"};
  if (library->size != sizeof(vit_library))
    return damaged("its root has " + std::to_string(library->size) + " bytes, expected " +
                   std::to_string(sizeof(vit_library)));
  if (library->max_batch == 0 || library->max_batch > 0x7FFFFFFF)
    return damaged("its largest batch is " + std::to_string(library->max_batch));
  for (uint32_t i = 0; i != library->target_count; ++i)
    if (isKnown(library->targets[i])) // nobody looks at the others
      if (Status good = checkTarget(*library, i); !good)
        return good;
  for (const vit_plan &plan : std::span(library->plans, library->plan_count)) {
    if (plan.target >= library->target_count)
      return damaged("a plan is for no target");
    if (isKnown(library->targets[plan.target]))
      if (Status good = PlanCheck(*library, plan).check(); !good)
        return good;
  }
  for (uint32_t i = 0; i != library->weight_count; ++i) {
    const vit_prepared &weight = library->weights[i];
    if (weight.value >= library->recipe_count)
      return damaged("weight " + std::to_string(i) + " is no value of the recipe");
    if (!isInside(weight.offset, weight.bytes, library->weight_bytes))
      return damaged("weight " + std::to_string(i) + " is outside the weight arena");
    for (const vit_target &target : std::span(library->targets, library->target_count))
      if (isKnown(target) && straddles(weight, arenaPart(*library, target)))
        return damaged("weight " + std::to_string(i) +
                       " lies in a target's part of the weight arena and beyond it");
  }
  return {};
}

} // namespace vitrt
