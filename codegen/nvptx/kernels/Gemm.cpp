//===- Gemm.cpp - Kernels around vit.linear -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// C = A * transpose(B) with A (the activations) M x K and B (the weight) N x K, both K-contiguous
// of one type, on mma.sync with f32 sums (Product.h). A block computes BM x BN, a warp WM x WN of
// it; several linears of one input have a B and a C each. Rows beyond M and columns beyond N enter
// as zeros (cp.async reads no bytes for them) and are not stored. Rows are multiples of 16 bytes.
//
// Blocks go through N first: rows of A are read from memory once, while B, which is a weight of a
// few megabytes, stays in L2 for all of them.
//
// With splits, block z sums its share of K, and the last block of a tile to have done so adds what
// all have (GemmSplits.cpp). Shares are multiples of 128 bytes, so which products a split sums
// depends on nothing but K and the number of splits.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Gemm.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Moments.h"

using namespace mlir;

namespace vitc::codegen {

GemmPlan::GemmPlan(KernelBuilder &k) : GemmGeometry(gemmGeometry(k.work, k.schedule.gemm())) {
  for (Operation *root : k.kernel.getRoots())
    linears.push_back(cast<vit::LinearOp>(root));
  storage = k.storageOf(linears.front().getInput());
  n = k.work.columns, depth = k.work.depth;
  const cost::GemmSchedule &schedule = k.schedule.gemm();
  bm = schedule.tile[0], bn = schedule.tile[1], bk = schedule.tile[2];
  wm = schedule.warp[0], wn = schedule.warp[1];
  stages = schedule.stages, buffers = schedule.buffers, splits = schedule.splits;
  for (auto op : k.kernel.getBody().getOps<vit::NormalizeOp>())
    if (!normalize && isa<BlockArgument>(op.getMoments()))
      normalize = op, moments = op.getMoments();
}

LogicalResult emitGemm(KernelBuilder &k) {
  GemmPlan plan(k);
  Value input = plan.linears.front()->getOperand(0);
  int64_t warpsN = plan.bn / plan.wn;
  GemmPlace place;
  place.rows = k.rows(k.typeOf(input));
  place.blockRow = k.mul(k.ctaY(), plan.bm);
  place.blockColumn = k.mul(k.ctaX(), plan.bn);
  place.warpRow = k.mul(k.divU(k.warp(), warpsN), plan.wm);
  place.warpColumn = k.mul(k.remU(k.warp(), warpsN), plan.wn);

  std::optional<MomentsOfBlock> moments;
  if (plan.normalize)
    moments.emplace(k, cast<vit::NormalizeOp>(plan.normalize), plan, place);
  PtxBuilder::Values sums = emitGemmMainLoop(k, plan, place, [&] {
    if (moments)
      moments->merge();
  });
  auto finish = [&](const PtxBuilder::Values &whole) { emitGemmEpilogue(k, plan, place, whole); };
  if (plan.splits > 1)
    emitSplits(k, plan, sums, finish);
  else
    finish(sums);
  return k.finish(plan);
}

} // namespace vitc::codegen
