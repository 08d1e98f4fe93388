//===- Pipelines.cpp - The only place where passes are put in order -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
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
    return ended ? "" : options.last;
  }

  mlir::OpPassManager &manager;
  const PipelineOptions &options;
  bool inside, ended = false;
};

/// The options of both pipelines in vitc-opt: those of a build that concern passes.
struct Flags : mlir::PassPipelineOptions<Flags> {
  Option<std::string> first{*this, "first", llvm::cl::desc("First pass that runs; default all")};
  Option<std::string> last{*this, "last", llvm::cl::desc("Last pass that runs; default all")};
  Option<bool> prune{*this, "prune", llvm::cl::desc("Drop dead tokens"), llvm::cl::init(true)};
  Option<bool> fuse{*this, "fuse", llvm::cl::desc("Join kernels"), llvm::cl::init(true)};
  Option<bool> forceFuse{*this, "force-fuse", llvm::cl::desc("Fuse whatever passes/cost says")};
  Option<std::string> dtype{*this, "dtype", llvm::cl::desc("f16 or bf16"), llvm::cl::init("f16")};
  Option<std::string> residual{*this, "residual", llvm::cl::desc("f16, bf16 or f32")};
  Option<int64_t> maxBatch{*this, "max-batch", llvm::cl::desc("Largest batch"), llvm::cl::init(64)};
  Option<std::string> gpu{*this, "gpu", llvm::cl::desc("Device"), llvm::cl::init("rtx4090")};
  Option<std::string> tile{*this, "tile", llvm::cl::desc("Tile of every linear")};
  Option<int64_t> registerBudget{*this, "register-budget", llvm::cl::desc("Registers of a thread")};
  Option<std::string> fusePolicy{*this, "fuse-policy", llvm::cl::desc("auto, keep or recompute"),
                                 llvm::cl::init("auto")};
  Option<std::string> tilePolicy{*this, "tile-policy", llvm::cl::desc("model, classic or tuned"),
                                 llvm::cl::init("model")};
  Option<std::string> require{*this, "require", llvm::cl::desc("Fusions that must be made")};
  Option<bool> batchInvariant{*this, "batch-invariant", llvm::cl::desc("One reduction")};

  PipelineOptions options() const {
    PipelineOptions o;
    o.first = first, o.last = last;
    o.prune = prune, o.fuse = fuse, o.forceFuse = forceFuse;
    o.dtype = dtype, o.residual = residual, o.maxBatch = maxBatch;
    o.gpu = gpu, o.tile = tile, o.registerBudget = registerBudget;
    o.fusePolicy = fusePolicy, o.tilePolicy = tilePolicy;
    o.require = require, o.batchInvariant = batchInvariant;
    return o;
  }
};

} // namespace

void vitc::buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  Sequence passes(manager, options);
  if (options.prune)
    passes.add(createPruneTokens());
  passes.add(mlir::createCSEPass());
  passes.add(createMergeQkv());
  passes.add(createFoldTokens());
  passes.add(mlir::createCanonicalizerPass()); // drops what nothing uses any more
}

void vitc::buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  Sequence passes(manager, options);
  passes.add(createPadWidths());
  passes.add(createAssignPrecision({options.dtype, options.residual}));
  passes.add(createHoistWeights());
  passes.add(createFormKernels());
  if (options.fuse)
    passes.add(createFuse({options.maxBatch, options.gpu, options.tile, options.registerBudget,
                           options.fusePolicy, options.tilePolicy, options.forceFuse,
                           options.batchInvariant}));
  passes.add(createRequire({options.require, options.fuse}));
  passes.add(createShareKernels());
  passes.add(
      createSelectSchedules({options.maxBatch, options.gpu, options.tile, options.registerBudget,
                             options.fusePolicy, options.tilePolicy, options.forceFuse,
                             options.batchInvariant, llvm::join(options.tuned, ";")}));
  passes.add(createPlanMemory({options.maxBatch}));
}

void vitc::registerVitcPipelines() {
  using Registration = mlir::PassPipelineRegistration<Flags>;
  Registration("vit-model-pipeline", "Model to model: prune, merge, fold",
               [](mlir::OpPassManager &manager, const Flags &flags) {
                 buildModelPipeline(manager, flags.options());
               });
  Registration("vit-kernel-pipeline", "Model to kernels with schedules and places",
               [](mlir::OpPassManager &manager, const Flags &flags) {
                 buildKernelPipeline(manager, flags.options());
               });
}
