//===- CpuReport.cpp - Kernels for CPUs, for the report -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/report/Report.h"
#include "passes/CostBridge.h"
#include "passes/Kernels.h"
#include "passes/cost/CpuTime.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

CpuReport vitc::codegen::makeCpuReport(ModuleOp module, const CpuCode &code, int64_t maxBatch) {
  const cost::CpuCore &core = cost::zen4Core;
  CpuReport report;
  report.core = core.name;
  report.gflops = core.gflops;
  report.l2GBs = core.l2GBs;
  report.dramGBs = core.dramGBs;
  for (vit_isa isa : code.isas)
    report.forms.push_back(isaName(isa).str());
  llvm::MapVector<Operation *, SmallVector<vit::LaunchOp>> launches;
  for (vit::LaunchOp launch : launchesOf(module))
    launches[kernelOf(launch)].push_back(launch);
  for (auto &[op, uses] : launches) {
    auto kernel = cast<vit::KernelOp>(op);
    CpuKernelReport made;
    made.name = kernel.getSymName().str();
    made.ops = opList(kernel);
    made.launches = uint32_t(uses.size());
    for (const CpuFunction &function : code.functions)
      if (function.kernel == made.name)
        made.tile = function.tile;
    // Kernels are shared by launches of equal rows or of different ones: the most count.
    std::vector<cost::Use> works = usesOf(uses);
    const cost::Work &work = cost::mostRows(works);
    made.m = work.rows * maxBatch;
    made.n = work.columns;
    made.k = work.depth;
    cost::CpuPrediction prediction = cost::predictCpu(work, maxBatch, core);
    made.predictedMicroseconds = prediction.seconds * 1e6;
    made.bound = prediction.bound;
    report.kernels.push_back(std::move(made));
  }
  return report;
}
