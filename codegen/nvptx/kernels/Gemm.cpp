//===- Gemm.cpp - Kernels around vit.linear -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// C = A * transpose(B) with A (the activations) M x K and B (the weight) N x K, both K-contiguous
// and 16-bit, on mma.sync m16n8k16 with f32 sums. A block computes BM x BN, a warp WM x WN of it;
// several linears of one input have a B and a C each. Rows beyond M and columns beyond N enter as
// zeros (cp.async reads no bytes for them) and are not stored. K is a multiple of 8.
//
// Blocks go through N first: rows of A are read from memory once, while B, which is a weight of a
// few megabytes, stays in L2 for all of them.
//
// With splits, block z sums its share of K and leaves f32 sums in scratch memory, [split][linear]
// [row][column]; a second function adds them (SplitReduction.cpp). Shares are multiples of 64, so
// which products a split sums depends on nothing but K and the number of splits.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Gemm.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Region.h"

#include <algorithm>

using namespace mlir;

namespace vitc {

namespace {

/// Most accumulators of a thread: more than 255 registers can hold, so that a spill is something
/// one can see, but not so many that ptxas takes minutes.
constexpr int64_t mostAccumulators = 256;

LogicalResult readNumbers(KernelBuilder &k, GemmPlan &plan) {
  vit::ScheduleAttr schedule = k.schedule(3, 2);
  if (!schedule)
    return failure();
  for (Operation *root : k.kernel.getRoots())
    plan.linears.push_back(cast<vit::LinearOp>(root));
  vit::LinearOp linear = plan.linears.front();
  plan.storage = k.storageOf(linear.getInput());
  plan.n = linear.getWeight().getType().getDimSize(0);
  plan.depth = linear.getWeight().getType().getDimSize(1);
  plan.bm = schedule.getBlock()[0], plan.bn = schedule.getBlock()[1];
  plan.bk = schedule.getBlock()[2];
  plan.wm = schedule.getWarp()[0], plan.wn = schedule.getWarp()[1];
  plan.stages = schedule.getStages();
  plan.buffers = schedule.getBuffers();
  plan.splits = schedule.getSplits();
  return success();
}

LogicalResult check(KernelBuilder &k, const GemmPlan &p) {
  if (p.storage == k.f32)
    return k.error() << "expected a linear on f16 or bf16, found f32";
  if (p.depth % 8 != 0)
    return k.error() << "expected K to be a multiple of 8, found " << p.depth
                     << ": run vit-pad-widths";
  if (p.bk != 32 && p.bk != 64)
    return k.error() << "expected BK of 32 or 64, found " << p.bk;
  if (p.bm % p.wm != 0 || p.bn % p.wn != 0 || p.wm % 16 != 0 || p.wn % 8 != 0)
    return k.error() << "expected a warp tile of 16s by 8s that divides the block tile " << p.bm
                     << "x" << p.bn << ", found " << p.wm << "x" << p.wn;
  auto linears = static_cast<int64_t>(p.linears.size());
  if (linears * p.sums() > mostAccumulators)
    return k.error() << "expected at most " << mostAccumulators
                     << " accumulators in a thread, found " << linears * p.sums() << " of "
                     << linears << (linears == 1 ? " linear" : " linears")
                     << " with a warp tile of " << p.wm << "x" << p.wn << ": choose a smaller one";
  if (p.stages < 2 || p.stages > 8)
    return k.error() << "expected 2 to 8 stages, found " << p.stages;
  if (p.lastBlocks < 1)
    return k.error() << "expected a share of K = " << p.depth << " for each of " << p.splits
                     << " splits, but " << p.blocks * p.bk
                     << " columns each leave none for the last: choose fewer splits";
  return success();
}

/// Blocks whose registers should fit in one multiprocessor, whatever their shared memory, where the
/// schedule leaves it open. Without a demand ptxas takes more registers than it needs, and the
/// driver's compiler yet more. The steps are those at which another block of 128 threads fits;
/// what a tile needs without spilling was measured over those of bench/register_sweep.py.
unsigned wantedBlocks(KernelBuilder &k, const GemmPlan &plan) {
  auto linears = static_cast<int64_t>(plan.linears.size());
  int64_t sums = linears * plan.sums();
  int64_t fragments = plan.wm / 16 * 4 + linears * (plan.wn / 8 * 2);
  int64_t copies = plan.stageBytes / 16 / plan.threads;
  unsigned rowOperands = plan.splits == 1 ? Region(k).rowOperands() : 0;
  int64_t needed = sums + plan.buffers * fragments + 2 * copies + 4 * rowOperands;
  if (plan.buffers == 2)
    needed += 12;
  // Many addresses and values alive beside the accumulators may have more rather than spill.
  bool heavy = plan.splits == 1 && rowOperands + k.numResults() > 3;
  int64_t registers = heavy ? 255 : needed <= 108 && sums <= 64 ? 128 : needed <= 147 ? 168 : 255;
  return std::max<int64_t>(1, 65536 / (registers * plan.threads));
}

} // namespace

FailureOr<GemmPlan> planGemm(KernelBuilder &k) {
  GemmPlan plan;
  if (failed(readNumbers(k, plan)))
    return failure();
  int64_t all = llvm::divideCeil(plan.depth, plan.bk);
  plan.blocks = plan.lastBlocks = all;
  if (plan.splits > 1) {
    int64_t columns = llvm::divideCeil(llvm::divideCeil(plan.depth, 64), plan.splits) * 64;
    plan.blocks = columns / plan.bk;
    plan.lastBlocks = all - (plan.splits - 1) * plan.blocks;
  }
  if (failed(check(k, plan)))
    return failure();
  plan.threads = plan.bm / plan.wm * (plan.bn / plan.wn) * 32;
  plan.stageBytes = (plan.bm + static_cast<int64_t>(plan.linears.size()) * plan.bn) * plan.bk * 2;
  return plan;
}

LogicalResult emitGemm(KernelBuilder &k) {
  FailureOr<GemmPlan> planned = planGemm(k);
  if (failed(planned))
    return failure();
  const GemmPlan &plan = *planned;
  Value input = plan.linears.front()->getOperand(0);
  int64_t warpsN = plan.bn / plan.wn;
  GemmPlace place;
  place.rows = k.rows(k.typeOf(input));
  place.blockRow = k.mul(k.ctaY(), plan.bm);
  place.blockColumn = k.mul(k.ctaX(), plan.bn);
  place.warpRow = k.mul(k.divU(k.warp(), warpsN), plan.wm);
  place.warpColumn = k.mul(k.remU(k.warp(), warpsN), plan.wn);

  PtxBuilder::Values sums = emitGemmMainLoop(k, plan, place);
  int64_t staged = emitGemmEpilogue(k, plan, place, sums);

  LaunchShape launch;
  launch.threads = plan.threads;
  launch.dynamicSmem = std::max(plan.ringBytes(), staged);
  launch.grid[0].times = llvm::divideCeil(plan.n, plan.bn);
  launch.grid[1] = {static_cast<uint32_t>(vit::rowsPerImage(k.typeOf(input))),
                    static_cast<uint32_t>(plan.bm), 1};
  launch.grid[2].times = plan.splits;
  return k.finish(launch, wantedBlocks(k, plan));
}

} // namespace vitc
