//===- GemmSplits.cpp - The sums of a GEMM that was split along K ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Blocks that share a tile of the result leave their sums in scratch memory. A counter for each
// tile says how many have; who arrives last adds the sums of all, in the order of the splits
// whoever it is, and goes on to the epilogue. That saves a launch, and the sums are in L2.
//
// Scratch memory is [tile][split][four sums][thread][4]: a thread reads back what its like in the
// other blocks wrote, 16 bytes at a time and next to its neighbours. Counters go round from splits
// to 0, so the next launch finds them as this one did.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Gemm.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

constexpr int64_t together = 4; // sums of one access, and of one mma

class Splits {
public:
  Splits(KernelBuilder &k, const GemmPlan &p) : k(k), p(p) {
    tile = k.add(k.mul(k.ctaY(), p.grid[0].times), k.ctaX());
    mine = k.mul(k.tid(), together);
  }

  void leave(ArrayRef<Value> sums) {
    Value pointer = sumsOf(k.ctaZ());
    for (size_t i = 0; i < sums.size(); i += together)
      k.storeValues(sums.slice(i, together), addressOf(pointer, i), k.f32);
  }

  /// Whether this block is the last of its tile; what the others left is seen then.
  Value isLast() {
    k.barrier(); // also: the ring is free
    Value found = k.dynamicShared();
    k.ifThen(k.equal(k.tid(), 0), [&] {
      k.fence(); // of the whole block's sums, before it is counted
      Value counter = k.at(k.counters(), k.i32, tile);
      k.store(k.atomicIncrement(counter, p.splits - 1), found);
      k.fence(); // and before those of others are read
    });
    k.barrier();
    return k.equal(k.load(found, k.i32), p.splits - 1);
  }

  Values addAll(size_t count) {
    auto partOf = [&](Value split) {
      Value pointer = sumsOf(split);
      Values part;
      for (size_t i = 0; i < count; i += together)
        part.append(k.loadValues(addressOf(pointer, i), k.f32, together));
      return part;
    };
    Values first = partOf(k.imm(0));
    return k.rolledLoop(k.imm(1), k.imm(p.splits), 1, first, [&](Value split, ValueRange sums) {
      Values next;
      for (auto [sum, value] : llvm::zip_equal(sums, partOf(split)))
        next.push_back(k.addF(sum, value));
      return next;
    });
  }

private:
  Value sumsOf(Value split) {
    Value block = k.add(k.mul(tile, p.splits), split);
    return k.at(k.scratch(), k.f32, k.add(k.mul(block, p.sumsOfBlock()), mine));
  }
  Value addressOf(Value pointer, size_t i) {
    return k.at(pointer, k.f32, {}, static_cast<int64_t>(i) * p.threads);
  }

  KernelBuilder &k;
  const GemmPlan &p;
  Value tile, mine;
};

} // namespace

void emitSplits(KernelBuilder &k, const GemmPlan &plan, const Values &sums,
                llvm::function_ref<void(const Values &)> whole) {
  Splits splits(k, plan);
  splits.leave(sums);
  k.ifThen(splits.isLast(), [&] { whole(splits.addAll(sums.size())); });
}

} // namespace vitc::codegen
