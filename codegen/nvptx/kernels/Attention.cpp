//===- Attention.cpp - softmax(scale * Q * K^T) * V in one pass -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A warp computes 16 query rows against all keys and keeps the whole rows of scores in registers:
// no running maximum, no rescaling, each exponential once. K and V of one head lie in shared
// memory, where V may take the place of K once the scores are there.
//
//   scores (16 x keys) = Q * K^T      Q from global memory one step ahead, K by ldmatrix
//   p = 2^(c * score - c * max)       c = scale * log2(e); f32
//   out = p * V / sum(p)              p, packed in pairs, already is an A fragment of mma
//
// Which lane holds which key does not depend on the row, the block or the batch, so neither do a
// row's bits. With axis `batch` the sequence is the batch: its length is a parameter, keys behind
// it are masked and their rows are zero.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Attention.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Region.h"

#include <limits>

using namespace mlir;

namespace vitc::codegen {

namespace {

using Values = PtxBuilder::Values;

/// Where the rows of one operand, or of the result, are: sequence member r is row first + r * step.
struct Rows {
  Value first;
  int64_t step = 1;
};

/// Rows that are copied to shared memory.
struct Tile {
  Value operand;
  unsigned which; // in the op's offsets
  Rows rows;
  Value first;    // of the sequence; null: 0
  int64_t count;  // rows in shared memory
  Value existing; // how many of them exist, the others are zero; null: `surely`
  int64_t surely; // so many do at least
};

class AttentionEmitter {
public:
  explicit AttentionEmitter(KernelBuilder &k)
      : k(k), op(k.rootAs<vit::AttentionOp>()), headDim(op.getHeadDim()),
        plan(cost::attentionGeometry(k.work, k.schedule.attention())),
        storage(k.storageOf(op.getQuery())) {}

  LogicalResult emit();

private:
  LogicalResult check();
  void locate(Value thread);
  void copy(const Tile &tile, Value buffer, Value thread);
  Tile queryTile();
  Tile keyTile(Value operand, unsigned which);
  Values scores(Value queries, Value keys);
  Values probabilities(const Values &scores, function_ref<void()> between);
  Values product(Value buffer, const Values &p);
  void store(const Values &out);
  void compute();
  Value parked(Value queries);
  Value again(Value thread);

  bool isDynamic() { return op.getAxis() == vit::Axis::Batch; }
  /// Whether key `constant + (0 or more)` exists: null if all of a tile do.
  Value isKey(int64_t tile, unsigned element);
  Value rowOffset(Value operand, unsigned which, Rows rows, Value row);

  KernelBuilder &k;
  vit::AttentionOp op;
  const int64_t headDim;
  const cost::AttentionGeometry plan;
  const Type storage;

  Value warp, lane, quad, pair; // lane; lane / 4: row in the fragment; 2 * (lane % 4): column in it
  Value head, keyCount;         // keyCount is null if it is the constant plan.keys
  Value queryLimit;             // query rows of the sequence
  Rows queryRows, keyRows;
  Value blockRow;   // first query row of the block
  Value row;        // first of this lane's two rows in the sequence, `quad` included
  Value inverse[2]; // 1 / sum(p) of both rows
};

LogicalResult AttentionEmitter::check() {
  if (op.getBias() || op.getWindows())
    return k.error() << "has no code yet for a bias or windows";
  const char *names[] = {"query", "key", "value"};
  int64_t unit = cost::copyColumns(plan.mma->bytes);
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    if (op.getOffsets()[i] % unit != 0 || k.widthOf(operand) % unit != 0)
      return k.error() << "expected offset and width of " << names[i] << " in multiples of " << unit
                       << ", found " << op.getOffsets()[i] << " and " << k.widthOf(operand);
  }
  if (isDynamic() && k.lastBatch() > plan.keys)
    return k.error() << "expected a batch of at most " << plan.keys
                     << ", the keys of a block, since images attend to each other, found "
                     << k.lastBatch();
  return success();
}

/// From the number of this thread: its sequence, head and rows.
void AttentionEmitter::locate(Value thread) {
  lane = k.bitAnd(thread, 31);
  warp = k.shr(thread, 5);
  quad = k.shr(lane, 2);
  pair = k.shl(k.bitAnd(lane, 3), 1);
  head = k.ctaY();
  Value sequence = k.divU(k.ctaX(), plan.rowBlocks);
  Value block = k.remU(k.ctaX(), plan.rowBlocks);
  blockRow = k.mul(block, plan.mma->m * plan.warps);
  row = k.add(k.add(blockRow, k.mul(warp, plan.mma->m)), quad);
  if (isDynamic()) {
    keyCount = queryLimit = k.count();
    queryRows = keyRows = {sequence, vit::rowsPerImage(k.typeOf(op.getKey()))};
  } else {
    queryLimit = k.imm(plan.rows);
    queryRows = {k.mul(sequence, plan.rows)};
    keyRows = {k.mul(sequence, plan.keys)};
  }
}

/// Element offset of this head in row `row` of the sequence.
Value AttentionEmitter::rowOffset(Value operand, unsigned which, Rows rows, Value row) {
  Value index = k.add(rows.first, k.mul(row, rows.step));
  return k.add(k.mul(index, k.widthOf(operand)),
               k.add(k.mul(head, headDim), op.getOffsets()[which]));
}

Tile AttentionEmitter::keyTile(Value operand, unsigned which) {
  return {operand, which, keyRows, {}, plan.bufferRows, keyCount, keyCount ? 0 : plan.keys};
}

Tile AttentionEmitter::queryTile() {
  int64_t count = plan.queryRows;
  Tile tile{op.getQuery(), 0, queryRows, blockRow, count, k.sub(queryLimit, blockRow), 0};
  if (!isDynamic() && plan.rows % count == 0)
    tile.surely = count;
  if (!isDynamic() && plan.rowBlocks == 1)
    tile.first = tile.existing = {}, tile.surely = plan.rows;
  return tile;
}

/// Starts copying this head's columns. A thread keeps its 16 bytes of a row and goes down the rows
/// in equal steps, so that one address serves all its copies.
void AttentionEmitter::copy(const Tile &tile, Value buffer, Value thread) {
  int64_t chunkColumns = cost::copyColumns(plan.mma->bytes), chunks = headDim / chunkColumns;
  int64_t stepRows = plan.threads / chunks;
  int64_t last = tile.count - 1, rowElements = tile.rows.step * k.widthOf(tile.operand);
  Value mine = k.divU(thread, chunks), chunk = k.sub(thread, k.mul(mine, chunks));
  Value first = tile.first ? tile.first : k.imm(0);
  Value offset = k.add(k.mul(mine, rowElements), k.mul(chunk, chunkColumns));
  offset = k.add(rowOffset(tile.operand, tile.which, tile.rows, first), offset);
  Value source = k.at(k.pointer(tile.operand), storage, offset);
  Value target = k.atByte(buffer, k.add(k.mul(mine, plan.pitch), k.mul(chunk, cost::copyBytes)));

  // Predicates instead of branches: a branch amid the scores would cost registers.
  Value copies = plan.threads % chunks ? k.less(mine, stepRows) : Value();
  auto copyRow = [&](Value from, Value to, Value row, int64_t most) {
    Value bytes, predicate = copies;
    if (most >= tile.surely)
      bytes = k.select(k.less(row, tile.existing ? tile.existing : k.imm(tile.surely)),
                       k.imm(cost::copyBytes), k.imm(0));
    if (most > last)
      predicate = k.both(copies, k.less(row, last + 1));
    predicate ? k.cpAsyncIf(predicate, to, from, bytes)
              : k.cpAsync(to, from, cost::copyBytes, bytes);
  };
  if (last / stepRows < 32)
    for (int64_t row = 0; row <= last; row += stepRows)
      copyRow(k.at(source, storage, {}, row * rowElements), k.atByte(target, {}, row * plan.pitch),
              k.add(mine, row), row + stepRows - 1);
  else
    k.loop(k.imm(0), k.imm(last + 1), stepRows, {}, [&](Value row, ValueRange) -> Values {
      copyRow(k.at(source, storage, k.mul(row, rowElements)),
              k.atByte(target, k.mul(row, plan.pitch)), k.add(mine, row), last + stepRows);
      return {};
    });
}

/// Q * K^T, unscaled. The loop over the head's columns is outside, so only one step of Q and K
/// lives beside the accumulators.
Values AttentionEmitter::scores(Value queries, Value keys) {
  Value queryRow = k.add(k.mul(warp, plan.mma->m), k.bitAnd(lane, 15));
  Value queryFragments =
      k.atByte(queries, k.add(k.mul(queryRow, plan.pitch), k.shl(k.shr(lane, 4), 4)));
  // ldmatrix rows: keys of two tiles, 8 columns and the next 8.
  Value key = k.add(k.bitAnd(lane, 7), k.shl(k.shr(lane, 4), 3));
  Value fragments =
      k.atByte(keys, k.add(k.mul(key, plan.pitch), k.shl(k.bitAnd(k.shr(lane, 3), 1), 4)));
  Value halfFragments = k.atByte(keys, k.mul(k.bitAnd(lane, 15), plan.pitch));

  const cost::MmaShape &mma = *plan.mma;
  Values sums(mma.sums() * plan.keyTiles, k.immF(0.0));
  for (int64_t column = 0; column < headDim; column += mma.k) {
    bool half = column + mma.k / 2 == headDim; // only half of a k-step is left
    int64_t registersOfA = half ? mma.registersOfA() / 2 : mma.registersOfA();
    int64_t registersOfB = half ? mma.registersOfB() / 2 : mma.registersOfB();
    Values a = k.ldmatrix(k.atByte(queryFragments, {}, mma.bytes * column), registersOfA);
    a.resize(mma.registersOfA(), half ? k.imm(0) : a[0]);
    for (int64_t tile = 0; tile < plan.keyTiles; tile += 2) {
      unsigned tiles = std::min<int64_t>(2, plan.keyTiles - tile);
      int64_t delta = mma.n * tile * plan.pitch + mma.bytes * column;
      Values b =
          k.ldmatrix(k.atByte(half ? halfFragments : fragments, {}, delta), tiles * registersOfB);
      for (unsigned t = 0; t < tiles; ++t) {
        auto sum = llvm::MutableArrayRef(sums).slice(mma.sums() * (tile + t), mma.sums());
        Values columns(ArrayRef<Value>(b).slice(t * registersOfB, registersOfB));
        if (half)
          columns.resize(mma.registersOfB(), k.imm(0));
        llvm::copy(k.mma(a, columns, sum, storage), sum.begin());
      }
    }
  }
  return sums;
}

/// Null: the key exists.
Value AttentionEmitter::isKey(int64_t tile, unsigned element) {
  if (!keyCount && plan.mma->n * (tile + 1) <= plan.keys)
    return {};
  return k.less(k.add(pair, plan.mma->n * tile + element), keyCount ? keyCount : k.imm(plan.keys));
}

/// Scores to unnormalised probabilities, packed as A fragments: 4 words for every 16 keys. Leaves
/// 1/sum.
Values AttentionEmitter::probabilities(const Values &scores, function_ref<void()> between) {
  double scale = op.getScale().convertToDouble();
  Value factor = k.immF(scale * 1.44269504088896340736), zero = k.immF(0.0);
  // The largest scale * score belongs to the smallest score if scale is negative.
  auto extreme = [&](Value a, Value b) { return scale < 0 ? k.minF(a, b) : k.maxF(a, b); };
  float least = std::numeric_limits<float>::max();
  Value masked = k.immF(scale < 0 ? least : -least);

  Value best[2], shift[2];
  for (int64_t tile = 0; tile < plan.keyTiles; ++tile)
    for (unsigned element = 0; element < 2; ++element) {
      Value exists = isKey(tile, element);
      for (int half = 0; half < 2; ++half) {
        Value score = scores[plan.mma->sums() * tile + 2 * half + element];
        if (exists)
          score = k.select(exists, score, masked);
        best[half] = best[half] ? extreme(best[half], score) : score;
      }
    }
  for (int half = 0; half < 2; ++half) {
    for (int lanes : {1, 2})
      best[half] = extreme(best[half], k.shuffleXor(best[half], lanes));
    shift[half] = k.negF(k.mulF(best[half], factor));
  }

  Value sum[2];
  Values packed;
  for (int64_t tile = 0; tile < (plan.keyTiles + 1) / 2 * 2; ++tile) {
    if (tile == plan.keyTiles / 3)
      between();
    for (int half = 0; half < 2; ++half) {
      if (tile == plan.keyTiles) {
        packed.push_back(k.imm(0));
        continue;
      }
      Value p[2];
      for (unsigned element = 0; element < 2; ++element) {
        Value score = scores[plan.mma->sums() * tile + 2 * half + element];
        p[element] = k.ex2(k.fma(score, factor, shift[half]));
        if (Value exists = isKey(tile, element))
          p[element] = k.select(exists, p[element], zero);
        sum[half] = sum[half] ? k.addF(sum[half], p[element]) : p[element];
      }
      packed.push_back(k.pack2(p[0], p[1], storage));
    }
  }
  for (int half = 0; half < 2; ++half) {
    for (int lanes : {1, 2})
      sum[half] = k.addF(sum[half], k.shuffleXor(sum[half], lanes));
    inverse[half] = k.divF(k.immF(1.0), sum[half]);
  }
  return packed;
}

/// p * V: 4 values for every 8 columns.
Values AttentionEmitter::product(Value buffer, const Values &p) {
  Value fragments =
      k.atByte(buffer, k.add(k.mul(k.bitAnd(lane, 15), plan.pitch), k.shl(k.shr(lane, 4), 4)));
  const cost::MmaShape &mma = *plan.mma;
  int64_t tiles = headDim / mma.n;
  Values out(mma.sums() * tiles, k.immF(0.0));
  for (int64_t step = 0; step < plan.bufferRows / mma.k; ++step)
    for (int64_t tile = 0; tile < tiles; tile += 2) {
      int64_t now = std::min<int64_t>(2, tiles - tile), registersOfB = mma.registersOfB();
      Value address = k.atByte(fragments, {}, mma.k * step * plan.pitch + mma.n * mma.bytes * tile);
      Values b = k.ldmatrix(address, now * registersOfB, /*transpose=*/true);
      auto a = llvm::ArrayRef(p).slice(mma.registersOfA() * step, mma.registersOfA());
      for (int64_t t = 0; t < now; ++t) {
        auto sum = llvm::MutableArrayRef(out).slice(mma.sums() * (tile + t), mma.sums());
        llvm::copy(k.mma(a, llvm::ArrayRef(b).slice(t * registersOfB, registersOfB), sum, storage),
                   sum.begin());
      }
    }
  return out;
}

/// Normalises, applies the fused ops and stores, two columns at a time.
void AttentionEmitter::store(const Values &out) {
  Region region(k);
  Value column = k.add(k.mul(head, headDim), pair);
  for (int half = 0; half < 2; ++half) {
    Value mine = k.add(row, plan.mma->m / 2 * half);
    k.ifThen(k.less(mine, queryLimit), [&] {
      Place place{k.add(queryRows.first, k.mul(mine, queryRows.step)), column, 0,
                  isDynamic() ? queryRows.first : mine};
      for (int64_t tile = 0; tile < headDim / plan.mma->n; ++tile) {
        place.delta = plan.mma->n * tile;
        Known known;
        for (unsigned element = 0; element < 2; ++element)
          known[op.getResult()].push_back(
              k.mulF(out[plan.mma->sums() * tile + 2 * half + element], inverse[half]));
        region.store(place, region.results(place, 2, known));
      }
    });
  }
}

void AttentionEmitter::compute() {
  Value keys = k.dynamicShared(), queries = k.atByte(keys, {}, plan.queryOffset);
  Value values = plan.resident ? k.atByte(keys, {}, plan.bufferBytes) : keys;
  copy(queryTile(), queries, k.tid());
  copy(keyTile(op.getKey(), 1), keys, k.tid());
  k.cpAsyncCommit();
  if (plan.resident) {
    copy(keyTile(op.getValue(), 2), values, k.tid());
    k.cpAsyncCommit();
  }
  if (plan.resident && plan.threads != 32 * plan.warps) { // some warps only copy
    k.cpAsyncWait(0);
    k.barrier();
    k.ifThen(k.less(warp, plan.warps), [&] {
      Values p = probabilities(scores(queries, keys), [] {});
      store(product(values, p));
    });
    return;
  }

  k.cpAsyncWait(plan.resident ? 1 : 0);
  k.barrier();
  Values sums = scores(queries, keys);
  if (!plan.resident)
    k.barrier(); // every warp has read K
  // The copy needs registers too: it starts when some of the scores have been packed.
  Values p = probabilities(sums, [&] {
    if (plan.resident)
      return;
    copy(keyTile(op.getValue(), 2), values, again(k.tid()));
    k.cpAsyncCommit();
  });
  // 1/sum waits where the warp's queries were. The product has more use for the registers, and a
  // store before the barrier keeps ptxas from moving exponentials behind it, among the tensor
  // instructions, where scores and result live at the same time.
  k.syncWarp();
  for (int half = 0; half < 2; ++half)
    k.store(inverse[half], k.at(parked(queries), k.f32, {}, 32 * half));
  k.cpAsyncWait(0);
  k.barrier();
  locate(plan.resident ? k.tid() : again(k.tid()));
  Values out = product(values, p);
  for (int half = 0; half < 2; ++half)
    inverse[half] = k.load(k.at(parked(queries), k.f32, {}, 32 * half), k.f32);
  store(out);
}

/// Where a lane keeps 1/sum of its first row.
Value AttentionEmitter::parked(Value queries) {
  return k.at(k.atByte(queries, k.mul(warp, plan.mma->m * plan.pitch)), k.f32, lane);
}

/// The thread's number anew: what was derived from it need not live meanwhile. A shuffle with
/// itself is a thing that ptxas does not see through.
Value AttentionEmitter::again(Value thread) { return k.shuffleXor(thread, 0); }

LogicalResult AttentionEmitter::emit() {
  if (failed(check()))
    return failure();
  locate(k.tid());
  compute();

  return k.finish(plan);
}

} // namespace

LogicalResult emitAttention(KernelBuilder &k) { return AttentionEmitter(k).emit(); }

} // namespace vitc::codegen
