//===- Passes.h - Passes on the vit dialect ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_PASSES_H
#define PASSES_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
}

namespace vitc {
#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// What a build chooses; the options of the passes, in one place.
struct PipelineOptions {
  bool prune = true;
  bool fuse = true;          ///< false: every op its own kernel
  bool forceFuse = false;    ///< fuse whatever passes/cost says
  std::string dtype = "f16"; ///< f16 or bf16
  std::string residual;      ///< f16, bf16, f32; empty: by dtype
  int64_t maxBatch = 64;
  std::string gpu = "rtx4090";
  std::string tile;                 ///< see vit-select-schedules
  int64_t registerBudget = 0;       ///< registers of a thread; 0: what the device has
  std::string fusePolicy = "auto";  ///< auto, keep, recompute
  std::string tilePolicy = "model"; ///< model, classic, tuned
  std::vector<std::string> tuned;   ///< for `tuned`: KERNEL HASH BATCH SCHEDULE
  std::string require;              ///< "no-spill,fuse:linear+bias_add+gelu"
  bool batchInvariant = false;      ///< one reduction for all batches
  std::string first, last;          ///< passes to begin and end with, by name; empty: all
};

/// Model to model: prune, merge, fold. What `--emit=vit` prints.
void buildModelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Model to kernels with schedules and places. What `--emit=kernels` prints.
void buildKernelPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Both, for vitc-opt: --vit-model-pipeline and --vit-kernel-pipeline.
void registerVitcPipelines();

} // namespace vitc

#endif // PASSES_PASSES_H
