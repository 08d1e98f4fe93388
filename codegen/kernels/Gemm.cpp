//===- Gemm.cpp - Kernels around vit.linear -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// C = A * transpose(B) with A (the activations) M x K and B (the weight) N x K, both K-contiguous
// and 16-bit, on mma.sync m16n8k16 with f32 sums. A block computes BM x BN, a warp WM x WN of it.
//
//   prologue   copy k-blocks 0 .. stages-2 into the ring of stages, one cp.async group each
//   main loop  wait for k-block i; barrier; copy k-block i + stages - 1 into the stage that block
//              i - 1 has left; ldmatrix and mma on block i
//   epilogue   the fused ops on the accumulators, then stores
//
// The one barrier per k-block is enough: a warp that passes it has finished block i - 1, so the
// copy into that stage can start, and everybody's copies of block i have arrived.
//
// A stage holds BM rows of A, then BN rows of B, BK values each. Rows are 64 or 128 bytes, so the
// eight rows of an ldmatrix phase would share banks: 16-byte chunk c of row r lies at c ^ (r >> 1 &
// 3) or c ^ (r & 7). With that every address is a base per thread, fixed for the whole kernel, plus
// immediates; the second k16 step of a block is the base xor 32. Only the two global pointers and
// the two stage offsets change in the loop.
//
// Accumulators hold neighbouring columns in pairs. Stored directly, a warp would write 16 bytes of
// each of 8 rows; where rows allow it they pass through shared memory, warp by warp and without
// block barriers, and leave in 16-byte stores. Rows beyond M and columns beyond N enter as zeros
// (cp.async reads no bytes for them) and are not stored. K is a multiple of 8.
//
//===----------------------------------------------------------------------===//

#include "codegen/kernels/Kernels.h"
#include "codegen/kernels/Region.h"

#include <algorithm>

using namespace mlir;

namespace vitc {

namespace {

using Values = SmallVector<Value>;

class Gemm {
public:
  explicit Gemm(KernelBuilder &k) : k(k), linear(k.rootAs<vit::LinearOp>()) {}
  LogicalResult emit();

private:
  /// The part of a stage that one operand fills, and how this thread copies its share.
  struct Operand {
    Value pointer;  ///< global: this thread's first chunk of k-block 0
    Value target;   ///< bytes from the start of a stage to where that chunk goes
    Values inRange; ///< by chunk: its row exists (null: always)
    int64_t rows = 0;
  };

  LogicalResult readSchedule();
  Operand prepareOperand(Value pointer, Value firstRow, int64_t tileRows, Value rows,
                         int64_t stageOffset);
  void copyOperand(const Operand &operand, Value pointer, Value stage, Value column);
  void copyBlock(Value pointerA, Value pointerB, Value stage, Value column);
  Value fragmentBase(Value row, Value chunk, int64_t stageOffset);
  Values multiply(Value stage, ArrayRef<Value> sums);
  Values mainLoop();

  void prepareEpilogue();
  Place placeOf(Value row, int64_t j, unsigned vector);
  void storeStaged(ArrayRef<Value> sums);
  void storeSlot(Value slot, int64_t i);
  void storeDirect(ArrayRef<Value> sums);
  void storePair(Value row, int64_t j, ArrayRef<Value> pair);

  KernelBuilder &k;
  vit::LinearOp linear;
  Type storage;
  int64_t n = 0, depth = 0; ///< N and K
  int64_t bm = 0, bn = 0, bk = 0, wm = 0, wn = 0, stages = 0;
  int64_t threads = 0, blocks = 0, stageBytes = 0;  ///< blocks: along K
  Value rows;                                       ///< M
  Value blockRow, blockColumn, warpRow, warpColumn; ///< first of the block; of the warp in it
  Operand a, b;
  Value baseA, baseB; ///< ldmatrix: bytes from the start of a stage, for this lane

  // Epilogue.
  Value firstRow, firstColumn;               ///< of this lane's accumulators
  SmallVector<int64_t> pitches, slotOffsets; ///< of results in a slot, bytes
  int64_t slotBytes = 0, slots = 0;
};

LogicalResult Gemm::readSchedule() {
  vit::ScheduleAttr schedule = k.schedule(3, 2);
  if (!schedule)
    return failure();
  storage = k.storageOf(linear.getInput());
  if (storage == k.f32)
    return k.error() << "expected a linear on f16 or bf16, found f32";
  n = linear.getWeight().getType().getDimSize(0);
  depth = linear.getWeight().getType().getDimSize(1);
  if (depth % 8 != 0)
    return k.error() << "expected K to be a multiple of 8, found " << depth
                     << ": run vit-pad-widths";
  bm = schedule.getBlock()[0], bn = schedule.getBlock()[1], bk = schedule.getBlock()[2];
  wm = schedule.getWarp()[0], wn = schedule.getWarp()[1];
  stages = schedule.getStages();
  if (bk != 32 && bk != 64)
    return k.error() << "expected BK of 32 or 64, found " << bk;
  if (bm % wm != 0 || bn % wn != 0 || wm % 16 != 0 || wn % 16 != 0)
    return k.error() << "expected a warp tile of multiples of 16 that divides the block tile " << bm
                     << "x" << bn << ", found " << wm << "x" << wn;
  if (wm * wn > 64 * 128)
    return k.error() << "expected a warp tile of at most 8192 accumulators, found " << wm << "x"
                     << wn;
  if (stages < 2)
    return k.error() << "expected at least 2 stages, found " << stages;
  threads = bm / wm * (bn / wn) * 32;
  blocks = llvm::divideCeil(depth, bk);
  stageBytes = (bm + bn) * bk * 2;
  return success();
}

/// Chunks of 16 bytes go to threads in order: one row after the other, so a warp reads whole
/// segments. A thread keeps its column and goes down by threads / (BK / 8) rows.
Gemm::Operand Gemm::prepareOperand(Value pointer, Value firstRow, int64_t tileRows, Value rows,
                                   int64_t stageOffset) {
  int64_t perRow = bk / 8, step = threads / perRow;
  Value row = k.divU(k.tid(), perRow), chunk = k.remU(k.tid(), perRow);
  Value place = k.add(firstRow, row);
  Operand operand;
  operand.rows = tileRows;
  operand.pointer = k.at(pointer, storage, k.add(k.mul(place, depth), k.mul(chunk, 8)));
  operand.target = fragmentBase(row, chunk, stageOffset);
  for (int64_t first = 0; first < tileRows; first += step)
    operand.inRange.push_back(rows ? k.less(k.add(place, first), rows) : Value());
  return operand;
}

/// Where chunk `chunk` of row `row` lies in its part of a stage.
Value Gemm::fragmentBase(Value row, Value chunk, int64_t stageOffset) {
  Value key = bk == 32 ? k.bitAnd(k.shr(row, 1), 3) : k.bitAnd(row, 7);
  Value offset = k.add(k.mul(row, bk * 2), k.shl(k.bitXor(chunk, key), 4));
  return k.add(offset, stageOffset);
}

/// `column` is the first column of the k-block, or null where all of it exists.
void Gemm::copyOperand(const Operand &operand, Value pointer, Value stage, Value column) {
  int64_t perRow = bk / 8, step = threads / perRow;
  Value target = k.add(stage, operand.target);
  Value columnExists;
  if (column)
    columnExists = k.less(k.add(column, k.mul(k.remU(k.tid(), perRow), 8)), depth);
  for (auto [i, inRange] : llvm::enumerate(operand.inRange)) {
    int64_t row = i * step;
    auto copy = [&, inRange = inRange] {
      Value exists = k.both(inRange, columnExists), bytes;
      if (exists)
        bytes = k.select(exists, k.imm(16), k.imm(0));
      // The xor key repeats every 8 rows; a block of one warp steps by less.
      Value to = target;
      if (step % 8 != 0 && row % 8 != 0) {
        Value mine = k.add(k.divU(k.tid(), perRow), row % 8);
        Value first = fragmentBase(k.divU(k.tid(), perRow), k.remU(k.tid(), perRow), 0);
        Value other = fragmentBase(mine, k.remU(k.tid(), perRow), 0);
        to = k.add(target, k.sub(other, first));
      }
      int64_t down = step % 8 != 0 ? row / 8 * 8 : row;
      k.cpAsync(k.atByte(k.dynamicShared(), to, down * bk * 2),
                k.at(pointer, storage, {}, row * depth), 16, bytes);
    };
    bool whole = row + step <= operand.rows;
    k.ifThen(whole ? Value() : k.less(k.divU(k.tid(), perRow), operand.rows - row), copy);
  }
}

void Gemm::copyBlock(Value pointerA, Value pointerB, Value stage, Value column) {
  copyOperand(a, pointerA, stage, column);
  copyOperand(b, pointerB, stage, column);
}

/// All k16 steps on the block that lies in `stage` (bytes).
Values Gemm::multiply(Value stage, ArrayRef<Value> sums) {
  Values result(sums);
  Value shared = k.dynamicShared();
  Value stageA = k.add(stage, baseA), stageB = k.add(stage, baseB);
  int64_t rowBytes = bk * 2;
  for (int64_t step = 0; step < bk / 16; ++step) {
    Value atA = k.atByte(shared, k.bitXor(stageA, step * 32));
    Value atB = k.atByte(shared, k.bitXor(stageB, step * 32));
    SmallVector<Values> left, right;
    for (int64_t i = 0; i < wm / 16; ++i)
      left.push_back(k.ldmatrix(k.atByte(atA, {}, i * 16 * rowBytes), 4));
    for (int64_t j = 0; j < wn / 16; ++j) {
      Values two = k.ldmatrix(k.atByte(atB, {}, j * 16 * rowBytes), 4);
      right.push_back({two[0], two[1]});
      right.push_back({two[2], two[3]});
    }
    for (int64_t i = 0; i < wm / 16; ++i)
      for (int64_t j = 0; j < wn / 8; ++j) {
        Value *sum = &result[(i * (wn / 8) + j) * 4];
        llvm::copy(k.mma(left[i], right[j], ArrayRef<Value>(sum, 4), storage), sum);
      }
  }
  return result;
}

/// Returns the accumulators: for each m16 and n8 of the warp tile, the four of mma.
Values Gemm::mainLoop() {
  // Past the last column of a ragged K nothing is read. Only the last block has such columns,
  // and it is copied in the prologue or by the last copy of the loop.
  bool ragged = depth % bk != 0;
  auto columnOf = [&](Value block) { return ragged ? k.mul(block, bk) : Value(); };
  for (int64_t block = 0; block < stages - 1; ++block) {
    if (block < blocks)
      copyBlock(k.at(a.pointer, storage, {}, block * bk), k.at(b.pointer, storage, {}, block * bk),
                k.imm(block * stageBytes), block == blocks - 1 ? columnOf(k.imm(block)) : Value());
    k.cpAsyncCommit();
  }

  Values state(wm * wn / 32, k.immF(0.0));
  size_t sums = state.size();
  int64_t ahead = (stages - 1) * bk;
  state.append({k.at(a.pointer, storage, {}, ahead), k.at(b.pointer, storage, {}, ahead), k.imm(0),
                k.imm((stages - 1) * stageBytes)});
  auto following = [&](Value stage) {
    Value next = k.add(stage, stageBytes);
    return k.select(k.equal(next, stages * stageBytes), k.imm(0), next);
  };
  state = k.loop(k.imm(0), k.imm(blocks), 1, state, [&](Value block, ValueRange args) {
    Value pointerA = args[sums], pointerB = args[sums + 1];
    Value reading = args[sums + 2], writing = args[sums + 3];
    k.cpAsyncWait(stages - 2);
    k.barrier();
    if (blocks > stages - 1)
      k.ifThen(k.less(block, blocks - (stages - 1)),
               [&] { copyBlock(pointerA, pointerB, writing, columnOf(k.add(block, stages - 1))); });
    k.cpAsyncCommit(); // also without a copy: the wait counts groups
    Values next = multiply(reading, Values(args.take_front(sums)));
    next.append({k.at(pointerA, storage, {}, bk), k.at(pointerB, storage, {}, bk),
                 following(reading), following(writing)});
    return next;
  });
  state.truncate(sums);
  return state;
}

// Epilogue -------------------------------------------------------------------

void Gemm::prepareEpilogue() {
  Value lane = k.lane();
  firstRow = k.add(k.add(blockRow, warpRow), k.shr(lane, 2));
  firstColumn = k.add(k.add(blockColumn, warpColumn), k.shl(k.bitAnd(lane, 3), 1));
  // A slot holds 16 rows of the warp tile for each result. The padding of its rows spreads the
  // pairs of a store over the banks: 16 bytes for pairs of 4 bytes, 32 for pairs of 8.
  for (unsigned r = 0; r < k.numResults(); ++r) {
    int64_t bytes = bytesOf(k.resultType(r).getElementType());
    pitches.push_back(wn * bytes + bytes * 8);
    slotOffsets.push_back(slotBytes);
    slotBytes += 16 * pitches.back();
  }
  int64_t warps = threads / 32;
  slots = 2 * warps * slotBytes <= stages * stageBytes ? 2 : 1;
}

/// The columns of the j-th n8 tile in `row`, moved inside N.
Place Gemm::placeOf(Value row, int64_t j, unsigned vector) {
  Place place;
  place.row = row;
  if (n % bn == 0) {
    place.column = firstColumn;
    place.delta = j * 8;
  } else {
    place.column = k.min(k.add(firstColumn, j * 8), n - vector);
  }
  return place;
}

void Gemm::storeStaged(ArrayRef<Value> sums) {
  k.barrier(); // the last block has been read by all: the ring is free
  Value shared = k.atByte(k.dynamicShared(), k.mul(k.warp(), slots * slotBytes));
  Value lastRow = k.add(rows, k.imm(-1));
  Value row = k.shr(k.lane(), 2), pair = k.bitAnd(k.lane(), 3);
  Region region(k);
  for (int64_t i = 0; i < wm / 16; ++i) {
    Value slot = k.atByte(shared, {}, i % slots * slotBytes);
    if (slots == 1 && i > 0)
      k.syncWarp(); // the slot has been read; of two, the sync between has seen to it
    for (int64_t half = 0; half < 2; ++half) {
      Value mine = k.min(k.add(firstRow, i * 16 + half * 8), lastRow);
      for (int64_t j = 0; j < wn / 8; ++j) {
        const Value *sum = &sums[(i * (wn / 8) + j) * 4 + half * 2];
        Known known{{linear.getResult(), {sum[0], sum[1]}}};
        for (auto [r, values] : llvm::enumerate(region.results(placeOf(mine, j, 2), 2, known))) {
          Type type = k.resultType(r).getElementType();
          Value offset = k.add(k.mul(row, pitches[r]), k.mul(pair, 2 * bytesOf(type)));
          Value target = k.atByte(slot, offset,
                                  slotOffsets[r] + half * 8 * pitches[r] + j * 8 * bytesOf(type));
          k.storeValues(values, target, type);
        }
      }
    }
    k.syncWarp();
    storeSlot(slot, i);
  }
}

/// Sixteen rows from shared memory to each result, 16 bytes a lane.
void Gemm::storeSlot(Value slot, int64_t i) {
  for (unsigned r = 0; r < k.numResults(); ++r) {
    Type type = k.resultType(r).getElementType();
    int64_t perRow = wn * bytesOf(type) / 16, columns = 16 / bytesOf(type);
    for (int64_t pass = 0; pass < 16 * perRow / 32; ++pass) {
      Value chunk = k.add(k.lane(), pass * 32);
      Value row = k.divU(chunk, perRow), part = k.remU(chunk, perRow);
      Value data =
          k.load(k.atByte(slot, k.add(k.mul(row, pitches[r]), k.shl(part, 4)), slotOffsets[r]),
                 VectorType::get(4, k.i32));
      Value globalRow = k.add(k.add(k.add(blockRow, warpRow), row), i * 16);
      Value column = k.add(k.add(blockColumn, warpColumn), k.mul(part, columns));
      Value exists = k.less(globalRow, rows);
      if (n % bn != 0)
        exists = k.both(exists, k.less(column, n));
      k.ifThen(exists, [&] {
        k.store(data, k.at(k.resultPointer(r), type, k.add(k.mul(globalRow, n), column)));
      });
    }
  }
}

void Gemm::storeDirect(ArrayRef<Value> sums) {
  for (int64_t i = 0; i < wm / 16; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      Value row = k.add(firstRow, i * 16 + half * 8);
      k.ifThen(k.less(row, rows), [&] {
        for (int64_t j = 0; j < wn / 8; ++j)
          storePair(row, j, sums.slice((i * (wn / 8) + j) * 4 + half * 2, 2));
      });
    }
}

/// Two neighbours of an existing row; where N is odd, each for itself.
void Gemm::storePair(Value row, int64_t j, ArrayRef<Value> pair) {
  unsigned vector = n % 2 == 0 ? 2 : 1;
  Region region(k);
  for (unsigned first = 0; first < 2; first += vector) {
    Place place{row, firstColumn, j * 8 + first, {}};
    Value column = k.add(firstColumn, place.delta);
    k.ifThen(n % bn == 0 ? Value() : k.less(column, n), [&] {
      Known known{{linear.getResult(), Values(pair.slice(first, vector))}};
      region.store(place, region.results(place, vector, known));
    });
  }
}

LogicalResult Gemm::emit() {
  if (failed(readSchedule()))
    return failure();
  int64_t warpsN = bn / wn;
  rows = k.rows(linear.getInput().getType());
  blockRow = k.mul(k.ctaX(), bm);
  blockColumn = k.mul(k.ctaY(), bn);
  warpRow = k.mul(k.divU(k.warp(), warpsN), wm);
  warpColumn = k.mul(k.remU(k.warp(), warpsN), wn);
  a = prepareOperand(k.pointer(linear.getInput()), blockRow, bm, rows, 0);
  b = prepareOperand(k.pointer(linear.getWeight()), blockColumn, bn,
                     n % bn == 0 ? Value() : k.imm(n), bm * bk * 2);

  Value lane = k.lane();
  baseA = fragmentBase(k.add(warpRow, k.bitAnd(lane, 15)), k.shr(lane, 4), 0);
  Value rowB = k.add(k.bitAnd(lane, 7), k.shl(k.shr(lane, 4), 3));
  baseB = fragmentBase(k.add(warpColumn, rowB), k.bitAnd(k.shr(lane, 3), 1), bm * bk * 2);

  Values sums = mainLoop();
  prepareEpilogue();
  bool staged = true;
  for (unsigned r = 0; r < k.numResults(); ++r)
    staged &= n * bytesOf(k.resultType(r).getElementType()) % 16 == 0;
  if (staged)
    storeStaged(sums);
  else
    storeDirect(sums);

  LaunchShape launch;
  launch.threads = threads;
  launch.dynamicSmem = std::max(stages * stageBytes, staged ? threads / 32 * slots * slotBytes : 0);
  launch.grid[0] = {static_cast<uint32_t>(vit::rowsPerImage(linear.getInput().getType())),
                    static_cast<uint32_t>(bm), 1};
  launch.grid[1].times = llvm::divideCeil(n, bn);
  // Pins the registers at the step that the accumulators need; the driver's compiler would take
  // a few more than ptxas and lose a block per multiprocessor. An epilogue with many addresses and
  // values alive beside the accumulators may have more rather than spill.
  int64_t accumulators = wm * wn / 32;
  bool heavy = Region(k).rowOperands() + k.numResults() > 3;
  int64_t registers = heavy ? 255 : accumulators <= 64 ? 128 : accumulators <= 96 ? 168 : 255;
  int64_t fit = 65536 / (registers * std::max<int64_t>(threads, 1));
  int64_t fitShared = 100 * 1024 / (launch.dynamicSmem + 1024);
  return k.finish(launch, std::max<int64_t>(1, std::min(fit, fitShared)));
}

} // namespace

LogicalResult emitGemm(KernelBuilder &k) { return Gemm(k).emit(); }

LogicalResult emitSplitReduction(KernelBuilder &k) {
  return k.error() << "no code for a linear that is split along K yet: expected splits = 1";
}

} // namespace vitc
