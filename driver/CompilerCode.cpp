//===- CompilerCode.cpp - From kernels to what a library holds -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Code for GPUs in schedules that ptxas accepts, code for CPUs from a copy of the model, the parts
// of a library for images of any size, and all of them put together.
//
//===----------------------------------------------------------------------===//

#include "driver/Compiler.h"

#include "driver/Pictures.h"
#include "passes/CostBridge.h"
#include "runtime/Plan.h"
#include "runtime/Recipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

void Compiler::rememberAlternatives() {
  if (!allAlternatives.empty())
    return;
  for (auto kernel : root->getOps<vit::KernelOp>())
    if (auto schedules = kernel.getSchedules()) {
      auto list = schedules->getAsRange<vit::ScheduleAttr>();
      allAlternatives.push_back({kernel.getSymName().str(), {list.begin(), list.end()}});
    }
}

ArrayRef<vit::ScheduleAttr> Compiler::alternatives(StringRef kernel) const {
  for (const KernelAlternatives &alternatives : allAlternatives)
    if (alternatives.kernel == kernel)
      return alternatives.schedules;
  return {};
}

bool Compiler::isRefuted(StringRef kernel, vit::ScheduleAttr schedule) const {
  return ::llvm::any_of(refutedSchedules, [&](const RefutedSchedule &refuted) {
    return refuted.kernel == kernel && sameCode(refuted.schedule, schedule);
  });
}

void Compiler::reschedule(vit::KernelOp kernel, ArrayRef<vit::ScheduleAttr> schedules) {
  kernel.setSchedulesAttr(
      ArrayAttr::get(&context, SmallVector<Attribute>(schedules.begin(), schedules.end())));
  if (Operation *code = moduleOf(kernel))
    code->erase();
  level = std::min(level, kernels);
}

/// The --dtype for whose products a form is there, or null.
static const char *productsOf(vit_isa isa) {
  switch (isa) {
  case VIT_ISA_AVX2:
  case VIT_ISA_AVX512:
    return nullptr;
  case VIT_ISA_AVX512_VNNI:
    return "i8";
  case VIT_ISA_AVX512_BF16:
    return "bf16";
  }
  llvm_unreachable("all forms are above");
}

/// Those of --isa, or all that make a difference.
FailureOr<std::vector<vit_isa>> Compiler::cpuIsas() {
  std::vector<vit_isa> isas;
  for (vit_isa isa : {VIT_ISA_AVX2, VIT_ISA_AVX512, VIT_ISA_AVX512_VNNI, VIT_ISA_AVX512_BF16}) {
    bool named = ::llvm::is_contained(options.isas, isaName(isa));
    const char *products = productsOf(isa);
    bool helps = !products || options.dtype == products;
    if (named && !helps)
      return caller.error(
          "--isa {}: it has products of {}, of which code for CPUs has none with --dtype {}; "
          "give --dtype {}",
          isaName(isa).str(), products, options.dtype, products);
    if (named || (options.isas.empty() && helps))
      isas.push_back(isa);
  }
  return isas;
}

/// A copy of the model for CPUs: kernels for GPUs have other types and other fusions.
LogicalResult Compiler::copyForCpu() {
  if (cpuRoot)
    return success();
  if (failed(lowerTo(vit)))
    return failure();
  if (level != vit)
    return caller.error(
        "{}: the text has kernels of a GPU, of which no code for a CPU can be made; "
        "give the model",
        options.model);
  cpuRoot = root->clone();
  return success();
}

LogicalResult Compiler::generateCpu(const CpuCode *beside) {
  if (!cpu.functions.empty())
    return success();
  PipelineOptions pipeline = options;
  pipeline.maxBatch = maxBatch();
  PassManager manager(&context);
  buildCpuPipeline(manager, pipeline);
  if (failed(manager.run(*cpuRoot)))
    return failure();
  FailureOr<std::vector<vit_isa>> isas = cpuIsas();
  if (failed(isas))
    return failure();
  FailureOr<CpuCode> code = codegen::generateCpu(*cpuRoot, std::move(*isas), beside);
  if (failed(code))
    return failure();
  cpu = std::move(*code);
  return success();
}

/// The parts of a library for any size, read: what cannot be one is refused before anything is
/// made.
LogicalResult Compiler::openParts() {
  partsSession = std::make_unique<Session>(caller.withoutNotes());
  CompileOptions part = options;
  part.maxBatch = maxBatch();
  part.wantedImage = std::nullopt;
  if (options.wantedImage) { // this one is the model at that size, which others look at
    part.imageSize.clear();
    part.maxTokens = 0;
    nativePart = std::make_unique<Compiler>(part, *partsSession);
    if (failed(nativePart->open()))
      return failure();
  }
  part.imageSize = options.imageSize;
  part.maxTokens = options.maxTokens;
  part.forAnySize = true;
  part.tuning.clear(); // measured at batches of one size, for the plan of which it is
  if (part.tilePolicy == "tuned")
    part.tilePolicy = "model";
  anyPart = std::make_unique<Compiler>(part, *partsSession);
  return anyPart->open();
}

LogicalResult Compiler::generateParts(Oracle oracle) {
  if (nativePart && failed(nativePart->generateCuda(oracle)))
    return failure();
  return anyPart->generateCuda(oracle);
}

std::vector<Compiler *> Compiler::parts() {
  std::vector<Compiler *> result = {nativePart ? nativePart.get() : this};
  if (anyPart)
    result.push_back(anyPart.get());
  return result;
}

LogicalResult Compiler::copyForCpus() {
  if (!hasTarget(VIT_TARGET_CPU))
    return success();
  return success(
      ::llvm::all_of(parts(), [](Compiler *part) { return succeeded(part->copyForCpu()); }));
}

LogicalResult Compiler::generateForCpus() {
  if (!hasTarget(VIT_TARGET_CPU))
    return success();
  auto generateAll = [&] {
    const CpuCode *beside = nullptr;
    for (Compiler *part : parts()) {
      if (failed(part->generateCpu(beside)))
        return failure();
      beside = &part->cpu;
    }
    return success();
  };
  if (::llvm::is_contained(options.targets, "cpu"))
    return generateAll();
  std::string why;
  std::vector<std::unique_ptr<ScopedDiagnosticHandler>> handlers;
  for (Compiler *part : parts())
    handlers.push_back(std::make_unique<ScopedDiagnosticHandler>(
        &part->context, [&why](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error && why.empty())
            why = diagnostic.str();
          return success();
        }));
  if (succeeded(generateAll()))
    return success();
  if (why.empty()) // it was said
    return failure();
  caller.warn("no code for CPUs: {}; --target cuda asks for none", why);
  ::llvm::erase(targets, VIT_TARGET_CPU);
  return success();
}

LogicalResult Compiler::generate(Oracle oracle) {
  if (failed(copyForCpus()) || (hasTarget(VIT_TARGET_CUDA) && failed(generateCuda(oracle))))
    return failure();
  return generateForCpus();
}

LogicalResult Compiler::generateCuda(Oracle oracle) {
  if (takesAnySize() && failed(generateParts(oracle)))
    return failure();
  if (nativePart) {
    ptxasName = nativePart->ptxasName;
    return success();
  }
  if (failed(lowerTo(kernels)))
    return failure();
  rememberAlternatives();
  if (failed(lowerTo(llvm)))
    return failure();
  if (oracle == Oracle::none && !isRequired("no-spill"))
    return translateAll();
  std::string error;
  std::string ptxas = findPtxas(options.ptxas, error);
  if (!error.empty())
    return caller.error(error);
  if (!ptxas.empty())
    return settleAll(ptxas, oracle);
  if (isRequired("no-spill"))
    return caller.error("--require=no-spill: there is no ptxas to ask; name one with --ptxas");
  if (oracle == Oracle::decides)
    caller.warn("no ptxas: the library holds PTX only, which the driver compiles when the model is "
                "loaded");
  return translateAll();
}

/// The first alternatives, whatever they need.
LogicalResult Compiler::translateAll() {
  settled = {};
  for (auto kernel : root->getOps<vit::KernelOp>()) {
    FailureOr<std::vector<KernelCode>> functions = readFunctions(kernel);
    if (failed(functions))
      return failure();
    ::llvm::append_range(settled.functions, *functions);
  }
  const cost::Gpu &gpu = *cost::findGpu(options.gpu);
  for (const KernelCode &function : settled.functions)
    if (function.launch.dynamicSmem > uint64_t(gpu.smemPerBlock))
      return caller.error("kernel '{}' needs {} bytes of shared memory, but {} has {} for a block; "
                          "choose a smaller tile or fewer stages",
                          function.name, function.launch.dynamicSmem, gpu.name, gpu.smemPerBlock);
  return translateToPtx(*root, arch(), settled.functions);
}

LogicalResult Compiler::settleAll(const std::string &ptxas, Oracle oracle) {
  ptxasName = ptxasIdentity(ptxas);
  Assembler assembler;
  assembler.ptxas = ptxas;
  assembler.archs = options.archs.empty() ? std::vector{arch()} : options.archs;
  assembler.jobs = options.jobs;
  assembler.sharedLimit = cost::findGpu(options.gpu)->smemPerBlock;
  assembler.stop = caller.stop;
  if (caller.progress)
    assembler.progress = [this](size_t done, size_t all) {
      caller.progress("assembling kernel", done, all);
    };
  std::string error;
  if (failed(settleSchedules(*root, arch(), assembler, settled, error)))
    return error.empty() ? failure() : caller.error(error);
  ::llvm::append_range(refutedSchedules, settled.dropped);
  return judgeLeft(oracle);
}

/// Of kernels whose last alternative is refuted too.
LogicalResult Compiler::judgeLeft(Oracle oracle) const {
  if (settled.left.empty())
    return success();
  const RefutedSchedule &first = settled.left.front();
  std::string text = "kernel '" + first.function + "': " + first.problem;
  if (!options.tile.empty())
    text += "; choose a smaller --tile";
  else if (options.registerBudget)
    text += "; raise --register-budget above " + std::to_string(options.registerBudget);
  else if (!options.tuning.empty())
    text += "; it is the schedule of --tuning: run vitc tune again";
  else
    text += ", and no schedule is left; fuse less with --no-fuse, or name a smaller --tile";
  for (const RefutedSchedule &other : ArrayRef(settled.left).drop_front())
    text += (&other == &settled.left[1] ? "; also '" : ", '") + other.function + "'";
  if (oracle == Oracle::decides || isRequired("no-spill"))
    return caller.error(text);
  return caller.say(driver::Diagnostic::Warning, text), success();
}

Report Compiler::report() const {
  ReportSource source;
  source.module = module();
  source.functions = settled.functions;
  source.refuted = refutedSchedules;
  source.alternatives = allAlternatives;
  source.fusions = notes;
  source.preferences = *preferences(); // the passes have read them before
  source.policy = options.tile.empty() ? options.tilePolicy : "pinned";
  source.maxBatch = maxBatch();
  Report report;
  if (hasTarget(VIT_TARGET_CUDA)) {
    report = makeReport(source);
  } else { // nothing was built for it
    report.gpu = options.gpu;
    report.policy = source.policy;
    report.maxBatch = source.maxBatch;
  }
  report.model = modelName(options.model);
  if (hasTarget(VIT_TARGET_CPU))
    report.cpu = makeCpuReport(*native().cpuRoot, native().cpu, maxBatch());
  if (import)
    report.noPictures = import->noPictures;
  return report;
}

std::unique_ptr<LibraryData> Compiler::link(const std::string &name) {
  LibraryOptions settings;
  settings.name = name;
  settings.assembler = ptxasName;
  settings.maxBatch = maxBatch();
  settings.labels = classLabels;
  if (import && import->pictures)
    settings.preprocessing = preprocessingOf(*import->pictures);
  std::vector<PlanSource> sources;
  if (hasTarget(VIT_TARGET_CUDA))
    for (const Compiler *part : parts())
      sources.push_back({*part->root, part->settled.functions});
  if (hasTarget(VIT_TARGET_CPU))
    for (const Compiler *part : parts())
      sources.push_back({*part->cpuRoot, {}, &part->cpu});
  auto data = buildLibrary(sources, settings);
  if (failed(data))
    return nullptr;
  // By the code that will read it: what it refuses is refused here, not where it is deployed.
  vitrt::Status good = vitrt::checkLibrary((*data)->view());
  std::string problem = good ? "" : good.message();
  if (auto recipe = vitrt::checkRecipe(*(*data)->view()); problem.empty() && !recipe)
    problem = recipe.error();
  if (!problem.empty())
    return (void)caller.error("{}: what was built cannot be loaded, which is an error of vitc: {}",
                              options.model, problem),
           nullptr;
  return std::move(*data);
}
