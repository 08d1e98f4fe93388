//===- LibraryData.cpp - What a generated library holds -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A walk over the launches of a planned module. Nothing is decided here: where
// a value lives is in `places`, the launch geometry and the batches come with
// each function of the kernel, and the order of launches is that of the text.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/LibraryData.h"
#include "codegen/library/Recipe.h"
#include "passes/CostBridge.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitc;

//===----------------------------------------------------------------------===//
// What others ask of a module
//===----------------------------------------------------------------------===//

bool vitc::attendsOverBatch(ModuleOp module) {
  return module
      .walk([](vit::AttentionOp attention) {
        return attention.getAxis() == vit::Axis::Batch ? WalkResult::interrupt()
                                                       : WalkResult::advance();
      })
      .wasInterrupted();
}

FunctionOpInterface vitc::findModel(ModuleOp module) {
  func::FuncOp model;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.getName() == "prepare")
      continue;
    if (model) {
      function.emitOpError("is a second model: expected one function beside @prepare, but got @")
          << model.getName() << " too";
      return {};
    }
    model = function;
  }
  if (!model) {
    module.emitError("expected a function that is the model, but got none");
    return {};
  }
  if (!model.getBody().hasOneBlock()) {
    model.emitOpError("expected a body of one block");
    return {};
  }
  return model;
}

static void collectNames(Location location, llvm::SmallVectorImpl<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    if (!llvm::is_contained(names, name.getName().getValue()))
      names.push_back(name.getName().getValue());
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collectNames(part, names);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collectNames(call.getCallee(), names);
  }
}

std::string vitc::labelOf(Location location) {
  llvm::SmallVector<StringRef> names;
  collectNames(location, names);
  return llvm::join(names, "+");
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {

class LibraryBuilder {
public:
  LibraryBuilder(ModuleOp module, ArrayRef<KernelCode> kernels, const LibraryOptions &options)
      : module(module), codes(kernels), options(options), data(std::make_unique<LibraryData>()) {}

  FailureOr<std::unique_ptr<LibraryData>> build() {
    model = findModel(module);
    if (!model)
      return failure();
    describe();
    if (failed(addTensors()) || failed(addKernels()) ||
        failed(buildRecipe(module.lookupSymbol<func::FuncOp>("prepare"), *data)))
      return failure();
    for (BlockArgument argument : model.getFunctionBody().getArguments())
      places[argument] = {VIT_ARG_INPUT, argument.getArgNumber(), 0};
    for (Operation &op : model.getFunctionBody().front().without_terminator())
      if (failed(addOp(&op)))
        return failure();
    if (failed(checkOutputs()))
      return failure();
    finish();
    return std::move(data);
  }

private:
  void describe() {
    vit_library &library = data->library;
    library.abi = VIT_ABI;
    library.size = sizeof(vit_library);
    library.name = data->keep(options.name);
    library.compiler = data->keep(compilerIdentity());
    library.assembler =
        data->keep(options.assembler.empty() ? "none: PTX only" : options.assembler);
    library.max_batch = options.maxBatch;
    library.batch_axis = attendsOverBatch(module);
    std::vector<const char *> names;
    if (auto ignored = model->getAttrOfType<ArrayAttr>("vit.ignored"))
      for (StringRef name : ignored.getAsValueRange<StringAttr>())
        names.push_back(data->keep(name));
    library.ignored = data->keep(names);
    library.ignored_count = names.size();
  }

  LogicalResult addTensor(Type type, StringAttr name, const llvm::Twine &what,
                          std::vector<vit_tensor> &list) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !vit::isBatchTensor(tensor) || tensor.getRank() > VIT_MAX_RANK)
      return model.emitError() << "expected " << what << " to be a batch tensor of rank "
                               << VIT_MAX_RANK << " at most, but got " << type;
    if (!name)
      return model.emitError() << "expected a 'vit.name' on " << what;
    for (const vit_tensor &other : list)
      if (name == other.name)
        return model.emitError() << "expected names that differ, but '" << name.getValue()
                                 << "' is there twice";
    vit_tensor entry = {};
    entry.name = data->keep(name.getValue());
    entry.dtype = dtypeOf(tensor.getElementType());
    entry.rank = tensor.getRank();
    llvm::copy(tensor.getShape(), entry.shape);
    entry.shape[0] = -1;
    list.push_back(entry);
    return success();
  }

  LogicalResult addTensors() {
    std::vector<vit_tensor> inputs, outputs;
    for (auto [i, type] : llvm::enumerate(model.getArgumentTypes()))
      if (failed(addTensor(type, model.getArgAttrOfType<StringAttr>(i, "vit.name"),
                           "argument " + llvm::Twine(i), inputs)))
        return failure();
    for (auto [i, type] : llvm::enumerate(model.getResultTypes()))
      if (failed(addTensor(type, model.getResultAttrOfType<StringAttr>(i, "vit.name"),
                           "result " + llvm::Twine(i), outputs)))
        return failure();
    if (outputs.empty())
      return model.emitError("expected a model with results");
    data->library.inputs = data->keep(inputs);
    data->library.input_count = inputs.size();
    data->library.outputs = data->keep(outputs);
    data->library.output_count = outputs.size();
    return success();
  }

  LogicalResult addKernels() {
    std::vector<vit_kernel> list;
    for (const KernelCode &code : codes) {
      std::vector<vit_machine_code> images;
      for (const MachineCode &machine : code.codes)
        images.push_back(
            {data->keep(machine.arch), data->keep(StringRef(machine.image)), machine.image.size()});
      for (const vit_kernel &other : list)
        if (code.name == other.name)
          return module.emitError() << "two functions of kernels are named '" << code.name
                                    << "': rename one of the kernels";
      vit_kernel kernel = {};
      kernel.name = data->keep(code.name);
      kernel.base = data->keep(code.kernel);
      kernel.schedule = data->keep(scheduleText(code.schedule));
      kernel.hash = hashOf(module.lookupSymbol<vit::KernelOp>(code.kernel));
      kernel.part = code.part;
      kernel.ptx = data->keep(code.ptx);
      kernel.ptx_size = code.ptx.size();
      kernel.codes = data->keep(images);
      kernel.code_count = images.size();
      kernel.threads = code.launch.threads;
      kernel.dynamic_smem = code.launch.dynamicSmem;
      list.push_back(kernel);
    }
    data->library.kernels = data->keep(list);
    data->library.kernel_count = list.size();
    return success();
  }

  LogicalResult addOp(Operation *op) {
    if (auto prepared = dyn_cast<vit::PreparedOp>(op)) {
      places[prepared.getResult()] = {VIT_ARG_WEIGHT, uint32_t(prepared.getIndex()), 0};
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
          if (first <= options.maxBatch)
            uses.push_back({uint32_t(i), uint32_t(first),
                            uint32_t(std::min<int64_t>(last, options.maxBatch))});
    // Parts of one range are in order already.
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
    if (served == options.maxBatch)
      return success();
    return launch.emitOpError("has no code of kernel @")
           << launch.getKernel() << " for batch " << served + 1 << " of " << options.maxBatch;
  }

  LogicalResult addStep(vit::LaunchOp launch, ArrayRef<vit_arg> args, uint32_t function,
                        uint32_t first, uint32_t last) {
    const KernelCode &code = codes[function];
    auto kernel = module.lookupSymbol<vit::KernelOp>(code.kernel);
    auto result = cast<RankedTensorType>(launch.getResults_().front().getType());
    uint32_t rows = isOnRows(kernel) ? vit::rowsPerImage(result) : 1;
    std::vector<vit_arg> all(args.begin(), args.end());
    if (uint64_t bytes = scratchOf(launch, code)) {
      bool writes = code.part == 0; // the results come with the last part
      for (vit_arg &arg : all)
        arg.written &= !writes;
      if (failed(checkScratch(launch, bytes, last)))
        return failure();
      all.push_back({VIT_ARG_SCRATCH, uint32_t(bytes), writes});
      data->library.scratch_bytes =
          std::max(data->library.scratch_bytes, llvm::alignTo(bytes * last, 256));
    }
    all.push_back({VIT_ARG_COUNT, rows, 0});

    vit_step step = {};
    step.label = data->keep(labelFor(launch));
    step.kernel = function;
    step.min_batch = first;
    step.max_batch = last;
    step.launch = launchCount;
    for (auto [extent, from] : llvm::zip(step.grid, code.launch.grid))
      extent = {uint32_t(from.perCount * rows), uint32_t(from.divisor), uint32_t(from.times)};
    step.arg_count = all.size();
    step.args = data->keep(all);
    steps.push_back(step);
    return success();
  }

  /// Bytes for each image between the parts of a kernel.
  static uint64_t scratchOf(vit::LaunchOp launch, const KernelCode &code) {
    return cost::geometryOf(workOf(launch), scheduleOf(code.schedule), code.part).scratch;
  }

  /// Of scratch memory too.
  static LogicalResult checkScratch(vit::LaunchOp launch, uint64_t bytes, uint32_t batch) {
    uint64_t limit = uint64_t(1) << 31;
    if (bytes * batch <= limit)
      return success();
    return launch.emitOpError("needs ")
           << bytes << " bytes of scratch memory per image, " << bytes * batch << " for batch "
           << batch << ", but kernels address " << limit << "; its schedule has too many splits";
  }

  LogicalResult addResult(vit::LaunchOp launch, OpResult result, int64_t place) {
    auto type = cast<RankedTensorType>(result.getType());
    if (place < 0) {
      uint64_t index = -1 - place;
      if (index >= data->library.output_count)
        return launch.emitOpError("places result ")
               << result.getResultNumber() << " in output " << index << ", but the model has "
               << data->library.output_count;
      places[result] = {VIT_ARG_OUTPUT, uint32_t(index), 0};
      return success();
    }
    if (place % 256 != 0)
      return launch.emitOpError("expected places that are multiples of 256, but got ") << place;
    uint64_t bytes = bytesPerImage(type);
    places[result] = {VIT_ARG_BUFFER, uint32_t(buffers.size()), 0};
    buffers.push_back({data->keep(labelFor(launch)), uint64_t(place), bytes});
    data->library.workspace_bytes =
        std::max(data->library.workspace_bytes, llvm::alignTo(uint64_t(place) + bytes, 256));
    return success();
  }

  static uint64_t bytesPerImage(RankedTensorType type) {
    uint64_t bytes = sizeOf(dtypeOf(type.getElementType()));
    for (int64_t size : type.getShape().drop_front())
      bytes *= size;
    return bytes;
  }

  /// Kernels compute byte offsets in 32 bits.
  LogicalResult checkAddress(vit::LaunchOp launch, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.hasStaticShape())
      return success();
    uint64_t bytes = bytesPerImage(tensor), limit = uint64_t(1) << 31;
    if (bytes * options.maxBatch <= limit)
      return success();
    return launch.emitOpError("needs ")
           << bytes << " bytes per image in one tensor, " << bytes * options.maxBatch
           << " for max-batch " << options.maxBatch << ", but kernels address " << limit
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

  void finish() {
    vit_library &library = data->library;
    library.steps = data->keep(steps);
    library.step_count = steps.size();
    library.buffers = data->keep(buffers);
    library.buffer_count = buffers.size();
  }

  ModuleOp module;
  ArrayRef<KernelCode> codes;
  const LibraryOptions &options;
  std::unique_ptr<LibraryData> data;
  FunctionOpInterface model;
  llvm::DenseMap<Value, vit_arg> places; // with written = 0: how a later launch reads it
  std::vector<vit_step> steps;
  uint32_t launchCount = 0;
  std::vector<vit_buffer> buffers;
};

} // namespace

FailureOr<std::unique_ptr<LibraryData>>
vitc::buildLibrary(ModuleOp module, ArrayRef<KernelCode> kernels, const LibraryOptions &options) {
  return LibraryBuilder(module, kernels, options).build();
}
