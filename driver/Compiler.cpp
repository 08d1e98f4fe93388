//===- Compiler.cpp - From MODEL to code, step by step --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Compiler.h"

#include "codegen/library/Emit.h"
#include "codegen/library/PtxText.h"
#include "driver/run/MlirText.h"
#include "driver/run/Threads.h"
#include "driver/run/Tuning.h"
#include "passes/CostBridge.h"
#include "passes/cost/families/Attention.h"
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
  bool named = !options.targets.empty();
  if (named ? ::llvm::is_contained(options.targets, "cuda") : !isForCpusAlone(options))
    targets.push_back(VIT_TARGET_CUDA);
  if (named ? ::llvm::is_contained(options.targets, "cpu") : isForCpusAlone(options))
    targets.push_back(VIT_TARGET_CPU);
}

Compiler::~Compiler() = default;

void Compiler::addDefaultTarget() {
  if (!options.targets.empty())
    return;
  if (isForCpusAlone(options))
    caller.say(driver::Diagnostic::Note,
               "--dtype i8 is for CPUs: the library has no code for GPUs");
  else if (level <= vit)
    targets.push_back(VIT_TARGET_CPU);
}

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

int64_t Compiler::mostTokens() const { return options.maxTokens ? options.maxTokens : 4096; }

/// Kernels count the values of a bias [queries, heads, keys] in 31 bits.
static int64_t mostTokensOfBias(vit::AttentionOp attention) {
  double tokens = std::sqrt(0x1p31 / double(attention.getHeads()));
  return static_cast<int64_t>(tokens) - vit::mostExtraTokens;
}

/// Says that the model is one for any size, and refuses what is not made for that.
LogicalResult Compiler::markAnySize() {
  vit::PatchifyOp patchify;
  std::string why;
  int64_t fewest = mostTokens(); // of all kernels' limits
  root->walk([&](Operation *op) {
    if (auto patches = dyn_cast<vit::PatchifyOp>(op))
      patchify = patches;
    auto attention = dyn_cast<vit::AttentionOp>(op);
    if (isa<vit::MergePatchesOp>(op) || (attention && attention.getWindows()))
      why = "its attention is in windows, which must fill the grid of patches";
    else if (attention && attention.getBias())
      fewest = std::min(fewest, mostTokensOfBias(attention));
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
  if (fewest < mostTokens())
    return caller.error("{}: --max-tokens is {}, but the bias of its pairs of patches has at most "
                        "2^31 values: lower it to {}",
                        options.model, mostTokens(), fewest);
  Builder builder(&context);
  function()->setAttr(
      vit::anySizeName,
      builder.getDictionaryAttr(
          {builder.getNamedAttr("max_tokens", builder.getI64IntegerAttr(mostTokens())),
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
