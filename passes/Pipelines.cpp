//===- Pipelines.cpp - The only place where passes are put in order -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace vitc;

void vitc::buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  if (!options.noPrune)
    manager.addPass(createPruneTokens());
  manager.addPass(mlir::createCSEPass());
  manager.addPass(createMergeQkv());
  manager.addPass(createFoldTokens());
  manager.addPass(mlir::createCanonicalizerPass()); // drops what nothing uses any more
}

void vitc::buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createPadWidths());
  manager.addPass(createAssignPrecision(options));
  manager.addPass(createHoistWeights());
  manager.addPass(createFormKernels());
  if (!options.noFuse)
    manager.addPass(createFuse(options));
  manager.addPass(createRequire(options));
  manager.addPass(createShareKernels());
  manager.addPass(createSelectSchedules(options));
  manager.addPass(createPlanMemory(options));
}
