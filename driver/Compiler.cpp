//===- Compiler.cpp - From MODEL to code, step by step --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Compiler.h"

#include "codegen/library/Emit.h"
#include "codegen/library/PtxText.h"
#include "driver/Pictures.h"
#include "driver/run/MlirText.h"
#include "driver/run/Threads.h"
#include "driver/run/Tuning.h"
#include "passes/CostBridge.h"
#include "passes/cost/families/Attention.h"
#include "runtime/Plan.h"
#include "runtime/Recipe.h"
#include "weights/Safetensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

std::string driver::modelName(StringRef model) {
  SmallString<128> path(model);
  (void)llvm::sys::fs::make_absolute(path);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  StringRef last = llvm::sys::path::filename(path);
  if (last == "." || last == "/") // "dir/" ends so
    last = llvm::sys::path::filename(llvm::sys::path::parent_path(path));
  if (last == "config.json")
    last = llvm::sys::path::filename(llvm::sys::path::parent_path(path));
  last.consume_back_insensitive(".mlir");
  std::string name = makeIdentifier(last);
  return isIdentifier(name) ? name : name + "_model";
}

//===----------------------------------------------------------------------===//
// Diagnostics and remarks
//===----------------------------------------------------------------------===//

namespace {

/// Keeps what vit-fuse says.
class FusionCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit FusionCollector(std::vector<FusionNote> &notes) : notes(notes) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    FusionNote note;
    note.location = labelOf(remark.getLocation());
    for (const auto &arg : remark.getArgs()) {
      if (arg.key == "Ops")
        note.ops = arg.val;
      else if (arg.key == "Reason")
        note.reason = arg.val;
    }
    note.made = note.reason.empty();
    notes.push_back(std::move(note));
  }

private:
  std::vector<FusionNote> &notes;
};

} // namespace

void Compiler::collectFusions() {
  remark::RemarkCategories categories;
  categories.passed = categories.missed = "vit-fuse";
  LogicalResult enabled = remark::enableOptimizationRemarks(
      context, std::make_unique<FusionCollector>(notes),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
  assert(succeeded(enabled) && "the categories are valid expressions");
  (void)enabled;
}

/// Diagnostics of a checkpoint, whose user has no text to point at, but layers have names. Only the
/// first error is reported, for it is one line.
void Compiler::report(mlir::Diagnostic &diagnostic) {
  std::string text = options.model + ": ";
  std::string label = labelOf(diagnostic.getLocation()), message = diagnostic.str();
  if (!label.empty() && message.find(label) == std::string::npos)
    text += "'" + label + "': ";
  text += message;
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
    caller.say(driver::Diagnostic::Warning, text);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error && !std::exchange(reported, true))
    (void)caller.error(text);
}

namespace {

/// Diagnostics of a .mlir file, with its lines.
class LocatedHandler : public SourceMgrDiagnosticHandler {
public:
  LocatedHandler(::llvm::SourceMgr &sources, MLIRContext *context, const Session &session,
                 const std::function<void(mlir::Diagnostic &)> &reportUnlocated)
      : SourceMgrDiagnosticHandler(sources, context, stream) {
    setHandler([this, &session, reportUnlocated](mlir::Diagnostic &diagnostic) {
      // What the importer wrote has names instead of lines.
      if (!diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
        return reportUnlocated(diagnostic);
      if (diagnostic.getSeverity() == DiagnosticSeverity::Remark || !session.diagnose)
        return;
      emitDiagnostic(diagnostic);
      bool error = diagnostic.getSeverity() == DiagnosticSeverity::Error;
      session.diagnose({error ? driver::Diagnostic::Error : driver::Diagnostic::Warning,
                        std::exchange(text, {}), /*located=*/true});
    });
  }

private:
  std::string text;
  ::llvm::raw_string_ostream stream{text};
};

} // namespace

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Compiler::Compiler(CompileOptions given, const Session &session)
    : options(std::move(given)), caller(session.warningOnce(said)),
      handler(std::make_shared<ScopedDiagnosticHandler>(
          &context, [this](mlir::Diagnostic &diagnostic) { report(diagnostic); })) {
  DialectRegistry registry;
  registry.insert<vit::VitDialect, func::FuncDialect>();
  registerCodegenDialects(registry);
  context.appendDialectRegistry(registry);
  context.printOpOnDiagnostic(false);
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  if (options.jobs == 0)
    options.jobs = cores;
  unsigned spare = spareThreads(std::max<unsigned>(options.jobs, cores));
  options.jobs = std::max(1u, std::min<unsigned>(options.jobs, spare));
  if (spare < cores) // the context would start as many as there are cores
    context.disableMultithreading();
  collectFusions();
  if (options.targets.empty() || ::llvm::is_contained(options.targets, "cuda"))
    targets.push_back(VIT_TARGET_CUDA);
  if (::llvm::is_contained(options.targets, "cpu"))
    targets.push_back(VIT_TARGET_CPU);
}

Compiler::~Compiler() = default;

std::string Compiler::directory() const {
  if (llvm::sys::fs::is_directory(options.model))
    return options.model;
  StringRef parent = llvm::sys::path::parent_path(options.model);
  return parent.empty() ? "." : parent.str();
}

LogicalResult Compiler::open() {
  if (failed(checkOptions(options, caller)))
    return failure();
  StringRef extension = llvm::sys::path::extension(options.model);
  if (failed(extension.equals_insensitive(".mlir") ? readText() : readCheckpoint()))
    return failure();
  if (auto model = vit::findModel(module()); !model)
    return module().emitError(llvm::toString(model.takeError()));
  if (failed(checkImageSize()) || failed(readLabels()) || failed(readBytes()))
    return failure();
  if (!root->getOps<vit::KernelOp>().empty())
    level = hasCode(*root) ? llvm : kernels;
  if (failed(checkLateOptions()) || failed(checkScheduled()))
    return failure();
  if (!import && vit::anySizeOf(module()))
    return caller.error("{}: the text is one plan of a library for images of any size, which has "
                        "another for one size; build it of the checkpoint, with --image-size any",
                        options.model);
  return takesAnySize() ? openParts() : success();
}

/// What matrix products of kernels read, as --dtype has it; "" where there are none.
static std::string dtypeOfKernels(ModuleOp module) {
  Type type;
  for (auto kernel : module.getOps<vit::KernelOp>())
    kernel.walk([&](Operation *op) {
      if (auto linear = dyn_cast<vit::LinearOp>(op))
        type = linear.getWeight().getType().getElementType();
      else if (auto attention = dyn_cast<vit::AttentionOp>(op))
        type = attention.getQuery().getType().getElementType();
    });
  std::string name;
  if (type)
    llvm::raw_string_ostream(name) << type;
  return name;
}

/// What was decided when the text was made cannot be asked for any more.
LogicalResult Compiler::checkLateOptions() {
  if (level == model)
    return success();
  const char *name = level == llvm ? "llvm" : "kernels";
  if (std::string late = lateOption(options); !late.empty())
    return caller.error("{}: {} has no effect, for the text is of the level {}, in which that is "
                        "decided; leave it out, or give it where the text is made of the model",
                        options.model, late, name);
  std::string dtype = dtypeOfKernels(*root);
  if (dtype.empty())
    return success();
  if (dtype != options.dtype && (options.dtypeGiven || options.dtype != CompileOptions().dtype))
    return caller.error(
        "{}: --dtype is {}, but the text is of the level {}, whose kernels compute in "
        "{}; leave it out",
        options.model, options.dtype, name, dtype);
  options.dtype = dtype;
  return success();
}

/// What --image-size says, else the size of the images at hand, if it is one.
FailureOr<std::optional<checkpoint::Size>> Compiler::imageSize() const {
  using Found = std::optional<checkpoint::Size>;
  if (options.forAnySize)
    return Found();
  if (options.imageSize.empty() || options.imageSize == "any") {
    if (!options.wantedImage || options.wantedImage->first < 1 || options.wantedImage->second < 1)
      return Found();
    return Found({options.wantedImage->first, options.wantedImage->second});
  }
  auto [height, width] = StringRef(options.imageSize).split('x');
  checkpoint::Size size;
  constexpr int64_t most = 1 << 16;
  if (height.getAsInteger(10, size.height) || width.getAsInteger(10, size.width) ||
      size.height < 1 || size.width < 1 || size.height > most || size.width > most)
    return caller.error("--image-size: expected HxW, each from 1 to {}, or any, found '{}'", most,
                        options.imageSize);
  return Found(size);
}

LogicalResult Compiler::readCheckpoint() {
  FailureOr<std::optional<checkpoint::Size>> size = imageSize();
  if (failed(size))
    return failure();
  checkpoint::PictureOptions pictures = {options.processor,
                                         options.imageSize.empty() ? std::nullopt : *size};
  checkpoint::ImportOptions wanted = {
      options.outputs, /*checkWeights=*/true, options.architecture, *size, pictures, {}};
  if (options.forAnySize)
    wanted.anySizeGrid = {vit::anyGrid[0], vit::anyGrid[1]};
  auto found = checkpoint::importCheckpoint(options.model, wanted);
  if (!found)
    return caller.error(found.error());
  if (!options.processor.empty() && !found->pictures)
    return caller.error(found->noPictures.empty()
                            ? "--processor: " + options.model + " has no preprocessor_config.json"
                            : found->noPictures);
  import.emplace(std::move(*found));
  for (const std::string &note : import->notes)
    caller.say(driver::Diagnostic::Note, note);
  root = parseSourceString<ModuleOp>(import->mlir(), ParserConfig(&context), "checkpoint");
  if (!root)
    return failure();
  return options.forAnySize ? markAnySize() : success();
}

/// Says that the model is one for any size, and refuses what is not made for that.
LogicalResult Compiler::markAnySize() {
  vit::PatchifyOp patchify;
  std::string why;
  root->walk([&](Operation *op) {
    if (auto patches = dyn_cast<vit::PatchifyOp>(op))
      patchify = patches;
    auto attention = dyn_cast<vit::AttentionOp>(op);
    if (isa<vit::MergePatchesOp>(op) || (attention && attention.getWindows()))
      why = "its attention is in windows, which must fill the grid of patches";
    else if (isa<vit::RelativeBiasOp>(op))
      why = "it adds a bias to each pair of patches";
    else if (attention && attention.mixesImages())
      why = "its images attend to each other";
  });
  if (!patchify)
    why = "it has no patches";
  if (!why.empty())
    return caller.error(
        "{}: --image-size any is not done for this model: {}; build it for one size, "
        "--image-size HxW",
        options.model, why);
  Builder builder(&context);
  function()->setAttr(
      vit::anySizeName,
      builder.getDictionaryAttr(
          {builder.getNamedAttr("max_tokens", builder.getI64IntegerAttr(
                                                  options.maxTokens ? options.maxTokens : 4096)),
           builder.getNamedAttr("patch", builder.getDenseI64ArrayAttr(patchify.getPatch()))}));
  return success();
}

LogicalResult Compiler::readText() {
  if (!options.outputs.empty())
    return caller.error(
        "{}: --outputs selects outputs of a checkpoint; a .mlir file has the results "
        "of its function",
        options.model);
  if (!options.processor.empty())
    return caller.error(
        "{}: --processor says how a checkpoint's pictures become its input; a .mlir "
        "file has no recipe, leave it out",
        options.model);
  if (!options.architecture.empty())
    return caller.error("{}: --architecture says what class a checkpoint is of; a .mlir file has "
                        "none, leave it out",
                        options.model);
  auto text = readMlir(options.model, caller.stop);
  if (!text)
    return caller.error("{}: {}", options.model, text.error());
  sources.AddNewSourceBuffer(::llvm::MemoryBuffer::getMemBufferCopy(*text, options.model),
                             ::llvm::SMLoc());
  handler = std::make_shared<LocatedHandler>(
      sources, &context, caller, [this](mlir::Diagnostic &diagnostic) { report(diagnostic); });
  root = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  return success(bool(root));
}

func::FuncOp Compiler::function() const { return llvm::cantFail(vit::findModel(module())); }

/// The text of a model has the sizes of its images in all its types.
LogicalResult Compiler::checkImageSize() {
  FailureOr<std::optional<checkpoint::Size>> wanted = imageSize();
  if (failed(wanted) || options.imageSize.empty())
    return success(succeeded(wanted));
  if (options.imageSize == "any")
    return import
               ? success()
               : caller.error("{}: --image-size any asks for a checkpoint: the images of a .mlir "
                              "file have the size that is in its types",
                              options.model);
  for (Type type : function().getArgumentTypes()) {
    auto image = dyn_cast<RankedTensorType>(type);
    if (!image || image.getRank() != 4)
      continue;
    auto [channels, height, width] = vit::imageShapeOf(image);
    if (height != (*wanted)->height || width != (*wanted)->width)
      return caller.error("{}: --image-size is {}, but the images of a .mlir file have the size "
                          "that is in its types, here {}x{}",
                          options.model, options.imageSize, height, width);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

/// What kernels that are in the text were scheduled for; 0 if there are none.
int64_t Compiler::scheduledBatch() const {
  int64_t scheduled = 0;
  for (auto kernel : module().getOps<vit::KernelOp>()) {
    int64_t most = 0;
    if (auto schedules = kernel.getSchedules())
      for (auto schedule : schedules->getAsRange<vit::ScheduleAttr>())
        most = std::max(most, schedule.getMaxBatch());
    if (most)
      scheduled = scheduled ? std::min(scheduled, most) : most;
  }
  return scheduled;
}

/// Whether a kernel of the text has a schedule for every batch up to the last it has one for.
static LogicalResult checkBatches(vit::KernelOp kernel) {
  FailureOr<std::vector<vit::ScheduleAttr>> ranges = activeSchedules(kernel);
  if (failed(ranges))
    return failure();
  int64_t next = 1;
  for (vit::ScheduleAttr range : *ranges) {
    if (range.getMinBatch() != next)
      return kernel.emitError() << "kernel '" << kernel.getSymName()
                                << "': expected schedules for all batches, found none for batch "
                                << next;
    next = range.getMaxBatch() + 1;
  }
  return success();
}

LogicalResult Compiler::checkScheduled() {
  for (auto kernel : module().getOps<vit::KernelOp>())
    if (kernel.getSchedules() && failed(checkBatches(kernel)))
      return failure();
  // Alternatives get predictions, too, though no code unless those before them spill.
  const cost::Gpu &gpu = *cost::findGpu(options.gpu);
  for (vit::LaunchOp launch : launchesOf(module())) {
    vit::KernelOp kernel = kernelOf(launch);
    std::optional<ArrayAttr> schedules = kernel.getSchedules();
    if (!schedules)
      continue;
    cost::Work work = workOf(launch);
    for (auto schedule : schedules->getAsRange<vit::ScheduleAttr>())
      if (std::string why =
              cost::objection(work, scheduleOf(schedule), cost::limitsOf(gpu, /*force=*/true));
          !why.empty())
        return kernel.emitError() << "kernel '" << kernel.getSymName() << "': schedule "
                                  << scheduleText(schedule) << ": " << why;
  }
  int64_t scheduled = scheduledBatch();
  if (!scheduled || options.maxBatch <= scheduled)
    return success();
  return caller.error("{}: --max-batch is {}, but its kernels are scheduled for at most {}",
                      options.model, options.maxBatch, scheduled);
}

uint32_t Compiler::maxBatch() const {
  if (options.maxBatch)
    return options.maxBatch;
  int64_t scheduled = scheduledBatch();
  if (options.wantedBatch)
    return scheduled ? std::min(scheduled, *options.wantedBatch) : *options.wantedBatch;
  if (scheduled)
    return scheduled;
  return 64;
}

LogicalResult Compiler::lowerTo(Level wanted) {
  for (Level next : {vit, kernels, llvm})
    if (level < next && next <= wanted) {
      if (failed(caller.checkStop()) || failed(runPasses(next, *root)))
        return failure();
      level = next;
    }
  return success();
}

OwningOpRef<ModuleOp> Compiler::pruned() {
  OwningOpRef<ModuleOp> copy = root->clone();
  if (level == model && failed(runPasses(vit, *copy)))
    return nullptr;
  return copy;
}

extern const char *const h200Profile; // driver/profiles/h200.json

/// What was measured on the device before, for kernels of any model: they are known by their hash.
/// Options that restrict schedules beyond the device's limits leave it out.
LogicalResult Compiler::readProfile(std::vector<std::string> &schedules) {
  if (options.gpu != "h200" || options.tilePolicy != "model" || !options.tile.empty() ||
      options.registerBudget || options.batchInvariant)
    return success();
  auto profile = parseTuning(h200Profile);
  if (!profile)
    return caller.error("the profile of {}: {}", options.gpu, profile.error());
  for (const TuningEntry &entry : profile->entries)
    schedules.push_back("* " + entry.kernelHash + " " + std::to_string(entry.rows) + " " +
                        entry.schedule);
  return success();
}

LogicalResult Compiler::readTuned(std::vector<std::string> &schedules) {
  if (options.tuning.empty())
    return readProfile(schedules);
  auto tuning = readTuning(options.tuning, caller.stop);
  if (!tuning)
    return caller.error(tuning.error());
  if (std::string why = objectionToDevice(tuning->gpu, options.gpu); !why.empty())
    return caller.error("tuning file {}: {}", vitrt::quoted(options.tuning), why);
  for (const TuningEntry &entry : tuning->entries)
    schedules.push_back(entry.kernel + " " + entry.kernelHash + " " + std::to_string(entry.batch) +
                        " " + entry.schedule);
  return success();
}

FailureOr<cost::Preferences> Compiler::preferences() const {
  return readPreferences(module(), options);
}

LogicalResult Compiler::runPasses(Level next, ModuleOp on) {
  PipelineOptions pipeline = options;
  pipeline.maxBatch = maxBatch();
  if (next == kernels && failed(readTuned(pipeline.tuned)))
    return failure();
  PassManager manager(&context);
  if (next == vit)
    buildModelPipeline(manager, pipeline);
  else if (next == kernels)
    buildKernelPipeline(manager, pipeline);
  else
    manager.addPass(createLowerKernelsPass());
  return manager.run(on);
}

std::string Compiler::arch() const {
  // Older machines cannot run code for newer ones, so text is for the oldest that was asked for.
  if (options.archs.empty())
    return cost::findGpu(options.gpu)->arch;
  return *std::min_element(
      options.archs.begin(), options.archs.end(), [](const std::string &a, const std::string &b) {
        return std::pair(a.size(), a) < std::pair(b.size(), b); // sm_89, sm_120
      });
}

bool Compiler::isRequired(StringRef what) const {
  return ::llvm::is_contained(options.require, what);
}

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

/// Those of --isa, or all that make a difference.
FailureOr<std::vector<vit_isa>> Compiler::cpuIsas() {
  bool bf16 = options.dtype == "bf16";
  std::vector<vit_isa> isas;
  for (vit_isa isa : {VIT_ISA_AVX2, VIT_ISA_AVX512, VIT_ISA_AVX512_BF16}) {
    bool named = ::llvm::is_contained(options.isas, isaName(isa)),
         ofBf16 = isa == VIT_ISA_AVX512_BF16;
    if (named && ofBf16 && !bf16)
      return caller.error(
          "--isa {}: it has products of bf16, but code for CPUs computes in f32 with --dtype {}; "
          "give --dtype bf16",
          isaName(isa).str(), options.dtype);
    if (named || (options.isas.empty() && (bf16 || !ofBf16)))
      isas.push_back(isa);
  }
  return isas;
}

/// From a copy of the model: kernels for GPUs have other types and other fusions.
LogicalResult Compiler::generateCpu() {
  if (cpuRoot)
    return success();
  if (failed(lowerTo(vit)))
    return failure();
  if (level != vit)
    return caller.error(
        "{}: the text has kernels of a GPU, of which no code for a CPU can be made; "
        "give the model",
        options.model);
  OwningOpRef<ModuleOp> copy = root->clone();
  PipelineOptions pipeline = options;
  pipeline.maxBatch = maxBatch();
  PassManager manager(&context);
  buildCpuPipeline(manager, pipeline);
  if (failed(manager.run(*copy)))
    return failure();
  FailureOr<std::vector<vit_isa>> isas = cpuIsas();
  if (failed(isas))
    return failure();
  FailureOr<CpuCode> code = codegen::generateCpu(*copy, std::move(*isas));
  if (failed(code))
    return failure();
  cpu = std::move(*code);
  cpuRoot = std::move(copy);
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
  if (nativePart && failed(nativePart->generate(oracle)))
    return failure();
  return anyPart->generate(oracle);
}

LogicalResult Compiler::generate(Oracle oracle) {
  if (hasTarget(VIT_TARGET_CPU) && takesAnySize())
    return caller.error("--device cpu: code for CPUs takes images of one size; give that size, "
                        "--image-size HxW");
  if (hasTarget(VIT_TARGET_CPU) && failed(generateCpu()))
    return failure();
  if (!hasTarget(VIT_TARGET_CUDA))
    return success();
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
    report.cpu = makeCpuReport(*cpuRoot, cpu, maxBatch());
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
  auto sourceOf = [](const Compiler &part) {
    return PlanSource{*part.root, part.settled.functions};
  };
  std::vector<PlanSource> sources;
  if (hasTarget(VIT_TARGET_CUDA))
    sources.push_back(sourceOf(nativePart ? *nativePart : *this));
  if (anyPart)
    sources.push_back(sourceOf(*anyPart));
  if (hasTarget(VIT_TARGET_CPU))
    sources.push_back({*cpuRoot, {}, &cpu});
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

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string Compiler::print() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  module().print(out, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  out << "\n";
  return text;
}

std::string Compiler::ptx() const { return joinPtx(settled.functions); }
