//===- PlanBuilder.cpp - What a library launches for one size, or for any -===//
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
#include "dialect/ModelFunction.h"
#include "passes/CostBridge.h"
#include "passes/Kernels.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

/// For images of one size nothing but the batch counts.
static vit_count fixed(uint64_t count) { return {count, 0, 0, 0}; }
static vit_count perImage(uint64_t count) { return {0, count, 0, 0}; }
/// `times` as many as a number of tokens stands for: of each image, of one.
static vit_count perTokens(vit::TokenCount tokens, uint64_t times = 1) {
  return {0, tokens.constant * times, 0, tokens.perPatch * times};
}
static vit_count ofOneImage(vit::TokenCount tokens) {
  return {uint64_t(tokens.constant), 0, uint64_t(tokens.perPatch), 0};
}

namespace {

class PlanBuilder {
public:
  PlanBuilder(const PlanInput &input, LibraryData &data)
      : module(input.module), model(input.model), codes(input.codes), input(input), data(data),
        sizes(vit::anySizeOf(module)) {}

  FailureOr<vit_plan> build() {
    for (BlockArgument argument : model.getFunctionBody().getArguments())
      places[argument] = {VIT_ARG_INPUT, argument.getArgNumber(), 0, {}};
    for (Operation &op : model.getFunctionBody().front().without_terminator())
      if (failed(addOp(&op)))
        return failure();
    if (failed(checkOutputs()))
      return failure();
    if (failed(setImageSize()))
      return failure();
    plan.target = input.target;
    plan.input_values = valuesOf(model.getArgumentTypes());
    plan.output_values = valuesOf(model.getResultTypes());
    plan.workspace_bytes = {0, workspaceBytes.perImage, 0, workspaceBytes.perPatch};
    plan.scratch_bytes = fixed(scratchBytes);
    plan.counter_bytes = fixed(counterBytes);
    plan.steps = data.keep(steps);
    plan.step_count = steps.size();
    plan.buffers = data.keep(buffers);
    plan.buffer_count = buffers.size();
    return plan;
  }

private:
  /// Of the first input that is images.
  LogicalResult setImageSize() {
    if (sizes) {
      plan.patch_height = sizes->patch[0];
      plan.patch_width = sizes->patch[1];
      plan.max_tokens = sizes->maxTokens;
      for (Type type : model.getResultTypes())
        if (cast<RankedTensorType>(type).getRank() == 4)
          return model.emitError("an output that is a grid of patches, ")
                 << type << ", has no form for images of any size; leave it out with --outputs";
      return success();
    }
    for (Type type : model.getArgumentTypes())
      if (auto images = cast<RankedTensorType>(type); images.getRank() == 4) {
        vit::ImageShape image = vit::imageShapeOf(images);
        plan.height = image.height;
        plan.width = image.width;
        break;
      }
    return success();
  }

  /// The rows of an activation of this plan.
  vit::TokenCount rowsOf(RankedTensorType type) const {
    int64_t rows = vit::rowsPerImage(type);
    return sizes ? vit::tokenCountOf(rows) : vit::TokenCount{rows, 0};
  }

  /// Its values: all of an image, or for images of any size those of so many patches.
  vit_count valueCount(RankedTensorType type) const {
    if (sizes && type.getRank() == 4) // images
      return perTokens({0, 1},
                       vit::imageShapeOf(type).channels * sizes->patch[0] * sizes->patch[1]);
    return perTokens(rowsOf(type), type.getShape().back());
  }

  const vit_count *valuesOf(TypeRange types) {
    std::vector<vit_count> counts;
    for (Type type : types)
      counts.push_back(valueCount(cast<RankedTensorType>(type)));
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
      int64_t imagePlace =
          launch.getImagePlaces() ? (*launch.getImagePlaces())[result.getResultNumber()] : 0;
      if (failed(addResult(launch, result, place, imagePlace)) ||
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
    int64_t most = sizes ? largestMeasure(launch, *sizes, input.maxBatch) : input.maxBatch;
    if (most > vit::mostOfRange)
      return launch.emitOpError("has ")
             << most << " rows, but kernels count to " << vit::mostOfRange
             << "; lower --max-tokens or --max-batch";
    for (auto [i, code] : llvm::enumerate(codes))
      if (code.kernel == launch.getKernel())
        for (auto [first, last] : code.batches)
          if (first <= most)
            uses.push_back({uint32_t(i), uint32_t(first), uint32_t(std::min<int64_t>(last, most))});
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
    if (served == most)
      return success();
    return launch.emitOpError("has no code of kernel @")
           << launch.getKernel() << " for " << (sizes ? "row " : "batch ") << served + 1 << " of "
           << most;
  }

  LogicalResult addStep(vit::LaunchOp launch, ArrayRef<vit_arg> args, uint32_t function,
                        uint32_t first, uint32_t last) {
    const KernelCode &code = codes[function];
    auto kernel = module.lookupSymbol<vit::KernelOp>(code.kernel);
    auto result = cast<RankedTensorType>(launch.getResults_().front().getType());
    // What the kernel counts: rows, or images.
    vit::TokenCount rows = isOnRows(kernel) ? rowsOf(result) : vit::TokenCount{1, 0};
    std::vector<vit_arg> all(args.begin(), args.end());
    cost::Work work;
    cost::Geometry geometry; // of code for a CPU nothing but its grid
    if (code.schedule) {
      work = workOf(launch);
      geometry = cost::geometryOf(work, scheduleOf(code.schedule));
    }
    if (geometry.sums) {
      if (sizes)
        geometry = cost::geometryOf(workOfRow(launch), scheduleOf(code.schedule));
      uint64_t sums = cost::scratchBytes(geometry, last),
               tiles = cost::counterBytes(geometry, last);
      if (failed(checkScratch(launch, sums, last)))
        return failure();
      if (sizes) {
        vit::TokenCount resultRows = rowsOf(result);
        all.push_back(
            {VIT_ARG_SCRATCH, 0, 1, sharedBytes(geometry, resultRows, cost::scratchBytes)});
        all.push_back(
            {VIT_ARG_COUNTERS, 0, 0, sharedBytes(geometry, resultRows, cost::counterBytes)});
      } else {
        all.push_back({VIT_ARG_SCRATCH, 0, 1, fixed(sums)});
        all.push_back({VIT_ARG_COUNTERS, 0, 0, fixed(tiles)});
        scratchBytes = std::max(scratchBytes, llvm::alignTo(sums, 256));
        counterBytes = std::max(counterBytes, llvm::alignTo(tiles, 256));
      }
    }
    if (kernel.getTokens()) {
      if (kernel.getFamily() == vit::KernelFamily::Patchify) {
        all.push_back({VIT_ARG_HEIGHT, 0, 0, {}});
        all.push_back({VIT_ARG_WIDTH, 0, 0, {}});
      }
      all.push_back({VIT_ARG_COUNT, 0, 0, {0, 0, 1, 0}});
    }
    all.push_back({VIT_ARG_COUNT, 0, 0, perTokens(rows)});

    vit_step step = {};
    step.label = data.keep(labelFor(launch));
    step.kernel = input.kernels[function];
    step.min_batch = first;
    step.max_batch = last;
    step.launch = launchCount;
    bool ofTokens = kernel.getTokens().has_value();
    ArrayRef<cost::Extent> grid = code.launch.grid;
    cost::Geometry ofImage; // the text of a GPU's code does not say what its grid counts
    if (ofTokens && code.schedule) {
      ofImage = cost::geometryOf(work, scheduleOf(code.schedule));
      grid = ofImage.grid;
    }
    for (int axis = 0; axis < 3; ++axis)
      step.grid[axis] =
          ofTokens ? extentOf(grid[axis], vit::rowsPerImage(result)) : extentOf(grid[axis], rows);
    if (sizes)
      step.measure = perTokens(measureOf(launch));
    step.arg_count = all.size();
    step.args = data.keep(all);
    steps.push_back(step);
    return success();
  }

  static vit_extent extentOf(const cost::Extent &from, vit::TokenCount counted) {
    if (!from.perCount)
      return {fixed(1), 1, uint32_t(from.times)};
    return {perTokens(counted, uint64_t(from.perCount)), uint32_t(from.divisor),
            uint32_t(from.times)};
  }

  /// Of a kernel for any size, whose result has `rows` rows: an extent is of so many for each of
  /// them, or for each image.
  static vit_extent extentOf(const cost::Extent &from, int64_t rows) {
    vit::TokenCount counted = vit::tokenCountOf(rows);
    if (from.ofSequence)
      return {ofOneImage(counted), uint32_t(from.divisor), uint32_t(from.times)};
    if (from.perCount % rows != 0) {
      assert(from.perCount < vit::anyTokens && "grows with the patches, but not by whole rows");
      return extentOf(from, vit::TokenCount{1, 0});
    }
    cost::Extent ofRow = from;
    ofRow.perCount /= rows;
    return extentOf(ofRow, counted);
  }

  /// Of a kernel on rows: one of them.
  static cost::Work workOfRow(vit::LaunchOp launch) {
    cost::Work work = workAt(launch, 1);
    work.rows = 1;
    return work;
  }

  /// What the blocks of a tile share, at least as much as `bytesOf` says for any number of rows:
  /// there are as many tiles as rows fill, and one.
  template <class BytesOf>
  static vit_count sharedBytes(const cost::Geometry &geometry, vit::TokenCount rows,
                               BytesOf bytesOf) {
    uint64_t block = bytesOf(geometry, 1);
    uint64_t height = 1; // rows of a block
    for (const cost::Extent &extent : geometry.grid)
      if (extent.perCount)
        height = uint64_t(extent.divisor / extent.perCount);
    uint64_t perRow = (block - 1) / height + 1;
    return {block, perRow * rows.constant, 0, perRow * rows.perPatch};
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

  LogicalResult addResult(vit::LaunchOp launch, OpResult result, int64_t place,
                          int64_t imagePlace) {
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
    if (sizes) {
      if (place % 16 != 0 || imagePlace % 16 != 0 || imagePlace < 0)
        return launch.emitOpError("expected places that are multiples of 16, but got ")
               << place << " and " << imagePlace;
      vit::TokenCount rows = rowsOf(type);
      uint64_t row = bytesPerImage(type) / vit::rowsPerImage(type);
      places[result] = {VIT_ARG_BUFFER, uint32_t(buffers.size()), 0, {}};
      buffers.push_back({data.keep(labelFor(launch)),
                         {0, uint64_t(imagePlace), 0, uint64_t(place)},
                         perTokens(rows, row)});
      workspaceBytes.perPatch =
          std::max(workspaceBytes.perPatch, uint64_t(place) + rows.perPatch * row);
      workspaceBytes.perImage =
          std::max(workspaceBytes.perImage, uint64_t(imagePlace) + rows.constant * row);
      return success();
    }
    if (place % 256 != 0)
      return launch.emitOpError("expected places that are multiples of 256, but got ") << place;
    uint64_t bytes = bytesPerImage(type);
    places[result] = {VIT_ARG_BUFFER, uint32_t(buffers.size()), 0, {}};
    buffers.push_back({data.keep(labelFor(launch)), perImage(place), perImage(bytes)});
    workspaceBytes.perImage =
        std::max(workspaceBytes.perImage, llvm::alignTo(uint64_t(place) + bytes, 256));
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
    if (tensor.hasStaticShape() || sizes) // vit-plan-memory, and each workspace, see to any size
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
  const std::optional<vit::AnySize> sizes; // none: one size
  vit_plan plan = {};
  llvm::DenseMap<Value, vit_arg> places; // with written = 0: how a later launch reads it
  std::vector<vit_step> steps;
  uint32_t launchCount = 0;
  std::vector<vit_buffer> buffers;
  struct {
    uint64_t perImage = 0, perPatch = 0;
  } workspaceBytes;
  uint64_t scratchBytes = 0, counterBytes = 0;
};

} // namespace

FailureOr<vit_plan> vitc::codegen::buildPlan(const PlanInput &input, LibraryData &data) {
  return PlanBuilder(input, data).build();
}
