//===- Passes.h - Passes on the vit dialect ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_PASSES_H
#define PASSES_PASSES_H

#include "passes/Options.h"
#include "passes/cost/Cpu.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <memory>

namespace mlir {
class ModuleOp;
}

namespace vitc {
#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// The passes that read options of a build.
std::unique_ptr<mlir::Pass> createAssignPrecision(const PipelineOptions &options);
std::unique_ptr<mlir::Pass> createFuse(const PipelineOptions &options);
/// Only where rows of a CPU's cache would be in each other's way.
std::unique_ptr<mlir::Pass> createPadWidthsForCpu(bool bf16);
std::unique_ptr<mlir::Pass> createPackPanels(cost::CpuProducts products);
/// For CPUs every fusion is made: what a kernel computes of a tile is in registers or in the
/// nearest cache, and no resource of the device runs out.
std::unique_ptr<mlir::Pass> createFuseForCpu(const PipelineOptions &options);
std::unique_ptr<mlir::Pass> createRequire(const PipelineOptions &options);
std::unique_ptr<mlir::Pass> createSelectSchedules(const PipelineOptions &options);
std::unique_ptr<mlir::Pass> createPlanMemory(const PipelineOptions &options);

/// Model to model: prune, merge, fold. What `--emit=vit` prints.
void buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Model to kernels with schedules and places. What `--emit=kernels` prints.
void buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Model to kernels with places, as code for CPUs is made of: all values are f32.
void buildCpuPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// All of them, for vitc-opt: --vit-model-pipeline, --vit-kernel-pipeline and --vit-cpu-pipeline.
void registerVitcPipelines();

} // namespace vitc

#endif // PASSES_PASSES_H
