//===- Norm.cpp - Norms of rows, with what comes before and after ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One warp per row. The row is read once (or computed, as by a residual add) and stays in
// registers: the mean, then the variance around it, then the result. A schedule with `recompute`
// reads it again, and computes it anew, for each of the three; so are rows that are too wide for
// registers. Which lane has which column and what is added in which order depends on the width
// alone, so a row's bits depend on nothing but the row.
//
// A row of several groups is as many rows for the norm; what is fused sees the whole one.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Norm.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Region.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

class NormEmitter {
public:
  explicit NormEmitter(KernelBuilder &k)
      : k(k), op(cast<vit::NormInterface>(k.root())), region(k),
        width(k.work.columns / k.work.groups),
        columns(op.getColumns() ? static_cast<int64_t>(op.getColumns()) : width),
        geometry(cost::normGeometry(k.work, k.schedule.norm())), vector(geometry.vector),
        vectors(geometry.vectors) {}

  LogicalResult emit();

private:
  /// A vector of columns of this lane; `exists` is null if all lanes have one.
  struct Chunk {
    Place place;
    Value exists;
    Values x;
  };
  Chunk chunkAt(Value row, int64_t index);
  Place placeOf(Value row, Value column, int64_t delta);
  Place inGroup(Place place);
  void rowInRegisters(Value row);
  void rowFromMemory(Value row);
  Values normalise(const Place &place, ArrayRef<Value> x, Value mean, Value factor);
  void storeIf(bool afterNorm, const Place &place, Value exists, Known &known);

  Value total(Value sum);
  Values squaresAround(const Place &place, Value mean, ArrayRef<Value> x);
  Value reciprocalDeviation(Value squares);
  bool usesNorm(Value value);

  KernelBuilder &k;
  vit::NormInterface op;
  Region region;
  const int64_t width;   // of a group: all columns, if there is one
  const int64_t columns; // that count; those behind them are zeros
  const cost::NormGeometry geometry;
  const unsigned vector;
  const int64_t vectors; // in a group
};

/// Sum over the lanes, the same bits in all of them.
Value NormEmitter::total(Value sum) {
  for (int lanes : {16, 8, 4, 2, 1})
    sum = k.addF(sum, k.shuffleXor(sum, lanes));
  return sum;
}

Value NormEmitter::reciprocalDeviation(Value squares) {
  return emitReciprocalDeviation(k, total(squares), columns, op.getEps().convertToDouble());
}

Values NormEmitter::squaresAround(const Place &place, Value mean, ArrayRef<Value> x) {
  Values squares;
  for (auto [i, value] : llvm::enumerate(x)) {
    Value distance = mean ? k.subF(value, mean) : value;
    if (mean && columns != width) {
      Value column = k.add(place.column, k.imm(place.delta + static_cast<int64_t>(i)));
      distance = k.select(k.less(column, columns), distance, k.immF(0.0));
    }
    squares.push_back(k.mulF(distance, distance));
  }
  return squares;
}

bool NormEmitter::usesNorm(Value value) {
  Operation *from = value.getDefiningOp();
  return from &&
         (from == op.getOperation() ||
          llvm::any_of(from->getOperands(), [&](Value operand) { return usesNorm(operand); }));
}

Values NormEmitter::normalise(const Place &place, ArrayRef<Value> x, Value mean, Value factor) {
  Known vectorsOnly;
  Values scale, shift, result;
  if (Value factors = op.getScale())
    scale = region.evaluate(factors, inGroup(place), vector, vectorsOnly);
  if (Value summands = op.getShift())
    shift = region.evaluate(summands, inGroup(place), vector, vectorsOnly);
  for (unsigned i = 0; i < vector; ++i) {
    Value normal = k.mulF(mean ? k.subF(x[i], mean) : x[i], factor);
    if (!scale.empty())
      normal = shift.empty() ? k.mulF(normal, scale[i]) : k.fma(normal, scale[i], shift[i]);
    result.push_back(normal);
  }
  return result;
}

/// Stores the results that need the norm, or those that do not: these go out before the mean is
/// known, so that nothing but the norm's input stays in registers.
void NormEmitter::storeIf(bool afterNorm, const Place &place, Value exists, Known &known) {
  for (auto [i, yielded] : llvm::enumerate(k.kernel.getYield().getValues()))
    if (usesNorm(yielded) == afterNorm) {
      Values values = region.evaluate(yielded, place, vector, known);
      k.ifThen(exists, [&] { region.store(i, place, values); });
    }
}

/// Columns of row `row` of those that are normalised: one of the groups of a row of the launch.
Place NormEmitter::placeOf(Value row, Value column, int64_t delta) {
  int64_t groups = k.work.groups;
  Value group = k.remU(row, groups);
  return {k.divU(row, groups), k.add(k.mul(group, width), column), delta, {}};
}

/// Where a place is in its group, as scale and shift have it.
Place NormEmitter::inGroup(Place place) {
  if (k.work.groups > 1)
    place.column = k.remU(place.column, width);
  return place;
}

NormEmitter::Chunk NormEmitter::chunkAt(Value row, int64_t index) {
  Chunk chunk;
  Value lane = k.lane();
  int64_t lanes = vectors - 32 * index;
  if (lanes < 32) { // the others repeat the last one's work and drop it
    chunk.exists = k.less(lane, lanes);
    lane = k.min(lane, lanes - 1);
  }
  chunk.place = placeOf(row, k.mul(lane, vector), 32 * index * vector);
  return chunk;
}

void NormEmitter::rowInRegisters(Value row) {
  SmallVector<Chunk> chunks;
  // Vector by vector, as rowFromMemory adds.
  Value sum = k.immF(0.0), squares = sum, mean; // null: 0
  auto masked = [&](const Chunk &chunk, Value value) {
    return chunk.exists ? k.select(chunk.exists, value, k.immF(0.0)) : value;
  };
  for (int64_t index = 0; index < geometry.held; ++index) {
    Chunk chunk = chunkAt(row, index);
    Known known;
    chunk.x = region.evaluate(op.getInput(), chunk.place, vector, known);
    storeIf(/*afterNorm=*/false, chunk.place, chunk.exists, known);
    if (op.subtractsMean())
      sum = k.addF(sum, masked(chunk, emitSum(k, chunk.x)));
    chunks.push_back(chunk);
  }
  if (op.subtractsMean())
    mean = k.mulF(total(sum), k.immF(1.0 / columns));
  for (const Chunk &chunk : chunks)
    squares = k.addF(squares, masked(chunk, emitSum(k, squaresAround(chunk.place, mean, chunk.x))));
  Value factor = reciprocalDeviation(squares);
  for (const Chunk &chunk : chunks) {
    Known known{{op.getInput(), chunk.x},
                {op->getResult(0), normalise(chunk.place, chunk.x, mean, factor)}};
    storeIf(/*afterNorm=*/true, chunk.place, chunk.exists, known);
  }
}

void NormEmitter::rowFromMemory(Value row) {
  // Unrolled loops over known addresses would be merged to one that keeps the row in registers.
  auto overRow = [&](function_ref<Values(const Place &, Known &, ValueRange)> body,
                     const Values &initial) {
    return k.rolledLoop(k.lane(), k.imm(vectors), 32, initial, [&](Value index, ValueRange sums) {
      Place place = placeOf(row, k.mul(index, vector), 0);
      Known known;
      region.evaluate(op.getInput(), place, vector, known);
      return body(place, known, sums);
    });
  };
  Value zero = k.immF(0.0), mean; // null: 0
  if (op.subtractsMean()) {
    Values sum = overRow(
        [&](const Place &place, Known &known, ValueRange sums) -> Values {
          storeIf(/*afterNorm=*/false, place, {}, known);
          return {k.addF(sums[0], emitSum(k, known[op.getInput()]))};
        },
        {zero});
    mean = k.mulF(total(sum[0]), k.immF(1.0 / columns));
  }
  Values squares = overRow(
      [&](const Place &place, Known &known, ValueRange sums) -> Values {
        if (!mean)
          storeIf(/*afterNorm=*/false, place, {}, known);
        return {k.addF(sums[0], emitSum(k, squaresAround(place, mean, known[op.getInput()])))};
      },
      {zero});
  Value factor = reciprocalDeviation(squares[0]);
  overRow(
      [&](const Place &place, Known &known, ValueRange) -> Values {
        Values x = known[op.getInput()];
        known[op->getResult(0)] = normalise(place, x, mean, factor);
        storeIf(/*afterNorm=*/true, place, {}, known);
        return {};
      },
      {});
}

LogicalResult NormEmitter::emit() {
  int64_t perWarp = k.schedule.norm().warp;
  Value rows = k.mul(k.rows(k.typeOf(op.getInput())), k.work.groups);
  Value first = k.mul(k.add(k.mul(k.ctaX(), geometry.warps), k.warp()), perWarp);
  auto emitRow = [&](Value row) {
    k.ifThen(k.less(row, rows), [&] { // one row, one warp: all lanes go the same way
      geometry.readsAgain ? rowFromMemory(row) : rowInRegisters(row);
    });
  };
  if (perWarp == 1)
    emitRow(first);
  else
    k.loop(first, k.add(first, perWarp), 1, {}, [&](Value row, ValueRange) -> Values {
      emitRow(row);
      return {};
    });

  return k.finish(geometry);
}

} // namespace

LogicalResult emitNorm(KernelBuilder &k) { return NormEmitter(k).emit(); }

} // namespace vitc::codegen
