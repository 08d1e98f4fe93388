//===- Moments.cpp - Statistics of rows in kernels ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A product has the columns of a row in many blocks, so what leaves it are moments of groups of
// columns: mean and squared deviations, each from numbers of one size, without the cancellation of
// sums of squares. Whoever normalises merges those of a row: the mean is the mean of the means, and
//
//   sum of squares = sum over groups of (squares + group * (mean of the group - mean)^2)
//
// Which columns are a group and in what order groups are added depends on the width alone, so a
// row's bits depend on nothing but the row.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Moments.h"

#include "codegen/nvptx/kernels/Region.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

Value sumOfSquares(KernelBuilder &k, ArrayRef<Value> values, Value mean) {
  Values squares;
  for (Value value : values) {
    Value distance = k.subF(value, mean);
    squares.push_back(k.mulF(distance, distance));
  }
  return emitSum(k, squares);
}

Value overQuad(KernelBuilder &k, Value sum) {
  for (int lanes : {1, 2})
    sum = k.addF(sum, k.shuffleXor(sum, lanes));
  return sum;
}

/// The numbers of a normalize.
struct Merge {
  Merge(KernelBuilder &k, vit::NormalizeOp op)
      : k(k), pairs(KernelBuilder::widthOf(op.getMoments()) / 2),
        group(static_cast<int64_t>(op.getGroup())), eps(op.getEps().convertToDouble()),
        centred(op.getSums() != nullptr) {}

  /// squares + group * (mean of the group - mean)^2 + sum
  Value add(Value sum, Value squares, Value groupMean, Value mean) const {
    Value distance = centred ? k.subF(groupMean, mean) : groupMean;
    return k.addF(sum, k.fma(k.mulF(distance, distance), k.immF(double(group)), squares));
  }
  Value meanOf(Value sum) const { return k.mulF(sum, k.immF(1.0 / double(pairs))); }
  Value factorOf(Value squares) const {
    return emitReciprocalDeviation(k, squares, pairs * group, eps);
  }

  KernelBuilder &k;
  const int64_t pairs, group;
  const double eps;
  const bool centred;
};

} // namespace

Values momentsOfGroup(KernelBuilder &k, ArrayRef<Value> values, int64_t group, bool inQuad) {
  Value sum = emitSum(k, Values(values));
  Value mean = k.mulF(inQuad ? overQuad(k, sum) : sum, k.immF(1.0 / double(group)));
  Value squares = sumOfSquares(k, values, mean);
  return {mean, inQuad ? overQuad(k, squares) : squares};
}

RowMoments mergeMoments(KernelBuilder &k, vit::NormalizeOp op, Value row) {
  Merge merge(k, op);
  Value pointer = k.at(k.pointer(op.getMoments()), k.f32, k.mul(row, 2 * merge.pairs));
  auto overPairs = [&](llvm::function_ref<Value(Value sum, ArrayRef<Value> pair)> add) {
    Values zero = {k.immF(0.0)};
    return k.rolledLoop(k.imm(0), k.imm(merge.pairs), 1, zero, [&](Value i, ValueRange sum) {
      Value at = k.at(pointer, k.f32, k.mul(i, 2));
      return Values{add(sum[0], k.loadValues(at, k.f32, 2, /*readOnly=*/true))};
    })[0];
  };
  RowMoments result;
  if (merge.centred)
    result.mean = merge.meanOf(
        overPairs([&](Value sum, ArrayRef<Value> pair) { return k.addF(sum, pair[0]); }));
  result.factor = merge.factorOf(overPairs([&](Value sum, ArrayRef<Value> pair) {
    return merge.add(sum, pair[1], pair[0], result.mean);
  }));
  return result;
}

static constexpr int64_t lanesOfRow = 4;

MomentsOfBlock::MomentsOfBlock(KernelBuilder &k, vit::NormalizeOp op, const GemmPlan &p,
                               const GemmPlace &place)
    : k(k), op(op), p(p), place(place), part(k.bitAnd(k.tid(), lanesOfRow - 1)),
      pairs(KernelBuilder::widthOf(op.getMoments()) / 2), step(p.threads / lanesOfRow),
      ahead(readTogether(0)) {}

/// Of rows `first` to `first` + `step`, that of this thread.
MomentsOfBlock::Row MomentsOfBlock::read(int64_t first) {
  Row result;
  result.row = k.add(k.shr(k.tid(), 2), first);
  // Beyond the block or M another row's: all lanes are there for the shuffles.
  Value lastRow = k.add(place.rows, k.imm(-1));
  Value global = k.min(k.add(place.blockRow, k.min(result.row, p.bm - 1)), lastRow);
  Value pointer = k.pointer(op.getMoments()), start = k.mul(global, 2 * pairs);
  Value base = k.add(start, k.shl(part, 1));
  for (int64_t i = 0; i < pairs; i += lanesOfRow) {
    bool ragged = i + lanesOfRow > pairs;
    Value offset = ragged ? k.min(base, k.add(start, k.imm(2 * (pairs - 1 - i)))) : base;
    Values pair = k.loadValues(k.at(pointer, k.f32, offset, 2 * i), k.f32, 2, /*readOnly=*/true);
    pair.push_back(ragged ? k.less(part, pairs - i) : Value());
    result.pairs.push_back(pair);
  }
  return result;
}

/// All rows that wait for memory once, from row `first` of the block on.
SmallVector<MomentsOfBlock::Row> MomentsOfBlock::readTogether(int64_t first) {
  constexpr int64_t registers = 64; // no sums are live yet
  int64_t ofRow = 2 * llvm::divideCeil(pairs, lanesOfRow);
  SmallVector<Row> rows;
  for (int64_t i = first; i < p.bm && (rows.empty() || std::ssize(rows) * ofRow < registers);
       i += step)
    rows.push_back(read(i));
  return rows;
}

RowMoments MomentsOfBlock::merged(const Row &row) {
  Merge merge(k, op);
  Value zero = k.immF(0.0);
  auto sumOf = [&](llvm::function_ref<Value(ArrayRef<Value> pair)> value) {
    Value sum = zero;
    for (const Values &pair : row.pairs)
      sum = k.addF(sum, pair[2] ? k.select(pair[2], value(pair), zero) : value(pair));
    return overQuad(k, sum);
  };
  Value mean =
      merge.centred ? merge.meanOf(sumOf([](ArrayRef<Value> pair) { return pair[0]; })) : zero;
  return {mean, merge.factorOf(sumOf([&](ArrayRef<Value> pair) {
            return merge.add(zero, pair[1], pair[0], mean);
          }))};
}

/// What they are first, then the stores, whose branches would keep one row waiting for another.
void MomentsOfBlock::store(ArrayRef<Row> rows) {
  SmallVector<RowMoments> all;
  for (const Row &row : rows)
    all.push_back(merged(row));
  for (auto [at, moments] : llvm::zip_equal(rows, all)) {
    Value row = at.row, mean = moments.mean, factor = moments.factor;
    k.ifThen(k.both(k.equal(part, 0), k.less(row, p.bm)), [&] {
      k.storeValues({mean, factor}, k.atByte(k.dynamicShared(), k.shl(row, 3), p.rowsOffset),
                    k.f32);
    });
  }
}

void MomentsOfBlock::merge() {
  int64_t done = std::ssize(ahead) * step;
  store(ahead);
  while (done < p.bm) {
    SmallVector<Row> next = readTogether(done);
    store(next);
    done += std::ssize(next) * step;
  }
}

RowMoments momentsInBlock(KernelBuilder &k, const GemmPlan &p, Value row, int64_t delta) {
  Values pair =
      k.loadValues(k.atByte(k.dynamicShared(), k.shl(row, 3), p.rowsOffset + 8 * delta), k.f32, 2);
  return {pair[0], pair[1]};
}

// Fused ops ------------------------------------------------------------------

/// Of `count` / 2 groups, each read here, vector by vector.
Values Region::makeMoments(vit::MomentsOp op, const Place &place, unsigned count) {
  auto group = static_cast<int64_t>(op.getGroup());
  int vector = cost::vectorWidth(group);
  Values result;
  for (unsigned pair = 0; pair < count; pair += 2) {
    Value index = k.shr(k.add(place.column, k.imm(place.delta + static_cast<int64_t>(pair))), 1);
    Value column = k.mul(index, group);
    Values all;
    for (int64_t first = 0; first < group; first += vector) {
      Known known;
      all.append(evaluate(op.getInput(), {place.row, column, first, place.token}, vector, known));
    }
    result.append(momentsOfGroup(k, all, group, /*inQuad=*/false));
  }
  return result;
}

Values Region::normalize(vit::NormalizeOp op, const Place &place, const Values &values,
                         const Values &sums) {
  RowMoments row = place.moments == op.getMoments() ? RowMoments{place.mean, place.factor}
                                                    : mergeMoments(k, op, place.row);
  Values result;
  for (auto [i, value] : llvm::enumerate(values)) {
    Value centred = op.getSums() ? k.fma(k.negF(row.mean), sums[i], value) : value;
    result.push_back(k.mulF(centred, row.factor));
  }
  return result;
}

} // namespace vitc::codegen
