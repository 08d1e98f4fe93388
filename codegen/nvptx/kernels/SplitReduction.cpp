//===- SplitReduction.cpp - The sums of a GEMM that was split along K -----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Adds what the splits have left in scratch memory, [split][linear][row][column], in the order of
// the splits, does what is fused and stores the results. A thread takes neighbouring columns. All
// loads of a place are independent, so they are under way together.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Gemm.h"
#include "codegen/nvptx/kernels/Region.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

/// The sums of linear `linear` at `offset` of its M x N array, `size` elements long.
Values addSplits(KernelBuilder &k, const GemmPlan &plan, int64_t linear, Value offset, Value size,
                 unsigned vector) {
  auto linears = static_cast<int64_t>(plan.linears.size());
  Values sums;
  for (int64_t split = 0; split < plan.splits; ++split) {
    Value start = k.mul(size, split * linears + linear);
    Values part = k.loadValues(k.at(k.scratch(), k.f32, k.add(start, offset)), k.f32, vector,
                               /*readOnly=*/true);
    if (split == 0)
      sums = part;
    else
      for (auto [sum, value] : llvm::zip_equal(sums, part))
        sum = k.addF(sum, value);
  }
  return sums;
}

} // namespace

LogicalResult emitSplitReduction(KernelBuilder &k) {
  GemmPlan plan(k);
  cost::VectorGeometry geometry = cost::reductionGeometry(k.work, k.schedule.gemm());
  RankedTensorType type = k.typeOf(plan.linears.front()->getResult(0));
  int64_t vector = geometry.vector;
  Value size = k.mul(k.rows(type), plan.n);

  overVectors(k, type, geometry, [&](Value row, Value column, Value index) {
    Place place{row, column, 0, {}};
    Region region(k);
    Known known;
    for (auto [i, linear] : llvm::enumerate(plan.linears))
      known[linear->getResult(0)] = addSplits(k, plan, i, k.mul(index, vector), size, vector);
    region.store(place, region.results(place, vector, known));
  });
  return k.finish(geometry);
}

} // namespace vitc::codegen
