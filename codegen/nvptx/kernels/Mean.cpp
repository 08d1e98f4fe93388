//===- Mean.cpp - The mean of the tokens of an image ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The result is small and what is summed is not, so threads share the tokens: each sums every
// shares-th token of its columns, several loads under way at a time; then lanes of a warp add
// theirs, and the warps, through shared memory. Which tokens are added in which order follows from
// their number alone, so an image's bits are its own.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Tokens.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Region.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

class MeanEmitter {
public:
  explicit MeanEmitter(KernelBuilder &k)
      : k(k), op(k.rootAs<vit::MeanTokensOp>()), region(k),
        plan(cost::meanGeometry(k.work, std::get<cost::TokensSchedule>(k.schedule.numbers))),
        first(static_cast<int64_t>(op.getFirst())), tokens(k.tokensOf(k.typeOf(op.getInput()))),
        summed(k.sub(tokens, k.imm(first))) {}

  LogicalResult emit();

private:
  Values load(Value turn, int64_t delta);
  void addTurns(Value turn, int64_t count, Values &sums);
  Values sumOfShare();
  void addLanes(Values &sums);
  void addWarps(Values &sums);
  Values sumOfWarps(Value mine, int64_t begin, int64_t count);

  KernelBuilder &k;
  vit::MeanTokensOp op;
  Region region;
  const cost::MeanGeometry plan;
  const int64_t first;
  const Value tokens, summed; ///< of an image; those of them that are summed
  Value image, column, share; // of this thread
};

/// The share's token of turn `turn` + `delta`; zeros where it has none.
Values MeanEmitter::load(Value turn, int64_t delta) {
  Value index = k.add(k.mul(k.add(turn, delta), plan.shares), share);
  Value token = k.min(k.add(index, first), k.sub(tokens, k.imm(1)));
  Known known;
  Values row = region.evaluate(
      op.getInput(), {k.add(k.mul(image, tokens), token), column, 0, token}, plan.vector, known);
  if (k.anySize() || k.work.summed % plan.shares != 0) {
    Value exists = k.less(index, summed);
    for (Value &value : row)
      value = k.select(exists, value, k.immF(0.0));
  }
  return row;
}

/// All loads, then the sums, in order.
void MeanEmitter::addTurns(Value turn, int64_t count, Values &sums) {
  SmallVector<Values> rows;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(load(turn, i));
  for (const Values &row : rows)
    for (auto [sum, value] : llvm::zip_equal(sums, row))
      sum = k.addF(sum, value);
}

Values MeanEmitter::sumOfShare() {
  Values sums(plan.vector, k.immF(0.0));
  if (k.anySize()) { // turns that no token is left for add zeros
    Value turns = k.divU(k.add(summed, plan.shares - 1), plan.shares);
    return k.rolledLoop(k.imm(0), turns, cost::meanLoads, sums, [&](Value turn, ValueRange before) {
      Values now(before);
      addTurns(turn, cost::meanLoads, now);
      return now;
    });
  }
  int64_t looped = plan.turns / cost::meanLoads * cost::meanLoads;
  if (looped > cost::meanLoads)
    sums = k.rolledLoop(k.imm(0), k.imm(looped), cost::meanLoads, sums,
                        [&](Value turn, ValueRange before) {
                          Values now(before);
                          addTurns(turn, cost::meanLoads, now);
                          return now;
                        });
  else
    addTurns(k.imm(0), looped, sums);
  addTurns(k.imm(looped), plan.turns - looped, sums);
  return sums;
}

/// Lanes of equal columns are plan.vectors apart.
void MeanEmitter::addLanes(Values &sums) {
  for (int lanes = plan.vectors; lanes < 32; lanes *= 2)
    for (Value &sum : sums)
      sum = k.addF(sum, k.shuffleXor(sum, lanes));
}

void MeanEmitter::addWarps(Values &sums) {
  int64_t warps = plan.threads / 32, columns = int64_t(plan.vectors) * plan.vector;
  if (warps == 1)
    return;
  Value mine = k.at(k.dynamicShared(), k.f32, k.mul(k.remU(k.tid(), plan.vectors), plan.vector));
  k.ifThen(k.less(k.lane(), plan.vectors),
           [&] { k.storeValues(sums, k.at(mine, k.f32, k.mul(k.warp(), columns)), k.f32); });
  k.barrier();
  sums = sumOfWarps(mine, 0, warps);
}

/// Pairs of neighbours, as lanes were added: however many lanes a warp has for a column, the sum is
/// the same.
Values MeanEmitter::sumOfWarps(Value mine, int64_t begin, int64_t count) {
  if (count == 1)
    return k.loadValues(k.at(mine, k.f32, {}, begin * plan.vectors * plan.vector), k.f32,
                        plan.vector);
  Values left = sumOfWarps(mine, begin, count / 2);
  Values right = sumOfWarps(mine, begin + count / 2, count / 2);
  for (auto [sum, other] : llvm::zip_equal(left, right))
    sum = k.addF(sum, other);
  return left;
}

LogicalResult MeanEmitter::emit() {
  image = k.divU(k.ctaX(), plan.blocksPerRow);
  Value vector = k.add(k.mul(k.remU(k.ctaX(), plan.blocksPerRow), plan.vectors),
                       k.remU(k.tid(), plan.vectors));
  column = k.mul(k.min(vector, plan.vectorsPerRow - 1), plan.vector);
  share = k.divU(k.tid(), plan.vectors);

  Values sums = sumOfShare();
  addLanes(sums);
  addWarps(sums);
  Value stores = k.less(k.tid(), plan.vectors);
  if (plan.vectorsPerRow % plan.vectors != 0)
    stores = k.both(stores, k.less(vector, plan.vectorsPerRow));
  k.ifThen(stores, [&] {
    Known known;
    Value share =
        k.anySize() ? k.divF(k.immF(1.0), k.toFloat(summed)) : k.immF(1.0 / double(k.work.summed));
    for (Value sum : sums)
      known[op.getResult()].push_back(k.mulF(sum, share));
    Place place{image, column, 0, {}};
    region.store(place, region.results(place, plan.vector, known));
  });
  return k.finish(plan);
}

} // namespace

LogicalResult emitMean(KernelBuilder &k) { return MeanEmitter(k).emit(); }

} // namespace vitc::codegen
