//===- PlanBuilder.cpp - What a library launches for one image size -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A walk over the launches of a planned module. Nothing is decided here: where
// a value lives is in `places`, the launch geometry and the batches come with
// each function of the kernel, and the order of launches is that of the text.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/PlanBuilder.h"
#include "codegen/library/RecipeBuilder.h"
#include "passes/CostBridge.h"
#include "passes/Kernels.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

/// For images of one size nothing but the batch counts.
static vit_count fixed(uint64_t count) { return {count, 0, 0, 0}; }
static vit_count perImage(uint64_t count) { return {0, count, 0, 0}; }

namespace {

class PlanBuilder {
public:
  PlanBuilder(const PlanInput &input, LibraryData &data)
      : module(input.module), model(input.model), codes(input.codes), input(input), data(data) {}

  FailureOr<vit_plan> build() {
    for (BlockArgument argument : model.getFunctionBody().getArguments())
      places[argument] = {VIT_ARG_INPUT, argument.getArgNumber(), 0, {}};
    for (Operation &op : model.getFunctionBody().front().without_terminator())
      if (failed(addOp(&op)))
        return failure();
    if (failed(checkOutputs()))
      return failure();
    setImageSize();
    plan.target = input.target;
    plan.input_values = valuesOf(model.getArgumentTypes());
    plan.output_values = valuesOf(model.getResultTypes());
    plan.workspace_bytes = perImage(workspaceBytes);
    plan.scratch_bytes = fixed(scratchBytes);
    plan.counter_bytes = fixed(counterBytes);
    plan.steps = data.keep(steps);
    plan.step_count = steps.size();
    plan.buffers = data.keep(buffers);
    plan.buffer_count = buffers.size();
    return plan;
  }

private:
  /// Of the first input that is images: [batch, channels, height, width].
  void setImageSize() {
    for (Type type : model.getArgumentTypes())
      if (auto shape = cast<RankedTensorType>(type).getShape(); shape.size() == 4) {
        plan.height = shape[2];
        plan.width = shape[3];
        return;
      }
  }

  const vit_count *valuesOf(TypeRange types) {
    std::vector<vit_count> counts;
    for (Type type : types)
      counts.push_back(perImage(valuesPerImage(cast<RankedTensorType>(type))));
    return data.keep(counts);
  }

  LogicalResult addOp(Operation *op) {
    if (auto prepared = dyn_cast<vit::PreparedOp>(op)) {
      if (prepared.getIndex() >= input.weights.size())
        return prepared.emitOpError("names weight ") << prepared.getIndex() << ", but @prepare has "
                                                     << input.weights.size() << " results";
      places[prepared.getResult()] = {VIT_ARG_WEIGHT, input.weights[prepared.getIndex()], 0, {}};
      return success();
    }
    if (auto launch = dyn_cast<vit::LaunchOp>(op))
      return addLaunch(launch);
    return op->emitOpError("is not in a kernel: only vit.launch and vit.prepared can be in a "
                           "library; run the passes of --emit=kernels");
  }

  /// Kernels that see rows count rows, the others images.
  static bool isOnRows(vit::KernelOp kernel) {
    auto isRows = [](Type type) {
      auto tensor = cast<RankedTensorType>(type);
      return tensor.hasStaticShape() || tensor.getRank() == 2;
    };
    return llvm::all_of(kernel.getArgumentTypes(), isRows) &&
           llvm::all_of(kernel.getResultTypes(), isRows);
  }

  LogicalResult addLaunch(vit::LaunchOp launch) {
    if (!launch.getPlaces())
      return launch.emitOpError("expected 'places': memory is not planned; run vit-plan-memory");
    std::vector<vit_arg> args;
    for (Value operand : launch.getOperands_()) {
      auto place = places.find(operand);
      if (place == places.end())
        return launch.emitOpError("expected operands that are inputs, vit.prepared or results of "
                                  "launches before, but got ")
               << operand;
      args.push_back(place->second);
      if (failed(checkAddress(launch, operand.getType())))
        return failure();
    }
    for (auto [result, place] : llvm::zip_equal(launch.getResults_(), *launch.getPlaces())) {
      if (failed(addResult(launch, result, place)) ||
          failed(checkAddress(launch, result.getType())))
        return failure();
      args.push_back(places[result]);
      args.back().written = 1;
    }
    return addSteps(launch, args);
  }

  /// A step for each function of the kernel and range of batches that it serves.
  LogicalResult addSteps(vit::LaunchOp launch, ArrayRef<vit_arg> args) {
    struct Use {
      uint32_t function, first, last;
    };
    SmallVector<Use> uses;
    for (auto [i, code] : llvm::enumerate(codes))
      if (code.kernel == launch.getKernel())
        for (auto [first, last] : code.batches)
          if (first <= input.maxBatch)
            uses.push_back(
                {uint32_t(i), uint32_t(first), uint32_t(std::min<int64_t>(last, input.maxBatch))});
    llvm::stable_sort(uses, [](const Use &a, const Use &b) { return a.first < b.first; });
    uint32_t served = 0;
    for (const Use &use : uses) {
      if (use.first > served + 1)
        break;
      served = use.last;
      if (failed(addStep(launch, args, use.function, use.first, use.last)))
        return failure();
    }
    ++launchCount;
    if (served == input.maxBatch)
      return success();
    return launch.emitOpError("has no code of kernel @")
           << launch.getKernel() << " for batch " << served + 1 << " of " << input.maxBatch;
  }

  LogicalResult addStep(vit::LaunchOp launch, ArrayRef<vit_arg> args, uint32_t function,
                        uint32_t first, uint32_t last) {
    const KernelCode &code = codes[function];
    auto kernel = module.lookupSymbol<vit::KernelOp>(code.kernel);
    auto result = cast<RankedTensorType>(launch.getResults_().front().getType());
    uint32_t rows = isOnRows(kernel) ? vit::rowsPerImage(result) : 1;
    std::vector<vit_arg> all(args.begin(), args.end());
    cost::Geometry geometry; // of code for a CPU nothing but its grid
    if (code.schedule)
      geometry = cost::geometryOf(workOf(launch), scheduleOf(code.schedule));
    if (geometry.sums) {
      uint64_t sums = cost::scratchBytes(geometry, last),
               tiles = cost::counterBytes(geometry, last);
      if (failed(checkScratch(launch, sums, last)))
        return failure();
      all.push_back({VIT_ARG_SCRATCH, 0, 1, fixed(sums)});
      all.push_back({VIT_ARG_COUNTERS, 0, 0, fixed(tiles)});
      scratchBytes = std::max(scratchBytes, llvm::alignTo(sums, 256));
      counterBytes = std::max(counterBytes, llvm::alignTo(tiles, 256));
    }
    all.push_back({VIT_ARG_COUNT, 0, 0, perImage(rows)});

    vit_step step = {};
    step.label = data.keep(labelFor(launch));
    step.kernel = input.kernels[function];
    step.min_batch = first;
    step.max_batch = last;
    step.launch = launchCount;
    for (auto [extent, from] : llvm::zip(step.grid, code.launch.grid)) {
      bool grows = from.perCount != 0;
      extent = {grows ? perImage(uint64_t(from.perCount) * rows) : fixed(1),
                grows ? uint32_t(from.divisor) : 1, uint32_t(from.times)};
    }
    step.arg_count = all.size();
    step.args = data.keep(all);
    steps.push_back(step);
    return success();
  }

  /// Of scratch memory too.
  static LogicalResult checkScratch(vit::LaunchOp launch, uint64_t bytes, uint32_t batch) {
    uint64_t limit = uint64_t(1) << 31;
    if (bytes <= limit)
      return success();
    return launch.emitOpError("needs ")
           << bytes << " bytes of scratch memory for batch " << batch << ", but kernels address "
           << limit << "; its schedule has too many splits";
  }

  LogicalResult addResult(vit::LaunchOp launch, OpResult result, int64_t place) {
    auto type = cast<RankedTensorType>(result.getType());
    if (place < 0) {
      uint64_t index = -1 - place;
      if (index >= data.library.output_count)
        return launch.emitOpError("places result ")
               << result.getResultNumber() << " in output " << index << ", but the model has "
               << data.library.output_count;
      places[result] = {VIT_ARG_OUTPUT, uint32_t(index), 0, {}};
      return success();
    }
    if (place % 256 != 0)
      return launch.emitOpError("expected places that are multiples of 256, but got ") << place;
    uint64_t bytes = bytesPerImage(type);
    places[result] = {VIT_ARG_BUFFER, uint32_t(buffers.size()), 0, {}};
    buffers.push_back({data.keep(labelFor(launch)), perImage(place), perImage(bytes)});
    workspaceBytes = std::max(workspaceBytes, llvm::alignTo(uint64_t(place) + bytes, 256));
    return success();
  }

  static uint64_t valuesPerImage(RankedTensorType type) {
    uint64_t values = 1;
    for (int64_t size : type.getShape().drop_front())
      values *= size;
    return values;
  }

  static uint64_t bytesPerImage(RankedTensorType type) {
    return valuesPerImage(type) * sizeOf(dtypeOf(type.getElementType()));
  }

  /// Kernels compute byte offsets in 32 bits.
  LogicalResult checkAddress(vit::LaunchOp launch, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.hasStaticShape())
      return success();
    uint64_t bytes = bytesPerImage(tensor), limit = uint64_t(1) << 31;
    if (bytes * input.maxBatch <= limit)
      return success();
    return launch.emitOpError("needs ")
           << bytes << " bytes per image in one tensor, " << bytes * input.maxBatch
           << " for max-batch " << input.maxBatch << ", but kernels address " << limit
           << "; lower --max-batch to " << limit / bytes;
  }

  std::string labelFor(vit::LaunchOp launch) {
    std::string label = labelOf(launch.getLoc());
    return label.empty() ? launch.getKernel().str() : label;
  }

  LogicalResult checkOutputs() {
    Operation *ret = model.getFunctionBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(ret->getOperands())) {
      auto place = places.find(value);
      if (place == places.end() || place->second.kind != VIT_ARG_OUTPUT || place->second.index != i)
        return ret->emitOpError("expected result ")
               << i << " to be written by a launch that places it at " << -1 - int64_t(i);
    }
    return success();
  }

  ModuleOp module;
  FunctionOpInterface model;
  ArrayRef<KernelCode> codes;
  const PlanInput &input;
  LibraryData &data;
  vit_plan plan = {};
  llvm::DenseMap<Value, vit_arg> places; // with written = 0: how a later launch reads it
  std::vector<vit_step> steps;
  uint32_t launchCount = 0;
  std::vector<vit_buffer> buffers;
  uint64_t workspaceBytes = 0; // per image
  uint64_t scratchBytes = 0, counterBytes = 0;
};

} // namespace

FailureOr<vit_plan> vitc::codegen::buildPlan(const PlanInput &input, LibraryData &data) {
  return PlanBuilder(input, data).build();
}
