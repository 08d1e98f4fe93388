//===- GemmEpilogue.cpp - From accumulators to results --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The fused ops on the accumulators, column group by column group, then stores.
//
// Accumulators hold neighbouring columns in pairs. Stored directly, a warp would write 16 bytes of
// each of 8 rows; where rows allow it they pass through shared memory, warp by warp and without
// block barriers, and leave in 16-byte stores. Rows beyond M and columns beyond N are not stored.
//
// Moments are made on the way, when a quad of lanes has had a group's columns of a row.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Moments.h"
#include "codegen/nvptx/kernels/Region.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

class Epilogue {
public:
  Epilogue(KernelBuilder &k, const GemmPlan &p, const GemmPlace &place, const Values &sums)
      : k(k), p(p), place(place), sums(sums), region(k) {}

  void emit();

private:
  /// An M x N array that is written. In a slot of shared memory it has rows of one mma tile.
  struct Output {
    Value yielded, pointer;
    Type type;
    int64_t pitch = 0, offset = 0; ///< of its rows in a slot, and of itself, bytes

    int64_t bytes() const { return vit::bytesOf(type); }
  };

  /// Moments of one group of columns in a row, made and not stored yet.
  struct GroupMoments {
    Value row, column;
    Values pair;
  };

  /// Moments that are a result, and what there is so far of a group's columns in this lane.
  struct Moments {
    vit::MomentsOp op;
    Value pointer;
    Values columns;
    SmallVector<GroupMoments> made;
  };

  void prepareOutputs();
  void layOutSlots();
  SmallVector<Values> outputsAt(const Place &at, int64_t i, int64_t half, int64_t j, unsigned first,
                                unsigned count);
  Place placeOf(Value row, int64_t j, unsigned vector, RowMoments moments);
  RowMoments momentsOf(int64_t i, int64_t half);
  void makeMoments(Value row, int64_t j);
  void storeMoments();
  void storeStaged();
  void fillSlot(Value slot, int64_t i);
  void storeSlot(Value slot, int64_t i);
  void storeDirect();
  void storePair(Value row, int64_t i, int64_t half, int64_t j);

  KernelBuilder &k;
  const GemmPlan &p;
  const GemmPlace &place;
  const Values &sums;
  Region region;
  Value firstRow, firstColumn; ///< of this lane's accumulators
  SmallVector<Output, 4> outputs;
  SmallVector<Moments, 1> moments;
};

void Epilogue::prepareOutputs() {
  for (auto [r, yielded] : llvm::enumerate(k.kernel.getYield().getValues()))
    if (auto op = yielded.getDefiningOp<vit::MomentsOp>())
      moments.push_back({op, k.resultPointer(r), {}, {}});
    else
      outputs.push_back({yielded, k.resultPointer(r), k.resultType(r).getElementType()});
}

void Epilogue::layOutSlots() {
  int64_t offset = 0;
  for (Output &output : outputs) {
    output.pitch = p.slotColumns * output.bytes();
    output.offset = offset;
    offset += p.mma->m * output.pitch;
  }
}

/// What each output has in row `half` and columns `first` to `first + count` of a pair of
/// accumulators; `at` is where that is.
SmallVector<Values> Epilogue::outputsAt(const Place &at, int64_t i, int64_t half, int64_t j,
                                        unsigned first, unsigned count) {
  Known known;
  for (auto [linear, op] : llvm::enumerate(p.linears)) {
    int64_t tile = (static_cast<int64_t>(linear) * p.tilesM() + i) * p.tilesN() + j;
    ArrayRef<Value> pair = ArrayRef(sums).slice(tile * p.mma->sums() + half * 2 + first, count);
    known[vit::LinearOp(op).getResult()] = Values(pair);
  }
  SmallVector<Values> all;
  for (const Output &output : outputs)
    all.push_back(region.evaluate(output.yielded, at, count, known));
  for (Moments &of : moments)
    of.columns.append(region.evaluate(of.op.getInput(), at, count, known));
  return all;
}

/// The columns of the j-th n8 tile in `row`, moved inside N.
Place Epilogue::placeOf(Value row, int64_t j, unsigned vector, RowMoments moments) {
  Place at;
  at.row = row;
  at.mean = moments.mean, at.factor = moments.factor;
  at.moments = p.moments;
  if (p.n % p.bn == 0) {
    at.column = firstColumn;
    at.delta = j * p.mma->n;
  } else {
    at.column = k.min(k.add(firstColumn, j * p.mma->n), p.n - vector);
  }
  return at;
}

RowMoments Epilogue::momentsOf(int64_t i, int64_t half) {
  if (!p.normalize)
    return {};
  return momentsInBlock(k, p, k.add(place.warpRow, k.shr(k.lane(), 2)),
                        i * p.mma->m + half * p.mma->m / 2);
}

/// Of the groups of `row` whose last columns are those of n8 tile `j`.
void Epilogue::makeMoments(Value row, int64_t j) {
  int64_t end = (j + 1) * p.mma->n;
  for (Moments &of : moments) {
    auto group = static_cast<int64_t>(of.op.getGroup());
    if (end % group != 0)
      continue;
    Value column = k.add(k.add(place.blockColumn, place.warpColumn), end - group);
    of.made.push_back({row, column, momentsOfGroup(k, of.columns, group, /*inQuad=*/true)});
    of.columns.clear();
  }
}

/// Behind all that make them: a store is a branch, and one group would wait for the shuffles of
/// the other.
void Epilogue::storeMoments() {
  for (Moments &of : moments) {
    auto group = static_cast<int64_t>(of.op.getGroup());
    for (const GroupMoments &made : of.made) {
      Value exists = k.both(k.equal(k.bitAnd(k.lane(), 3), 0), k.less(made.row, place.rows));
      if (p.n % p.bn != 0)
        exists = k.both(exists, k.less(made.column, p.n));
      Value offset =
          k.add(k.mul(made.row, 2 * (p.n / group)), k.shl(k.divU(made.column, group), 1));
      k.ifThen(exists, [&] { k.storeValues(made.pair, k.at(of.pointer, k.f32, offset), k.f32); });
    }
    of.made.clear();
  }
}

void Epilogue::storeStaged() {
  k.barrier(); // the last block has been read by all: the ring is free
  Value shared = k.atByte(k.dynamicShared(), k.mul(k.warp(), p.slots * p.slotBytes));
  Value warpRow = k.add(place.blockRow, place.warpRow);
  // To ptxas the code for all rows would be one piece: what the fused ops read, and which columns
  // exist, it would have ready for as many rows ahead as there are registers, and spill for the
  // others. So each slot is a branch.
  bool branches = region.rowOperands() > 0 || p.n % p.bn != 0;
  for (int64_t i = 0; i < p.tilesM(); ++i) {
    Value exists = branches ? k.less(k.add(warpRow, i * p.mma->m), place.rows) : Value();
    k.ifThen(exists, [&] {
      Value slot = k.atByte(shared, {}, i % p.slots * p.slotBytes);
      if (p.slots == 1 && i > 0)
        k.syncWarp(); // the slot has been read; of two, the sync between has seen to it
      fillSlot(slot, i);
      k.syncWarp();
      storeSlot(slot, i);
    });
  }
}

void Epilogue::fillSlot(Value slot, int64_t i) {
  Value lastRow = k.add(place.rows, k.imm(-1));
  Value row = k.shr(k.lane(), 2), pair = k.bitAnd(k.lane(), 3);
  for (int64_t half = 0; half < 2; ++half) {
    Value here = k.add(firstRow, i * p.mma->m + half * p.mma->m / 2);
    Value mine = k.min(here, lastRow);
    RowMoments normal = momentsOf(i, half);
    for (int64_t j = 0; j < p.tilesN(); ++j) {
      SmallVector<Values> all = outputsAt(placeOf(mine, j, 2, normal), i, half, j, 0, 2);
      for (auto [output, values] : llvm::zip_equal(outputs, all)) {
        Value offset = k.add(k.mul(row, output.pitch), k.mul(pair, 2 * output.bytes()));
        int64_t delta =
            output.offset + half * p.mma->m / 2 * output.pitch + j * p.mma->n * output.bytes();
        k.storeValues(values, k.atByte(slot, offset, delta), output.type);
      }
      makeMoments(here, j);
    }
  }
  storeMoments();
}

/// The rows of a slot from shared memory to each output, 16 bytes a lane.
void Epilogue::storeSlot(Value slot, int64_t i) {
  for (const Output &output : outputs) {
    int64_t perRow = p.wn * output.bytes() / cost::copyBytes;
    int64_t columns = cost::copyColumns(output.bytes()), chunks = p.mma->m * perRow;
    for (int64_t first = 0; first < chunks; first += 32) {
      Value chunk = k.add(k.lane(), first), mine;
      if (first + 32 > chunks) { // fewer chunks are left than lanes
        mine = k.less(chunk, chunks);
        chunk = k.min(chunk, chunks - 1);
      }
      Value row = k.divU(chunk, perRow), part = k.remU(chunk, perRow);
      Value offset = k.add(k.mul(row, output.pitch), k.shl(part, 4));
      Value data = k.load(k.atByte(slot, offset, output.offset), VectorType::get(4, k.i32));
      Value globalRow = k.add(k.add(k.add(place.blockRow, place.warpRow), row), i * p.mma->m);
      Value column = k.add(k.add(place.blockColumn, place.warpColumn), k.mul(part, columns));
      Value exists = k.both(mine, k.less(globalRow, place.rows));
      if (p.n % p.bn != 0)
        exists = k.both(exists, k.less(column, p.n));
      k.ifThen(exists, [&] {
        k.store(data, k.at(output.pointer, output.type, k.add(k.mul(globalRow, p.n), column)));
      });
    }
  }
}

void Epilogue::storeDirect() {
  for (int64_t i = 0; i < p.tilesM(); ++i)
    for (int64_t half = 0; half < 2; ++half) {
      Value row = k.add(firstRow, i * p.mma->m + half * p.mma->m / 2);
      k.ifThen(k.less(row, place.rows), [&] {
        for (int64_t j = 0; j < p.tilesN(); ++j)
          storePair(row, i, half, j);
      });
    }
}

/// Two neighbours of an existing row; where N is odd, each for itself.
void Epilogue::storePair(Value row, int64_t i, int64_t half, int64_t j) {
  unsigned vector = p.n % 2 == 0 ? 2 : 1;
  RowMoments normal = momentsOf(i, half);
  for (unsigned first = 0; first < 2; first += vector) {
    Place at{row, firstColumn, j * p.mma->n + first, {}};
    at.mean = normal.mean, at.factor = normal.factor;
    at.moments = p.moments;
    Value column = k.add(firstColumn, at.delta);
    k.ifThen(p.n % p.bn == 0 ? Value() : k.less(column, p.n), [&] {
      Value offset = k.add(k.mul(row, p.n), firstColumn);
      SmallVector<Values> all = outputsAt(at, i, half, j, first, vector);
      for (auto [output, values] : llvm::zip_equal(outputs, all))
        k.storeValues(values, k.at(output.pointer, output.type, offset, at.delta), output.type);
    });
  }
}

void Epilogue::emit() {
  Value lane = k.lane();
  firstRow = k.add(k.add(place.blockRow, place.warpRow), k.shr(lane, 2));
  firstColumn = k.add(k.add(place.blockColumn, place.warpColumn), k.shl(k.bitAnd(lane, 3), 1));
  prepareOutputs();
  layOutSlots();
  p.staged ? storeStaged() : storeDirect();
}

} // namespace

void emitGemmEpilogue(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place,
                      const Values &sums) {
  Epilogue(k, plan, place, sums).emit();
}

} // namespace vitc::codegen
