//===- CostBridge.h - Kernels in IR as numbers of passes/cost ---*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The bridge between kernels in IR and the numbers of passes/cost.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COSTBRIDGE_H
#define PASSES_COSTBRIDGE_H

#include "dialect/ModelFunction.h"
#include "passes/Kernels.h"
#include "passes/Options.h"
#include "passes/cost/Cost.h"

namespace vitc {

/// What `kernel` does in a launch with operands and results of these types; they differ from those
/// of the kernel if that works on rows. The kernel may be in no module.
cost::Work workOf(vit::KernelOp kernel, mlir::TypeRange operands, mlir::TypeRange results);
cost::Work workOf(vit::LaunchOp launch);
/// Whether `argument` holds moments of rows, which a kernel reads once for each row of a block.
bool isMoments(mlir::BlockArgument argument);
/// For operands and results of the kernel's own types: one count is what its last parameter counts.
cost::Work workOf(vit::KernelOp kernel);
/// The launch of a kernel of a model for any size, on images of `tokens` patches and no other
/// tokens.
cost::Work workAt(vit::LaunchOp launch, int64_t tokens);
/// Launches of one kernel, equal ones counted.
std::vector<cost::Use> usesOf(llvm::ArrayRef<vit::LaunchOp> launches);

/// What the ranges of a kernel's schedules are of in a model for any size: rows of the launch's
/// first result, or images where that has no row for each patch; and how many there may be.
vit::TokenCount measureOf(vit::LaunchOp launch);
int64_t largestMeasure(vit::LaunchOp launch, const vit::AnySize &sizes, int64_t maxBatch);

/// What a schedule says apart from its range of batches.
cost::Schedule scheduleOf(vit::ScheduleAttr attribute);
vit::ScheduleAttr attributeOf(mlir::MLIRContext *context, const cost::Schedule &schedule,
                              int64_t minBatch, int64_t maxBatch);

/// The schedule that `kernel` runs with at `batch`: the first whose range has it, or null.
vit::ScheduleAttr scheduleAt(vit::KernelOp kernel, int64_t batch);

/// Seconds of all launches of the module at `batch`, with the gaps between them, as kernels of a
/// CUDA graph. Every kernel must have a schedule for it.
double predictModel(mlir::ModuleOp module, const cost::Gpu &gpu, int64_t batch);

/// What no schedule can beat: all products at the tensor cores' rate; outputs, and what kernels
/// read of inputs, once through L2; all weights, and what of those is too large for L2, once
/// through device memory. No prediction is below it.
struct Roofline {
  double seconds;
  const char *bound; ///< "tensor", "L2" or "DRAM"
};
/// Of a module whose models are launches.
Roofline rooflineOf(mlir::ModuleOp module, const cost::Gpu &gpu, int64_t batch);

/// What decides about schedules. A diagnostic at `module` says what cannot be read or is not known.
mlir::FailureOr<cost::Preferences> readPreferences(mlir::ModuleOp module,
                                                   const PipelineOptions &options);

} // namespace vitc

#endif // PASSES_COSTBRIDGE_H
