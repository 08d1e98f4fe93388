//===- LibraryData.cpp - What a generated library holds -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What the plans of a library share: a second plan adds what the first does not
// have. What is launched is in PlanBuilder.cpp, how weights are made in
// Recipe.cpp.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/LibraryData.h"
#include "codegen/library/PlanBuilder.h"
#include "codegen/library/RecipeBuilder.h"
#include "passes/Kernels.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

//===----------------------------------------------------------------------===//
// What others ask of a module
//===----------------------------------------------------------------------===//

bool vitc::codegen::attendsOverBatch(ModuleOp module) {
  return module
      .walk([](vit::TokenInterface op) {
        return op.mixesImages() ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
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

std::string vitc::codegen::labelOf(Location location) {
  llvm::SmallVector<StringRef> names;
  collectNames(location, names);
  return llvm::join(names, "+");
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

static bool sameText(const char *a, const char *b) { return StringRef(a) == StringRef(b); }

/// Whether both are the same function with the same code, for a GPU.
static bool sameKernel(const vit_kernel &a, const vit_kernel &b) {
  const auto &x = *static_cast<const vit_cuda_code *>(a.code);
  const auto &y = *static_cast<const vit_cuda_code *>(b.code);
  auto sameImage = [](const vit_machine_code &image, const vit_machine_code &other) {
    auto bytes = [](const vit_machine_code &code) {
      return StringRef(static_cast<const char *>(code.image), code.size);
    };
    return sameText(image.arch, other.arch) && bytes(image) == bytes(other);
  };
  return sameText(a.name, b.name) && sameText(a.base, b.base) && sameText(a.schedule, b.schedule) &&
         a.hash == b.hash && x.threads == y.threads && x.dynamic_smem == y.dynamic_smem &&
         sameText(x.ptx, y.ptx) &&
         std::equal(x.codes, x.codes + x.code_count, y.codes, y.codes + y.code_count, sameImage);
}

namespace {

/// What plans share is stored once: tensors, weights, and functions whose code is equal.
class LibraryBuilder {
public:
  LibraryBuilder(const LibraryOptions &options)
      : options(options), data(std::make_unique<LibraryData>()) {}

  FailureOr<std::unique_ptr<LibraryData>> build(ArrayRef<PlanSource> sources) {
    describe();
    auto isCpu = [](const PlanSource &source) { return source.cpu != nullptr; };
    assert(std::is_partitioned(sources.begin(), sources.end(), std::not_fn(isCpu)) &&
           "plans of a target stand together");
    for (const auto &[i, source] : llvm::enumerate(sources)) {
      if (i != 0 && isCpu(source) && !isCpu(sources[i - 1]))
        endTarget(VIT_TARGET_CUDA);
      if (failed(addPlan(source)))
        return failure();
    }
    endTarget(llvm::any_of(sources, isCpu) ? VIT_TARGET_CPU : VIT_TARGET_CUDA);
    if (targets.size() == 1) // all of it
      targets.front().weight_begin = targets.front().weight_end = 0;
    vit_library &library = data->library;
    library.ignored = data->keep(ignored);
    library.ignored_count = ignored.size();
    library.targets = data->keep(targets);
    library.target_count = targets.size();
    library.plans = data->keep(plans);
    library.plan_count = plans.size();
    return std::move(data);
  }

private:
  /// What was added since the last is a target.
  void endTarget(vit_target_kind kind) {
    uint64_t begin = targets.empty() ? 0 : targets.back().weight_end;
    targets.push_back({uint32_t(kind), uint32_t(kernels.size()), data->keep(kernels), begin,
                       data->library.weight_bytes});
    kernels.clear();
    firstWeight = data->library.weight_count;
  }

  void describe() {
    vit_library &library = data->library;
    library.abi = VIT_ABI;
    library.size = sizeof(vit_library);
    library.name = data->keep(options.name);
    library.compiler = data->keep(compilerIdentity());
    library.assembler =
        data->keep(options.assembler.empty() ? "none: PTX only" : options.assembler);
    library.max_batch = options.maxBatch;
    std::vector<const char *> labels;
    for (const std::string &label : options.labels)
      labels.push_back(data->keep(label));
    library.labels = data->keep(labels);
    library.label_count = labels.size();
    if (options.preprocessing)
      library.preprocessing = data->keep(std::vector{*options.preprocessing});
  }

  LogicalResult addPlan(const PlanSource &source) {
    PlanInput input;
    input.module = source.module;
    llvm::Expected<func::FuncOp> model = vit::findModel(source.module);
    if (!model)
      return input.module.emitError(llvm::toString(model.takeError()));
    input.model = *model;
    if (failed(addTensors(input.model)))
      return failure();
    data->library.batch_axis |= attendsOverBatch(source.module);
    addIgnored(input.model);
    std::vector<uint32_t> functions, weights;
    std::vector<KernelCode> ofCpu;
    if (source.cpu) {
      addCpuKernels(source, functions);
      ofCpu = launchShapes(*source.cpu);
    } else if (failed(addKernels(source, functions))) {
      return failure();
    }
    if (failed(addRecipe(input.module.lookupSymbol<func::FuncOp>(vit::prepareName), *data, weights,
                         firstWeight, vit::anySizeOf(input.module).has_value())))
      return failure();
    input.codes = source.cpu ? ArrayRef(ofCpu) : source.kernels;
    input.target = targets.size();
    input.kernels = functions;
    input.weights = weights;
    input.maxBatch = options.maxBatch;
    FailureOr<vit_plan> plan = buildPlan(input, *data);
    if (failed(plan))
      return failure();
    for (const vit_plan &other : plans)
      if (other.target == plan->target && other.max_tokens == plan->max_tokens &&
          other.height == plan->height && other.width == plan->width)
        return input.model.emitError("expected plans for images of different sizes, but ")
               << plan->height << "x" << plan->width << " is there twice";
    plans.push_back(*plan);
    return success();
  }

  void addIgnored(FunctionOpInterface model) {
    if (auto names = model->getAttrOfType<ArrayAttr>(ignoredName))
      for (StringRef name : names.getAsValueRange<StringAttr>())
        if (llvm::none_of(ignored, [&](const char *other) { return name == other; }))
          ignored.push_back(data->keep(name));
  }

  //===--- Tensors ---===//

  LogicalResult describeTensor(FunctionOpInterface model, Type type, StringAttr name,
                               const llvm::Twine &what, std::vector<vit_tensor> &list) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !vit::isBatchTensor(tensor) || tensor.getRank() > VIT_MAX_RANK)
      return model.emitError() << "expected " << what << " to be a batch tensor of rank "
                               << int(VIT_MAX_RANK) << " at most, but got " << type;
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

  LogicalResult addTensors(FunctionOpInterface model) {
    std::vector<vit_tensor> inputs, outputs;
    for (auto [i, type] : llvm::enumerate(model.getArgumentTypes()))
      if (failed(describeTensor(model, type, model.getArgAttrOfType<StringAttr>(i, "vit.name"),
                                "argument " + llvm::Twine(i), inputs)))
        return failure();
    for (auto [i, type] : llvm::enumerate(model.getResultTypes()))
      if (failed(describeTensor(model, type, model.getResultAttrOfType<StringAttr>(i, "vit.name"),
                                "result " + llvm::Twine(i), outputs)))
        return failure();
    if (outputs.empty())
      return model.emitError("expected a model with results");
    vit_library &library = data->library;
    if (!plans.empty() && (failed(join(model, {library.inputs, library.input_count}, inputs)) ||
                           failed(join(model, {library.outputs, library.output_count}, outputs))))
      return failure();
    library.inputs = data->keep(inputs);
    library.input_count = inputs.size();
    library.outputs = data->keep(outputs);
    library.output_count = outputs.size();
    return success();
  }

  /// Compares with the tensors of the plans before; sizes that differ are fixed no more.
  static LogicalResult join(FunctionOpInterface model, ArrayRef<vit_tensor> before,
                            std::vector<vit_tensor> &list) {
    auto same = [](const vit_tensor &a, const vit_tensor &b) {
      return sameText(a.name, b.name) && a.dtype == b.dtype && a.rank == b.rank;
    };
    if (!llvm::equal(before, list, same))
      return model.emitError("expected the inputs and outputs of the plans before, which differ in "
                             "names, types or ranks");
    for (auto [other, tensor] : llvm::zip_equal(before, list))
      for (uint32_t i = 0; i < tensor.rank; ++i)
        if (tensor.shape[i] != other.shape[i])
          tensor.shape[i] = -1;
    return success();
  }

  //===--- Kernels ---===//

  vit_kernel describeKernel(ModuleOp module, const KernelCode &code) {
    std::vector<vit_machine_code> images;
    for (const MachineCode &machine : code.codes)
      images.push_back(
          {data->keep(machine.arch), data->keep(StringRef(machine.image)), machine.image.size()});
    vit_cuda_code cuda = {};
    cuda.ptx = data->keep(code.ptx);
    cuda.ptx_size = code.ptx.size();
    cuda.codes = data->keep(images);
    cuda.code_count = images.size();
    cuda.threads = code.launch.threads;
    cuda.dynamic_smem = code.launch.dynamicSmem;
    vit_kernel kernel = {};
    kernel.name = data->keep(code.name);
    kernel.base = data->keep(code.kernel);
    kernel.schedule = data->keep(scheduleText(code.schedule));
    kernel.hash = hashOf(module.lookupSymbol<vit::KernelOp>(code.kernel));
    kernel.code = data->keep(std::vector{cuda});
    return kernel;
  }

  /// Forms without addresses: emitObject has them. Functions of one name are one.
  void addCpuKernels(const PlanSource &source, std::vector<uint32_t> &places) {
    data->cpuBitcode.push_back(source.cpu->bitcode);
    std::vector<vit_cpu_form> forms;
    for (vit_isa isa : source.cpu->isas)
      forms.push_back({uint32_t(isa), nullptr});
    for (const CpuFunction &function : source.cpu->functions) {
      auto found = llvm::find_if(
          kernels, [&](const vit_kernel &other) { return function.name == other.name; });
      places.push_back(found - kernels.begin());
      if (found != kernels.end())
        continue;
      vit_cpu_code code = {data->keep(forms), uint32_t(forms.size()), function.scratchBytes};
      vit_kernel kernel = {};
      kernel.name = data->keep(function.name);
      kernel.base = data->keep(function.kernel);
      kernel.schedule = data->keep(function.tile);
      ModuleOp module = source.module;
      kernel.hash = hashOf(module.lookupSymbol<vit::KernelOp>(function.kernel));
      kernel.code = data->keep(std::vector{code});
      kernels.push_back(kernel);
    }
  }

  /// Functions as plans see them: one for all batches, or numbers of rows.
  static std::vector<KernelCode> launchShapes(const CpuCode &cpu) {
    std::vector<KernelCode> codes;
    for (const CpuFunction &function : cpu.functions) {
      KernelCode code;
      code.name = code.kernel = function.kernel;
      code.batches = {{1, vit::mostOfRange}};
      std::copy(std::begin(function.grid), std::end(function.grid), std::begin(code.launch.grid));
      codes.push_back(std::move(code));
    }
    return codes;
  }

  /// `places`: of each function, the kernel that it is.
  LogicalResult addKernels(const PlanSource &source, std::vector<uint32_t> &places) {
    llvm::StringSet<> names;
    for (const KernelCode &code : source.kernels) {
      if (!names.insert(code.name).second)
        return source.module->emitError() << "two functions of kernels are named '" << code.name
                                          << "': rename one of the kernels";
      vit_kernel kernel = describeKernel(source.module, code);
      auto found = llvm::find_if(
          kernels, [&](const vit_kernel &other) { return sameKernel(kernel, other); });
      places.push_back(found - kernels.begin());
      if (found == kernels.end())
        kernels.push_back(kernel);
    }
    return success();
  }

  const LibraryOptions &options;
  std::unique_ptr<LibraryData> data;
  std::vector<const char *> ignored;
  std::vector<vit_target> targets;
  uint32_t firstWeight = 0;        // of the target that is built
  std::vector<vit_kernel> kernels; // of that target
  std::vector<vit_plan> plans;
};

} // namespace

FailureOr<std::unique_ptr<LibraryData>> vitc::codegen::buildLibrary(ArrayRef<PlanSource> plans,
                                                                    const LibraryOptions &options) {
  return LibraryBuilder(options).build(plans);
}
