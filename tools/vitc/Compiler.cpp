//===- Compiler.cpp - From MODEL to code, step by step --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/vitc/Compiler.h"

#include "codegen/library/PtxText.h"
#include "passes/cost/Cost.h"
#include "tools/common/Console.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace mlir;
using namespace vitc;

static std::string oneLine(std::string text) {
  for (char &c : text)
    if (c == '\n')
      c = ' ';
  return text;
}

int vitc::fail(const Twine &text) {
  llvm::errs() << "vitc: " << oneLine(text.str()) << "\n";
  return exitFailed;
}

void vitc::warn(const Twine &text) {
  llvm::errs() << "vitc: warning: " << oneLine(text.str()) << "\n";
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

/// The diagnostics of a checkpoint: its user has no text to point at, but layers have names.
void Compiler::report(Diagnostic &diagnostic) {
  if (silent)
    return;
  std::string text = options.model + ": ";
  std::string label = labelOf(diagnostic.getLocation()), message = diagnostic.str();
  if (!label.empty() && message.find(label) == std::string::npos)
    text += "'" + label + "': ";
  text += message;
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
    warn(text);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error && !std::exchange(reported, true))
    fail(text);
}

Compiler::Silence::Silence(Compiler &compiler) : compiler(compiler) { compiler.silent = true; }
Compiler::Silence::~Silence() { compiler.silent = false; }

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Compiler::Compiler(CompileOptions given) : options(std::move(given)) {
  DialectRegistry registry;
  registry.insert<vit::VitDialect, func::FuncDialect, arith::ArithDialect, scf::SCFDialect,
                  gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect, DLTIDialect>();
  context.appendDialectRegistry(registry);
  context.printOpOnDiagnostic(false);
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  if (options.jobs == 0)
    options.jobs = std::max(1u, std::thread::hardware_concurrency());
  collectFusions();
}

Compiler::~Compiler() = default;

std::string Compiler::directory() const {
  if (llvm::sys::fs::is_directory(options.model))
    return options.model;
  StringRef parent = llvm::sys::path::parent_path(options.model);
  return parent.empty() ? "." : parent.str();
}

LogicalResult Compiler::open() {
  if (failed(checkOptions()))
    return failure();
  StringRef extension = llvm::sys::path::extension(options.model);
  if (failed(extension == ".mlir" ? readText() : readCheckpoint()))
    return failure();
  if (failed(checkImageSize()))
    return failure();
  if (!findModel(module()))
    return failure();
  if (!root->getOps<vit::KernelOp>().empty())
    level = root->getOps<gpu::GPUModuleOp>().empty() ? kernels : llvm;
  return checkScheduled();
}

LogicalResult Compiler::checkOptions() {
  if (options.maxBatch && *options.maxBatch < 1)
    return fail("--max-batch is " + Twine(*options.maxBatch) + ", expected at least 1"), failure();
  if (options.dtype == "f32" || options.dtype == "tf32")
    return fail("--dtype " + options.dtype + ": GPU kernels compute in f16 or bf16 so far"),
           failure();
  if (!cost::findGpu(options.gpu))
    return fail("--gpu '" + options.gpu + "' is not known; expected one of " + cost::knownGpus()),
           failure();
  return success();
}

LogicalResult Compiler::readCheckpoint() {
  auto found = importCheckpoint(options.model, {options.outputs, /*checkWeights=*/true});
  if (!found)
    return fail(found.error()), failure();
  import.emplace(std::move(*found));
  for (const std::string &note : silent ? std::vector<std::string>() : import->notes)
    llvm::errs() << "vitc: note: " << oneLine(note) << "\n";
  handler = std::make_shared<ScopedDiagnosticHandler>(&context, [this](Diagnostic &diagnostic) {
    report(diagnostic);
    return success();
  });
  root = parseSourceString<ModuleOp>(import->mlir(), ParserConfig(&context), "checkpoint");
  return success(bool(root));
}

LogicalResult Compiler::readText() {
  if (!options.outputs.empty())
    return fail(options.model + ": --outputs selects outputs of a checkpoint; a .mlir file has "
                                "the results of its function"),
           failure();
  auto buffer = llvm::MemoryBuffer::getFile(options.model, /*IsText=*/true);
  if (!buffer)
    return fail(options.model + ": " + buffer.getError().message()), failure();
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  struct Handler : SourceMgrDiagnosticHandler {
    Handler(llvm::SourceMgr &sources, MLIRContext *context, Compiler &compiler)
        : SourceMgrDiagnosticHandler(sources, context, llvm::errs()) {
      setHandler([this, &compiler](Diagnostic &diagnostic) {
        if (!compiler.silent && diagnostic.getSeverity() != DiagnosticSeverity::Remark)
          emitDiagnostic(diagnostic);
      });
    }
  };
  handler = std::make_shared<Handler>(sources, &context, *this);
  root = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  return success(bool(root));
}

func::FuncOp Compiler::function() const {
  return cast<func::FuncOp>(findModel(module()).getOperation());
}

/// Until position tables are resampled, a model has one image size.
LogicalResult Compiler::checkImageSize() {
  if (options.imageSize.empty())
    return success();
  auto [height, width] = StringRef(options.imageSize).split('x');
  int64_t wanted[2] = {0, 0};
  if (height.getAsInteger(10, wanted[0]) || width.getAsInteger(10, wanted[1]))
    return fail("--image-size '" + options.imageSize + "': expected HxW"), failure();
  FunctionOpInterface model = findModel(module());
  if (!model)
    return failure();
  for (Type type : model.getArgumentTypes()) {
    auto image = dyn_cast<RankedTensorType>(type);
    if (!image || image.getRank() != 4)
      continue;
    if (image.getDimSize(2) != wanted[0] || image.getDimSize(3) != wanted[1])
      return fail(options.model + ": --image-size is " + options.imageSize +
                  ", but the model's images are " + Twine(image.getDimSize(2)) + "x" +
                  Twine(image.getDimSize(3)) + "; other sizes are not supported yet"),
             failure();
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

LogicalResult Compiler::checkScheduled() {
  int64_t scheduled = scheduledBatch();
  if (!scheduled || !options.maxBatch || *options.maxBatch <= scheduled)
    return success();
  return fail(options.model + ": --max-batch is " + Twine(*options.maxBatch) +
              ", but its kernels are scheduled for at most " + Twine(scheduled)),
         failure();
}

uint32_t Compiler::maxBatch() const {
  if (options.maxBatch)
    return *options.maxBatch;
  int64_t scheduled = scheduledBatch();
  if (options.wantedBatch)
    return scheduled ? std::min(scheduled, *options.wantedBatch) : *options.wantedBatch;
  if (scheduled)
    return scheduled;
  return attendsOverBatch(module()) ? maxBatchOfBatchAxis : 64;
}

LogicalResult Compiler::lowerTo(Level wanted) {
  for (Level next : {vit, kernels, llvm})
    if (level < next && next <= wanted) {
      if (failed(runPasses(next)))
        return failure();
      level = next;
    }
  return success();
}

LogicalResult Compiler::runPasses(Level next) {
  PipelineOptions pipeline;
  pipeline.prune = !options.noPrune;
  pipeline.fuse = !options.noFuse;
  pipeline.forceFuse = options.forceFuse;
  pipeline.dtype = options.dtype;
  pipeline.residual = options.residual;
  pipeline.maxBatch = maxBatch();
  pipeline.gpu = options.gpu;
  pipeline.tile = options.tile;
  PassManager manager(&context);
  if (next == vit)
    buildModelPipeline(manager, pipeline);
  else if (next == kernels)
    buildKernelPipeline(manager, pipeline);
  else
    manager.addPass(createLowerKernelsPass());
  return manager.run(*root);
}

std::string Compiler::arch() const {
  // Older machines cannot run code for newer ones, so text is for the oldest that was asked for.
  if (options.archs.empty())
    return cost::findGpu(options.gpu)->arch;
  return *std::min_element(options.archs.begin(), options.archs.end());
}

LogicalResult Compiler::generate(bool withMachineCode) {
  if (failed(lowerTo(llvm)))
    return failure();
  codes.clear();
  for (auto kernel : root->getOps<vit::KernelOp>()) {
    auto module = root->lookupSymbol<gpu::GPUModuleOp>((kernel.getSymName() + "_module").str());
    if (!module)
      return kernel.emitOpError("has no gpu.module with its code"), failure();
    FailureOr<LaunchShape> launch = readLaunchShape(module);
    if (failed(launch))
      return failure();
    FailureOr<std::string> text = translateToPtx(module, arch());
    if (failed(text))
      return failure();
    codes.push_back({kernel.getSymName().str(), *launch, std::move(*text), {}});
  }
  return withMachineCode ? assembleAll() : success();
}

/// What must not happen in a kernel, whatever ptxas thinks of it.
static std::string resourceProblem(const KernelCode &kernel, const cost::Gpu &gpu) {
  for (const MachineCode &code : kernel.codes) {
    const Resources &used = code.resources;
    std::string where = "kernel '" + kernel.name + "': ptxas for " + code.arch + " ";
    if (int spilled = used.spillStores + used.spillLoads)
      return where + "spilled " + std::to_string(spilled) + " bytes; choose a smaller --tile";
    if (used.stack)
      return where + "needs " + std::to_string(used.stack) + " bytes of stack, expected none";
    int64_t shared = int64_t(used.staticSmem) + kernel.launch.dynamicSmem;
    if (shared > gpu.smemPerBlock)
      return "kernel '" + kernel.name + "' needs " + std::to_string(shared) +
             " bytes of shared memory, " + gpu.name + " has " + std::to_string(gpu.smemPerBlock) +
             " per block; choose a smaller --tile";
  }
  return "";
}

LogicalResult Compiler::assembleAll() {
  std::string error;
  std::string ptxas = findPtxas(options.ptxas, error);
  if (!error.empty())
    return fail(error), failure();
  if (ptxas.empty()) {
    warn(
        "no ptxas: the library holds PTX only, which the driver compiles when the model is loaded");
    return success();
  }
  ptxasName = ptxasIdentity(ptxas);
  std::vector<std::string> archs = options.archs;
  if (archs.empty())
    archs.push_back(arch());
  Progress progress("assembling kernel");
  if (failed(assemble(ptxas, archs, options.jobs, codes, error,
                      [&](size_t done, size_t all) { progress.show(done, all); })))
    return fail(error), failure();
  for (const KernelCode &kernel : codes)
    if (std::string problem = resourceProblem(kernel, *cost::findGpu(options.gpu));
        !problem.empty())
      return fail(problem), failure();
  return success();
}

std::unique_ptr<LibraryData> Compiler::link(const std::string &name) {
  LibraryOptions settings;
  settings.name = name;
  settings.assembler = ptxasName;
  settings.maxBatch = maxBatch();
  auto data = buildLibrary(*root, codes, settings);
  return succeeded(data) ? std::move(*data) : nullptr;
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

std::string Compiler::ptx() const { return joinPtx(codes); }
