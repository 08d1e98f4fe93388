//===- Pipelines.cpp - The only place where passes are put in order -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

void vitc::buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  if (options.prune)
    manager.addPass(createPruneTokens());
  manager.addPass(mlir::createCSEPass());
  manager.addPass(createMergeQkv());
  manager.addPass(createFoldTokens());
  manager.addPass(mlir::createCanonicalizerPass()); // drops what nothing uses any more
}

void vitc::buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createPadWidths());
  manager.addPass(createAssignPrecision({options.dtype, options.residual}));
  manager.addPass(createHoistWeights());
  manager.addPass(createFormKernels());
  if (options.fuse)
    manager.addPass(createFuse({options.maxBatch, options.gpu, options.tile, options.registerBudget,
                                options.fusePolicy, options.tilePolicy, options.forceFuse,
                                options.batchInvariant}));
  manager.addPass(createRequire({options.require, options.fuse}));
  manager.addPass(createShareKernels());
  manager.addPass(
      createSelectSchedules({options.maxBatch, options.gpu, options.tile, options.registerBudget,
                             options.fusePolicy, options.tilePolicy, options.forceFuse,
                             options.batchInvariant, llvm::join(options.tuned, ";")}));
  manager.addPass(createPlanMemory({options.maxBatch}));
}
