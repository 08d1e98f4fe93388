//===- PlanMemory.cpp - A place for every activation ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// All activations live in one buffer. A value occupies bytes [a, a + size) times the batch, so two
// values that do not overlap for one image do not overlap for any number of images, and one plan
// serves every batch. Sizes and offsets are multiples of 256 bytes, which keeps every row of
// 16-byte copies aligned.
//
// Values are placed by size, the largest first, each at the lowest offset where no value lies that
// lives at the same time. A kernel may write while it still reads, so its operands and results live
// together. Outputs of the model are the caller's memory and need no place.
//
// For images of any size both have a part for each patch and one for each image. Values are apart
// if both parts say so, in one order; since nearly all have the same rows, that costs next to
// nothing.
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"
#include "passes/Kernels.h"
#include "passes/PassOptions.h"
#include "passes/Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

namespace vitc {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
constexpr int64_t alignment = 256;
constexpr int64_t leastAlignment = 16; // what kernels ask for
constexpr int64_t mostBytes = std::numeric_limits<int32_t>::max();

int64_t bytesPerImage(RankedTensorType type) {
  return vit::rowsPerImage(type) * widthOf(type) * vit::bytesOf(type.getElementType());
}

/// Bytes: so many per image, and in a model for any size so many more for each patch of it.
struct Bytes {
  int64_t perPatch = 0, perImage = 0;
  Bytes operator+(const Bytes &other) const {
    return {perPatch + other.perPatch, perImage + other.perImage};
  }
  /// Whether it is no more for any number of patches.
  bool isWithin(const Bytes &other) const {
    return perPatch <= other.perPatch && perImage <= other.perImage;
  }
  auto operator<=>(const Bytes &) const = default;
};
Bytes largest(const Bytes &a, const Bytes &b) {
  return {std::max(a.perPatch, b.perPatch), std::max(a.perImage, b.perImage)};
}

struct Lifetime {
  OpResult value;
  Bytes size;
  int64_t first, last; ///< launches between which it must stay, inclusive
  Bytes offset = {};
};

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  PlanMemory() = default;
  PlanMemory(const PlanMemory &other) : Base(other) {}
  explicit PlanMemory(const PipelineOptions &options) { maxBatch = options.maxBatch; }

#define VITC_BATCH_OPTION VITC_PASS_OPTION
#include "passes/Options.def"

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation()))
      if (failed(checkSizes(model)) || failed(plan(model)))
        return signalPassFailure();
  }

  /// Kernels address one activation with 31 bits.
  LogicalResult checkSizes(func::FuncOp model) {
    if (failed(checkMaxBatch(model.getLoc(), maxBatch)))
      return failure();
    std::optional<vit::AnySize> sizes = vit::anySizeOf(model);
    auto check = [&](Location loc, const std::string &name, Type type) -> LogicalResult {
      int64_t bytes = bytesPerImage(cast<RankedTensorType>(type));
      if (sizes)
        return checkAnySize(loc, name, cast<RankedTensorType>(type), *sizes);
      if (bytes <= mostBytes / maxBatch)
        return success();
      return emitError(loc) << name << " has " << bytes << " bytes per image, "
                            << llvm::SaturatingMultiply<uint64_t>(bytes, maxBatch.getValue()) /
                                   1048576
                            << " MiB at max-batch " << maxBatch.getValue()
                            << "; kernels address at most 2047 MiB of one activation, so "
                            << "max-batch can be at most " << mostBytes / bytes;
    };
    for (BlockArgument input : model.getArguments())
      if (vit::isBatchTensor(input.getType()) &&
          failed(check(model.getLoc(), "input '" + inputName(model, input.getArgNumber()) + "'",
                       input.getType())))
        return failure();
    for (auto launch : model.getOps<vit::LaunchOp>())
      for (Type type : launch.getResultTypes())
        if (failed(check(launch.getLoc(), describe(launch), type)))
          return failure();
    return success();
  }

  /// One image of the largest size must fit; a workspace sees to more of them.
  static LogicalResult checkAnySize(Location loc, const std::string &name, RankedTensorType type,
                                    const vit::AnySize &sizes) {
    if (type.getRank() == 4)
      return success(); // an input
    Bytes bytes = bytesOf(type);
    if (bytes.perImage <= mostBytes &&
        bytes.perPatch <= (mostBytes - bytes.perImage) / sizes.maxTokens)
      return success();
    return emitError(loc) << name << " has " << bytes.perPatch
                          << " bytes for each patch of an image, and kernels address at most 2047 "
                             "MiB of one activation, so --max-tokens can be at most "
                          << (mostBytes - bytes.perImage) / bytes.perPatch;
  }

  static Bytes bytesOf(RankedTensorType type) {
    vit::TokenCount rows = vit::tokenCountOf(vit::rowsPerImage(type));
    int64_t row = bytesPerImage(type) / vit::rowsPerImage(type);
    return {rows.perPatch * row, rows.constant * row};
  }

  /// What a place takes; `extra` is nothing for one size. Of a model for any size all that has a
  /// row for each patch gets rows for the same number of other tokens: then one part is always as
  /// many times the other, and what is apart in one is in both.
  static Bytes placeOf(RankedTensorType type, std::optional<int64_t> extra) {
    if (!extra)
      return {0, int64_t(llvm::alignTo(bytesPerImage(type), alignment))};
    Bytes bytes = bytesOf(type);
    auto row = int64_t(llvm::alignTo(bytes.perPatch, leastAlignment));
    return {row, row ? row * *extra : int64_t(llvm::alignTo(bytes.perImage, leastAlignment))};
  }

  /// Of a model for any size: the most tokens that an activation has beside those of patches.
  static std::optional<int64_t> extraTokens(func::FuncOp model) {
    if (!vit::anySizeOf(model.getOperation()))
      return std::nullopt;
    int64_t most = 0;
    for (auto launch : model.getOps<vit::LaunchOp>())
      for (Type type : launch.getResultTypes())
        if (auto rows = vit::tokenCountOf(vit::rowsPerImage(cast<RankedTensorType>(type)));
            rows.perPatch)
          most = std::max(most, rows.constant);
    return most;
  }

  static LogicalResult plan(func::FuncOp model) {
    std::optional<int64_t> extra = extraTokens(model);
    Block &body = model.getBody().front();
    llvm::DenseMap<Operation *, int64_t> order;
    SmallVector<vit::LaunchOp> launches(model.getOps<vit::LaunchOp>());
    for (auto [i, launch] : llvm::enumerate(launches))
      order[launch] = i;

    llvm::DenseMap<Value, int64_t> places, imagePlaces; // of outputs first
    for (OpOperand &output : body.getTerminator()->getOpOperands()) {
      int64_t place = -1 - static_cast<int64_t>(output.getOperandNumber());
      if (!output.get().getDefiningOp<vit::LaunchOp>() ||
          !places.insert({output.get(), place}).second)
        return emitError(model.getLoc())
               << "expected output '" << outputName(model, output.getOperandNumber())
               << "' as a result of a launch of its own: run vit-form-kernels";
    }

    SmallVector<Lifetime> lifetimes;
    for (vit::LaunchOp launch : launches)
      for (OpResult result : launch->getResults()) {
        if (places.contains(result))
          continue;
        lifetimes.push_back(
            {result, placeOf(tensorType(result), extra), order[launch], order[launch]});
        for (Operation *user : result.getUsers()) {
          if (!order.contains(user))
            return emitError(user->getLoc())
                   << "expected only launches to read activations, but got '" << user->getName()
                   << "': run vit-form-kernels";
          lifetimes.back().last = std::max(lifetimes.back().last, order[user]);
        }
      }
    for (Lifetime &lifetime : place(lifetimes))
      places[lifetime.value] = extra ? lifetime.offset.perPatch : lifetime.offset.perImage,
      imagePlaces[lifetime.value] = lifetime.offset.perImage;
    for (vit::LaunchOp launch : launches) {
      SmallVector<int64_t> list, imageList;
      for (Value result : launch.getResults()) {
        list.push_back(places.lookup(result));
        imageList.push_back(imagePlaces.lookup(result));
      }
      launch.setPlaces(list);
      if (extra)
        launch.setImagePlaces(imageList);
    }
    return success();
  }

  /// Gives every value its offset.
  static SmallVector<Lifetime> place(SmallVector<Lifetime> values) {
    llvm::stable_sort(values, [](const Lifetime &a, const Lifetime &b) { return a.size > b.size; });
    llvm::DenseMap<int64_t, SmallVector<const Lifetime *>> placed; // by launches they live at
    for (Lifetime &value : values) {
      llvm::SmallSetVector<const Lifetime *, 8> found;
      for (int64_t launch = value.first; launch <= value.last; ++launch)
        found.insert(placed[launch].begin(), placed[launch].end());
      auto others = found.takeVector();
      llvm::sort(others, [](auto *a, auto *b) { return a->offset < b->offset; });
      value.offset = {};
      for (auto [i, other] : llvm::enumerate(others)) {
        auto isBehind = [&](const Lifetime *later) {
          return (value.offset + value.size).isWithin(later->offset);
        };
        // In front of this one and all behind it, whatever the size.
        if (llvm::all_of(ArrayRef(others).drop_front(i), isBehind))
          break;
        value.offset = largest(value.offset, other->offset + other->size);
      }
      for (int64_t launch = value.first; launch <= value.last; ++launch)
        placed[launch].push_back(&value);
    }
    return values;
  }
};
} // namespace

std::unique_ptr<Pass> createPlanMemory(const PipelineOptions &options) {
  return std::make_unique<PlanMemory>(options);
}
} // namespace vitc
