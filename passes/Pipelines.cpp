//===- Pipelines.cpp - The only place where passes are put in order -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/PassOptions.h"
#include "passes/Passes.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/ErrorHandling.h"

using namespace vitc;

namespace {

/// Adds those passes to a manager that lie between `first` and `last` of the options.
class Sequence {
public:
  Sequence(mlir::OpPassManager &manager, const PipelineOptions &options)
      : manager(manager), options(options), inside(options.first.empty()) {}
  ~Sequence() {
    if (!missing().empty())
      llvm::reportFatalUsageError(
          llvm::Twine("expected a pass of the pipeline as first and last, found '") + missing() +
          "'");
  }

  void add(std::unique_ptr<mlir::Pass> pass) {
    llvm::StringRef name = pass->getArgument();
    inside |= name == options.first;
    if (inside && !ended)
      manager.addPass(std::move(pass));
    ended |= inside && name == options.last;
  }

private:
  /// The name that no pass had, or "".
  llvm::StringRef missing() const {
    if (!inside)
      return options.first;
    return ended ? llvm::StringRef() : llvm::StringRef(options.last);
  }

  mlir::OpPassManager &manager;
  const PipelineOptions &options;
  bool inside, ended = false;
};

/// The options of all pipelines in vitc-opt: those of a build that concern passes.
struct Flags : mlir::PassPipelineOptions<Flags> {
  Option<std::string> first{*this, "first", llvm::cl::desc("first pass that runs (default: all)")};
  Option<std::string> last{*this, "last", llvm::cl::desc("last pass that runs (default: all)")};
#define VITC_OPTION VITC_PASS_OPTION
#define VITC_REQUIRE_OPTION VITC_PASS_LIST_OPTION
#include "passes/Options.def"

  PipelineOptions given() const {
    PipelineOptions options;
#define VITC_OPTION(type, field, flag, initial, value, help) options.field = field;
#define VITC_REQUIRE_OPTION(type, field, flag, initial, value, help)                               \
  options.field.assign(field.begin(), field.end());
#include "passes/Options.def"
    options.first = first;
    options.last = last;
    return options;
  }
};

} // namespace

void vitc::buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  Sequence passes(manager, options);
  passes.add(createDropUnused());
  if (!options.noPrune)
    passes.add(createPruneTokens());
  passes.add(mlir::createCSEPass());
  passes.add(createMergeQkv());
  passes.add(createFoldTokens());
  passes.add(mlir::createCanonicalizerPass()); // drops what nothing uses any more
}

void vitc::buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  Sequence passes(manager, options);
  passes.add(createPadHeads());
  passes.add(createPadWidths());
  passes.add(createAssignPrecision(options));
  if (!options.noFuse && !options.noFoldNorm) {
    passes.add(createFoldNorm());
    passes.add(mlir::createCSEPass()); // of selected tokens
  }
  passes.add(createHoistWeights());
  passes.add(createFormKernels());
  if (!options.noFuse)
    passes.add(createFuse(options));
  passes.add(createRequire(options));
  passes.add(createShareKernels());
  passes.add(createSelectSchedules(options));
  passes.add(createPlanMemory(options));
}

void vitc::buildCpuPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  Sequence passes(manager, options);
  cost::CpuProducts products = options.dtype == "bf16" ? cost::CpuProducts::Bf16
                               : options.dtype == "i8" ? cost::CpuProducts::I8
                                                       : cost::CpuProducts::F32;
  if (products != cost::CpuProducts::I8) // whose rows are padded where they are made
    passes.add(createPadWidthsForCpu(products == cost::CpuProducts::Bf16));
  passes.add(createPackPanels(products));
  passes.add(createHoistWeights());
  passes.add(createFormKernels());
  if (!options.noFuse)
    passes.add(createFuseForCpu(options));
  passes.add(createShareKernels());
  passes.add(createPlanMemory(options));
}

void vitc::registerVitcPipelines() {
  using Registration = mlir::PassPipelineRegistration<Flags>;
  Registration("vit-model-pipeline", "Model to model: prune, merge, fold",
               [](mlir::OpPassManager &manager, const Flags &flags) {
                 buildModelPipeline(manager, flags.given());
               });
  Registration("vit-kernel-pipeline", "Model to kernels with schedules and places",
               [](mlir::OpPassManager &manager, const Flags &flags) {
                 buildKernelPipeline(manager, flags.given());
               });
  Registration("vit-cpu-pipeline", "Model to kernels of CPUs with places",
               [](mlir::OpPassManager &manager, const Flags &flags) {
                 buildCpuPipeline(manager, flags.given());
               });
}
