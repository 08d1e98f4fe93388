//===- GemmMainLoop.cpp - Products of a GEMM ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A ring of stages in shared memory, each with one k-block of A and of every B, is filled by
// cp.async ahead of the products. With one buffer of fragments:
//
//   copy k-blocks 0 .. stages-2, one cp.async group each
//   for block i:  wait for it; barrier; copy block i + stages - 1 into the stage that block i - 1
//                 has left; for each k-step: ldmatrix, mma
//
// The one barrier per k-block is enough: a warp that passes it has finished block i - 1, so the
// copy into that stage can start, and everybody's copies of block i have arrived. With two buffers
// the fragments of a step are loaded while the step before is multiplied, across k-blocks too, so
// the barrier moves in front of the last step of a block, where all of the block has been read:
//
//   copy k-blocks 0 .. stages-1; wait for block 0; barrier; load the fragments of step 0
//   for block i:  for each step but the last: load step + 1, mma on step
//                 wait for block i + 1; barrier; load its step 0; copy block i + stages into the
//                 stage of block i; mma on the last step
//
// A k-step is 32 bytes of a row, one mma's. To ldmatrix four tf32, or f32, are eight 16-bit values:
// its 8x8 tiles are 8x4 ones, with lanes where mma has them.
//
// A stage holds BM rows of A, then BN rows of each B, BK values each. Rows are 64 or 128 bytes, so
// the eight rows of an ldmatrix phase would share banks: 16-byte chunk c of row r lies at
// c ^ (r >> 1 & 3) or c ^ (r & 7). With that every address is a base per thread, fixed for the
// whole kernel, plus immediates; the s-th k-step of a block is the base xor 32 s. Only the global
// pointers and the offset of the stage change in the loop. Copies are predicated, not branched
// around, so that the loop is one piece for the compiler to order.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Gemm.h"
#include "codegen/nvptx/kernels/Product.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

class MainLoop {
public:
  MainLoop(KernelBuilder &k, const GemmPlan &p, const GemmPlace &place,
           function_ref<void()> meanwhile)
      : k(k), p(p), place(place), meanwhile(meanwhile), perRow(p.rowBytes / cost::copyBytes),
        step(p.threads / perRow) {}

  Values emit();

private:
  /// The part of a stage that one operand fills, and how this thread copies its share.
  struct Operand {
    Value pointer;  ///< global: this thread's first chunk of the first k-block
    Value target;   ///< bytes from the start of a stage to where that chunk goes
    Values inRange; ///< by chunk: its row exists (null: always; false: zeros are copied)
    Values mine;    ///< by chunk: this thread copies it (null: every thread does)
  };

  void prepare();
  Operand prepareOperand(Value pointer, Value firstRow, int64_t tileRows, Value rows,
                         int64_t stageOffset);
  Value fragmentBase(Value row, Value chunk, int64_t stageOffset);
  void copyOperand(const Operand &operand, Value pointer, Value stage, Value column, Value go);
  void copyAhead(ValueRange pointers, Value stage, Value block, int64_t ahead);
  Values fill(int64_t count);
  Values following(ValueRange pointers);
  Value nextStage(Value stage);

  Values loadFragments(Value stage, int64_t step);
  void multiplyStep(ArrayRef<Value> fragments, MutableArrayRef<Value> sums);
  Values singleBuffered();
  Values doubleBuffered();

  KernelBuilder &k;
  const GemmPlan &p;
  const GemmPlace &place;
  const function_ref<void()> meanwhile;
  const int64_t perRow, step;       ///< chunks in a row; rows that one chunk per thread covers
  Value count;                      ///< k-blocks of this split
  Value firstColumn;                ///< of this split in K; null: 0
  SmallVector<Operand, 3> operands; ///< A, then each B
  Value baseA, baseB;               ///< ldmatrix: bytes from the start of a stage, for this lane
};

/// Where chunk `chunk` of row `row` lies in its part of a stage.
Value MainLoop::fragmentBase(Value row, Value chunk, int64_t stageOffset) {
  Value key = perRow == 4 ? k.bitAnd(k.shr(row, 1), 3) : k.bitAnd(row, 7);
  Value offset = k.add(k.mul(row, p.rowBytes), k.shl(k.bitXor(chunk, key), 4));
  return k.add(offset, stageOffset);
}

/// Chunks of 16 bytes go to threads in order: one row after the other, so a warp reads whole
/// segments. A thread keeps its column and goes down by `step` rows.
MainLoop::Operand MainLoop::prepareOperand(Value pointer, Value firstRow, int64_t tileRows,
                                           Value rows, int64_t stageOffset) {
  Value row = k.divU(k.tid(), perRow), chunk = k.remU(k.tid(), perRow);
  Value globalRow = k.add(firstRow, row);
  Value offset = k.add(k.mul(globalRow, p.depth), k.mul(chunk, cost::copyColumns(p.mma->bytes)));
  Operand operand;
  operand.pointer = k.at(pointer, p.storage, firstColumn ? k.add(offset, firstColumn) : offset);
  operand.target = fragmentBase(row, chunk, stageOffset);
  for (int64_t first = 0; first < tileRows; first += step) {
    operand.inRange.push_back(rows ? k.less(k.add(globalRow, first), rows) : Value());
    operand.mine.push_back(first + step > tileRows ? k.less(row, tileRows - first) : Value());
  }
  return operand;
}

void MainLoop::prepare() {
  count = k.imm(p.blocks);
  if (p.splits > 1) {
    Value split = k.ctaZ();
    firstColumn = k.mul(split, p.blocks * p.bk);
    if (p.lastBlocks != p.blocks)
      count = k.select(k.equal(split, p.splits - 1), k.imm(p.lastBlocks), count);
  }
  vit::LinearOp first = p.linears.front();
  operands.push_back(prepareOperand(k.pointer(first.getInput()), place.blockRow, p.bm, place.rows,
                                    /*stageOffset=*/0));
  Value columns = p.n % p.bn == 0 ? Value() : k.imm(p.n);
  for (auto [i, linear] : llvm::enumerate(p.linears))
    operands.push_back(prepareOperand(k.pointer(vit::LinearOp(linear).getWeight()),
                                      place.blockColumn, p.bn, columns,
                                      p.tileBytesOfA + static_cast<int64_t>(i) * p.tileBytesOfB));

  Value lane = k.lane();
  baseA = fragmentBase(k.add(place.warpRow, k.bitAnd(lane, 15)), k.shr(lane, 4), 0);
  Value rowB = k.add(k.bitAnd(lane, 7), k.shl(k.shr(lane, 4), 3));
  baseB = fragmentBase(k.add(place.warpColumn, rowB), k.bitAnd(k.shr(lane, 3), 1), p.tileBytesOfA);
}

/// `column` is the first column of the k-block, or null where all of it exists; nothing is copied
/// unless `go` (null: always).
void MainLoop::copyOperand(const Operand &operand, Value pointer, Value stage, Value column,
                           Value go) {
  Value target = k.add(stage, operand.target), columnExists;
  if (column)
    columnExists = k.less(
        k.add(column, k.mul(k.remU(k.tid(), perRow), cost::copyColumns(p.mma->bytes))), p.depth);
  for (auto [i, inRange, mine] : llvm::enumerate(operand.inRange, operand.mine)) {
    int64_t row = static_cast<int64_t>(i) * step;
    // The key of the swizzle repeats every 8 rows; a warp alone with rows of 128 bytes goes by 4.
    Value to =
        k.atByte(k.dynamicShared(), row % 8 ? k.bitXor(target, 64) : target, row * p.rowBytes);
    Value from = k.at(pointer, p.storage, {}, row * p.depth);
    Value exists = k.both(inRange, columnExists), bytes;
    if (exists)
      bytes = k.select(exists, k.imm(cost::copyBytes), k.imm(0));
    if (Value predicate = k.both(go, mine))
      k.cpAsyncIf(predicate, to, from, cost::copyBytes, bytes);
    else
      k.cpAsync(to, from, cost::copyBytes, bytes);
  }
}

/// Copies block `block` (null: 0) + `ahead` of this split, if there is one, from `pointers`, and
/// closes a group: also without a copy, for the waits count groups.
void MainLoop::copyAhead(ValueRange pointers, Value stage, Value block, int64_t ahead) {
  if (ahead < p.blocks) {
    Value column, go;
    if (block || ahead >= p.lastBlocks)
      go = k.less(block ? block : k.imm(0), k.sub(count, k.imm(ahead)));
    // Past the last column of a ragged K nothing is read; only the last block has such columns.
    if (p.depth % p.bk != 0 && (block || p.splits > 1 || ahead == p.blocks - 1)) {
      column = k.mul(block ? k.add(block, ahead) : k.imm(ahead), p.bk);
      column = firstColumn ? k.add(column, firstColumn) : column;
    }
    for (auto [operand, pointer] : llvm::zip_equal(operands, pointers))
      copyOperand(operand, pointer, stage, column, go);
  }
  k.cpAsyncCommit();
}

Values MainLoop::following(ValueRange pointers) {
  Values next;
  for (Value pointer : pointers)
    next.push_back(k.at(pointer, p.storage, {}, p.bk));
  return next;
}

Value MainLoop::nextStage(Value stage) {
  Value next = k.add(stage, p.stageBytes);
  return k.select(k.equal(next, p.ringBytes), k.imm(0), next);
}

/// Starts the copies of the first `stages` k-blocks. Returns the pointers to the next one.
Values MainLoop::fill(int64_t stages) {
  Values pointers;
  for (const Operand &operand : operands)
    pointers.push_back(operand.pointer);
  for (int64_t block = 0; block < stages; ++block) {
    copyAhead(pointers, k.imm(block * p.stageBytes), {}, block);
    pointers = following(pointers);
  }
  meanwhile();
  return pointers;
}

/// What the products of k-step `step` of the block in `stage` need: the registers of each tile of
/// A, then those of each tile of B of each linear, of which one ldmatrix loads two.
Values MainLoop::loadFragments(Value stage, int64_t step) {
  const cost::MmaShape &mma = *p.mma;
  auto at = [&](Value base) {
    return k.atByte(k.dynamicShared(), k.bitXor(k.add(stage, base), step * mma.k * mma.bytes));
  };
  Value a = at(baseA), b = at(baseB);
  Values fragments;
  for (int64_t i = 0; i < p.wm; i += mma.m)
    fragments.append(k.ldmatrix(k.atByte(a, {}, i * p.rowBytes), mma.registersOfA()));
  for (size_t linear = 0; linear < p.linears.size(); ++linear)
    for (int64_t j = 0; j < p.wn; j += 2 * mma.n) {
      int64_t row = static_cast<int64_t>(linear) * p.bn + j, tiles = j + mma.n < p.wn ? 2 : 1;
      fragments.append(k.ldmatrix(k.atByte(b, {}, row * p.rowBytes), tiles * mma.registersOfB()));
    }
  return fragments;
}

void MainLoop::multiplyStep(ArrayRef<Value> fragments, MutableArrayRef<Value> sums) {
  const cost::MmaShape &mma = *p.mma;
  int64_t tilesM = p.tilesM(), tilesN = p.tilesN();
  ArrayRef<Value> left = fragments.take_front(tilesM * mma.registersOfA());
  Fragments right = splitFragments(k, fragments.drop_front(left.size()), p.storage);
  for (size_t linear = 0; linear < p.linears.size(); ++linear)
    for (int64_t i = 0; i < tilesM; ++i) {
      Fragments a =
          splitFragments(k, left.slice(i * mma.registersOfA(), mma.registersOfA()), p.storage);
      for (int64_t j = 0; j < tilesN; ++j) {
        auto l = static_cast<int64_t>(linear);
        auto sum = sums.slice(((l * tilesM + i) * tilesN + j) * mma.sums(), mma.sums());
        multiply(k, a, right.slice((l * tilesN + j) * mma.registersOfB(), mma.registersOfB()), sum,
                 p.storage);
      }
    }
}

Values MainLoop::singleBuffered() {
  Values state(static_cast<int64_t>(p.linears.size()) * p.sums(), k.immF(0.0));
  size_t sums = state.size(), pointers = operands.size();
  state.append(fill(p.stages - 1));
  state.append({k.imm(0), k.imm((p.stages - 1) * p.stageBytes)}); // to read; to copy into
  state = k.rolledLoop(k.imm(0), count, 1, state, [&](Value block, ValueRange args) {
    Values next(args.take_front(sums));
    ValueRange from = args.slice(sums, pointers);
    Value reading = args[sums + pointers], writing = args[sums + pointers + 1];
    k.cpAsyncWait(p.stages - 2);
    k.barrier();
    for (int64_t step = 0; step < p.bk / p.mma->k; ++step) {
      Values fragments = loadFragments(reading, step);
      if (step == 0) // behind what the products wait for
        copyAhead(from, writing, block, p.stages - 1);
      multiplyStep(fragments, next);
    }
    next.append(following(from));
    next.append({nextStage(reading), reading}); // the stage that was read is the next to fill
    return next;
  });
  state.truncate(sums);
  return state;
}

Values MainLoop::doubleBuffered() {
  int64_t steps = p.bk / p.mma->k;
  Values state(static_cast<int64_t>(p.linears.size()) * p.sums(), k.immF(0.0));
  size_t sums = state.size(), pointers = operands.size();
  state.append(fill(p.stages));
  state.push_back(k.imm(0)); // the stage to read
  k.cpAsyncWait(p.stages - 1);
  k.barrier();
  state.append(loadFragments(k.imm(0), 0));

  // All steps but the last of the block in `stage`: the fragments of the last are returned.
  auto multiplySteps = [&](Value stage, Values fragments, MutableArrayRef<Value> sums) {
    for (int64_t step = 1; step < steps; ++step) {
      Values ahead = loadFragments(stage, step);
      multiplyStep(fragments, sums);
      fragments = ahead;
    }
    return fragments;
  };
  Value last = k.sub(count, k.imm(1));
  state = k.rolledLoop(k.imm(0), last, 1, state, [&](Value block, ValueRange args) {
    Values next(args.take_front(sums));
    ValueRange from = args.slice(sums, pointers);
    Value reading = args[sums + pointers], following = nextStage(reading);
    Values fragments = multiplySteps(reading, Values(args.drop_front(sums + pointers + 1)), next);
    k.cpAsyncWait(p.stages - 2);
    k.barrier();
    Values ahead = loadFragments(following, 0);
    copyAhead(from, reading, block, p.stages);
    multiplyStep(fragments, next);
    next.append(this->following(from));
    next.push_back(following);
    next.append(ahead);
    return next;
  });
  Values result(ArrayRef<Value>(state).take_front(sums));
  Value stage = state[sums + pointers];
  ArrayRef<Value> fragments = ArrayRef(state).drop_front(sums + pointers + 1);
  multiplyStep(multiplySteps(stage, Values(fragments), result), result);
  return result;
}

Values MainLoop::emit() {
  prepare();
  return p.buffers == 2 ? doubleBuffered() : singleBuffered();
}

} // namespace

Values emitGemmMainLoop(KernelBuilder &k, const GemmPlan &plan, const GemmPlace &place,
                        function_ref<void()> meanwhile) {
  return MainLoop(k, plan, place, meanwhile).emit();
}

} // namespace vitc::codegen
