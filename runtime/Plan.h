//===- Plan.h - What a run launches ----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A plan of the library says how launches follow from the batch and from the
// size of the images. Here one is chosen, and worked out once for a batch into
// records that a run only patches with the caller's pointers. No target is known
// here: addresses are numbers.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_PLAN_H
#define VITC_RUNTIME_PLAN_H

#include "runtime/Errors.h"
#include "vit/library.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// Is everything in the library that indexes something in range, at every batch and every number of
/// tokens? Archives are files.
Status checkLibrary(const vit_library *library);

/// "input 0 'pixel_values'", for messages.
std::string inputText(const vit_library &library, uint32_t index);
std::string outputText(const vit_library &library, uint32_t index);
/// Bytes of one value.
inline uint64_t sizeOf(uint32_t dtype) {
  switch (dtype) {
  case VIT_F16:
  case VIT_BF16:
    return 2;
  case VIT_F64:
    return 8;
  case VIT_U8:
  case VIT_I8:
    return 1;
  default:
    return 4;
  }
}

/// Which dimensions of a tensor of images are what: those of bytes have their channels last.
struct ImageAxes {
  uint32_t channels, height, width;
};
ImageAxes axesOf(const vit_tensor &images);

/// Of a library that checkLibrary() has passed, for which no count leaves 64 bits.
inline uint64_t valueOf(const vit_count &count, uint64_t batch, uint64_t tokens) {
  return count.constant + count.per_image * batch + count.per_length * tokens +
         count.per_token * batch * tokens;
}

/// Whether [offset, offset + bytes) is a part of [0, end), with no sum beyond 64 bits.
inline bool isInside(uint64_t offset, uint64_t bytes, uint64_t end) {
  return offset <= end && bytes <= end - offset;
}

/// The part of the weight arena that a target reads.
struct ArenaPart {
  uint64_t begin, end;
  bool isAll; ///< then it has every weight, also one whose place is damaged
  uint64_t bytes() const { return end - begin; }
  /// All of the weight's bytes.
  bool has(const vit_prepared &weight) const { return isAll || holds(weight); }
  bool holds(const vit_prepared &weight) const {
    return weight.offset >= begin && isInside(weight.offset - begin, weight.bytes, bytes());
  }
};
inline ArenaPart wholeArena(const vit_library &library) { return {0, library.weight_bytes, true}; }
inline ArenaPart arenaPart(const vit_library &library, const vit_target &target) {
  return target.weight_end ? ArenaPart{target.weight_begin, target.weight_end, false}
                           : wholeArena(library);
}
/// Whether the range of a step is of something else than the batch.
inline bool isMeasured(const vit_step &step) {
  const vit_count &m = step.measure;
  return (m.constant | m.per_image | m.per_length | m.per_token) != 0;
}
/// What the range of a step is of.
inline uint64_t measureOf(const vit_step &step, uint64_t batch, uint64_t tokens) {
  return isMeasured(step) ? valueOf(step.measure, batch, tokens) : batch;
}
inline bool runsAt(const vit_step &step, uint64_t batch, uint64_t tokens) {
  uint64_t measure = measureOf(step, batch, tokens);
  return step.min_batch <= measure && measure <= step.max_batch;
}
/// Whether it runs with some batch of 1 to `maxBatch`.
inline bool mayRun(const vit_step &step, uint64_t maxBatch, uint64_t tokens) {
  return step.min_batch <= measureOf(step, maxBatch, tokens) &&
         measureOf(step, 1, tokens) <= step.max_batch;
}

/// Parts of an allocation begin at multiples of 256 bytes.
constexpr uint64_t alignUp(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

/// The size of an image; 0, 0: that of the native plan.
struct ImageSize {
  int height = 0, width = 0;
};

/// How many whole patches an image has, from its top to its bottom and from its left to its right.
struct PatchGrid {
  uint64_t height, width;
  uint64_t tokens() const { return height * width; }
};
/// `plan` is for any size.
inline PatchGrid gridOf(const vit_plan &plan, ImageSize size) {
  return {uint32_t(size.height) / plan.patch_height, uint32_t(size.width) / plan.patch_width};
}

/// A plan for images of one size.
struct SizedPlan {
  const vit_plan *plan = nullptr;
  uint64_t tokens = 0; ///< of an image, where the plan is for any size
  ImageSize size = {}; ///< in pixels, there

  uint64_t inputBytes(const vit_library &library, uint32_t index, int batch) const;
  uint64_t outputBytes(const vit_library &library, uint32_t index, int batch) const;
};

/// The plan of target `target` for images of a size. There is always a native one.
Status choosePlan(const vit_library &library, uint32_t target, ImageSize size, SizedPlan &out);

/// One launch of a prepared batch.
struct LaunchRecord {
  uint32_t step;
  uint32_t grid[3];
  uint32_t firstSlot; ///< of its parameters
};

/// Where a plan's memory begins.
struct PlanMemory {
  uint64_t buffers = 0, scratch = 0, counters = 0, weights = 0;
  std::span<const uint64_t> sized = {}; ///< of each weight that depends on the size; of others 0
};

/// Bytes of scratch memory and of counters that runs with up to `maxBatch` images need.
uint64_t scratchBytes(const SizedPlan &sized, uint64_t maxBatch);
uint64_t counterBytes(const SizedPlan &sized, uint64_t maxBatch);
/// Why kernels cannot address an activation of so many images; empty if they can.
std::string objectionToBatch(const vit_library &library, const SizedPlan &sized, uint64_t maxBatch);

/// The launches of a plan with one batch: all is known but the caller's pointers.
class Launches {
public:
  /// Allocates all that prepare() will need.
  explicit Launches(const vit_library &library, const SizedPlan &sized);
  /// Works out the launches of a batch; allocates nothing.
  void prepare(int batch, const PlanMemory &memory);
  /// Puts the caller's pointers in.
  void bind(const void *const *inputs, void *const *outputs);

  int batch() const { return preparedBatch; } ///< 0: none is prepared
  const std::vector<LaunchRecord> &records() const { return launches; }
  const vit_step &stepOf(const LaunchRecord &record) const {
    return sized.plan->steps[record.step];
  }
  /// The i-th parameter of a launch: an address, or a number of 32 bits.
  uint64_t slot(const LaunchRecord &record, uint32_t i) const {
    return slots[record.firstSlot + i];
  }
  /// Pointers to the parameters of a launch.
  void **parametersOf(const LaunchRecord &record) { return &parameters[record.firstSlot]; }

private:
  /// A parameter that changes from run to run.
  struct Patch {
    uint32_t slot;
    uint32_t kind; // VIT_ARG_INPUT or VIT_ARG_OUTPUT
    uint32_t index;
  };

  const vit_library &library;
  SizedPlan sized;
  int preparedBatch = 0;
  std::vector<LaunchRecord> launches; // all four have their largest size from the start
  std::vector<uint64_t> slots;
  std::vector<void *> parameters; // parameters[i] points to slots[i]
  std::vector<Patch> patches;
};

} // namespace vitrt
#endif // VITC_RUNTIME_PLAN_H
