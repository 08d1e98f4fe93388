//===- SelectSchedules.cpp - A tile for every kernel ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Which part of the result a block computes decides how many blocks there are, and with it how
// evenly the device is filled: for small batches that is most of the speed. passes/cost knows; this
// pass collects the shapes of all launches of a kernel at the largest batch, asks, and writes the
// answer down.
//
// It is also the last place before code is written, so what no kernel can do is refused here, with
// the name of the op in the model.
//===----------------------------------------------------------------------===//

#include "passes/Kernels.h"
#include "passes/Passes.h"
#include "passes/cost/Cost.h"

#include "llvm/ADT/MapVector.h"

#include <numeric>

namespace vitc {
#define GEN_PASS_DEF_SELECTSCHEDULES
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
// What the whole-row attention kernel can hold in the registers of a warp.
constexpr int64_t mostTokens = 272, mostBatchKeys = 17;

struct SelectSchedules : impl::SelectSchedulesBase<SelectSchedules> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    device = cost::findGpu(gpu);
    if (!device) {
      emitError(module.getLoc()) << "no device named '" << gpu.getValue() << "'; known are "
                                 << cost::knownGpus();
      return signalPassFailure();
    }
    if (maxBatch < 1) {
      emitError(module.getLoc()) << "max-batch must be at least 1, but is " << maxBatch.getValue();
      return signalPassFailure();
    }
    if (!tile.empty()) {
      std::string error;
      given = cost::parseTile(tile, *device, error);
      if (!given) {
        emitError(module.getLoc()) << error;
        return signalPassFailure();
      }
    }

    llvm::MapVector<Operation *, SmallVector<vit::LaunchOp>> uses;
    for (vit::LaunchOp launch : launchesOf(module))
      uses[kernelOf(launch)].push_back(launch);
    for (auto &[op, launches] : uses) {
      auto kernel = cast<vit::KernelOp>(op);
      if (kernel.getSchedules())
        continue;
      if (failed(schedule(kernel, launches)))
        return signalPassFailure();
      if (suffix.empty())
        continue;
      std::string base = kernel.getSymName().str() + "_" + suffix, name = base;
      for (int number = 2; module.lookupSymbol(name); ++number)
        name = base + "_" + std::to_string(number);
      kernel.setSymName(name);
      for (vit::LaunchOp launch : launches)
        launch.setKernel(name);
    }
  }

  LogicalResult schedule(vit::KernelOp kernel, ArrayRef<vit::LaunchOp> launches) {
    suffix.clear();
    Operation *root = kernel.getRoot();
    if (auto attention = dyn_cast_or_null<vit::AttentionOp>(root))
      return scheduleAttention(kernel, attention);
    if (isa_and_present<vit::LinearOp>(root)) {
      cost::Tile chosen = given ? *given : chooseTile(cast<vit::LinearOp>(root), launches);
      suffix = std::to_string(chosen.blockM) + "x" + std::to_string(chosen.blockN) + "x" +
               std::to_string(chosen.blockK);
      set(kernel, {chosen.blockM, chosen.blockN, chosen.blockK}, {chosen.warpM, chosen.warpN},
          chosen.stages);
    } else if (isa_and_present<vit::LayerNormOp>(root)) {
      int64_t rows = 0;
      for (vit::LaunchOp launch : launches)
        rows = std::max(rows, maxBatch * vit::rowsPerImage(tensorType(launch.getResult(0))));
      set(kernel, {cost::chooseNormRows(rows, *device)}, {1}, 1);
    } else {
      // Neighbours in a row of patches are neighbours in the image up to the patch's width.
      int64_t width = widthOf(kernel.getYield().getOperand(0));
      if (auto patchify = dyn_cast_or_null<vit::PatchifyOp>(root))
        width = std::gcd(width, patchify.getPatch()[1]);
      int64_t elements = cost::chooseElements(width);
      set(kernel, {elements}, {elements / 8}, 1); // 8 warps
    }
    return success();
  }

  cost::Tile chooseTile(vit::LinearOp linear, ArrayRef<vit::LaunchOp> launches) {
    auto weight = linear.getWeight().getType();
    std::vector<cost::Product> products;
    for (vit::LaunchOp launch : launches)
      products.push_back({maxBatch * vit::rowsPerImage(tensorType(launch.getResult(0))),
                          weight.getDimSize(0), weight.getDimSize(1)});
    return cost::chooseTile(products, *device);
  }

  LogicalResult scheduleAttention(vit::KernelOp kernel, vit::AttentionOp attention) {
    int64_t heads = attention.getHeads(), headDim = attention.getHeadDim();
    bool overBatch = attention.getAxis() == vit::Axis::Batch;
    if (headDim % 8 || headDim < 16 || headDim > 128)
      return emitError(attention.getLoc())
             << describe(attention) << " has heads of " << headDim
             << " columns; kernels take multiples of 8 from 16 to 128";
    int64_t tokens = vit::rowsPerImage(attention.getKey().getType());
    if (overBatch && maxBatch > mostBatchKeys)
      return emitError(attention.getLoc())
             << describe(attention) << " attends over the batch: max-batch " << maxBatch.getValue()
             << ", at most " << mostBatchKeys;
    if (!overBatch && tokens > mostTokens)
      return emitError(attention.getLoc())
             << describe(attention) << " has " << tokens
             << " tokens; whole-row attention takes at most " << mostTokens;
    int64_t keys = overBatch ? maxBatch.getValue() : tokens;
    int64_t queries =
        overBatch ? maxBatch.getValue() : vit::rowsPerImage(attention.getQuery().getType());
    int64_t sequences = heads * (overBatch ? tokens : maxBatch.getValue());
    set(kernel, {cost::chooseAttentionRows(queries, sequences, *device), keys}, {16}, 1);
    return success();
  }

  void set(vit::KernelOp kernel, ArrayRef<int64_t> block, ArrayRef<int64_t> warp, int64_t stages) {
    Builder builder(kernel.getContext());
    kernel.setSchedulesAttr(builder.getArrayAttr(vit::ScheduleAttr::get(
        kernel.getContext(), 1, maxBatch, block, warp, stages, 1, 1, 0, false)));
  }

  const cost::Gpu *device = nullptr;
  std::optional<cost::Tile> given;
  std::string suffix; // of the last kernel's name
};
} // namespace
} // namespace vitc
