//===- Attention.cpp - softmax(scale * Q * K^T) * V in one pass -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What both forms share. Which lane holds which key does not depend on the row, the block or the
// batch, so neither do a row's bits. With axis `batch` the sequence is the batch: its length is a
// parameter, keys behind it are masked and their rows are zero.
//
// Heads are padded in shared memory: columns up to a multiple of 8 are zero, and their products are
// not stored. Copies are as wide as the places of heads in memory allow.
//
// A bias is where the sums of products begin, over the scale: it costs no register beside them, and
// its loads go along with the copies.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Attention.h"

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Product.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace vitc::codegen {

/// What a pair of tokens loses that rolling the grid brought together, as the reference has it.
static constexpr double strangers = -100;
/// Beyond it a bias over the scale, times two, may be none that f32 holds.
static constexpr double mostScaleOfBias = 0x1p60;

LogicalResult AttentionEmitter::check() {
  const char *names[] = {"query", "key", "value"};
  for (unsigned i = 0; i < 3; ++i) {
    Value operand = op->getOperand(i);
    if (op.getOffsets()[i] % 2 != 0 || k.widthOf(operand) % 2 != 0)
      return k.error() << "expected offset and width of " << names[i]
                       << " in multiples of 2, found " << op.getOffsets()[i] << " and "
                       << k.widthOf(operand);
  }
  if (isDynamic() && !plan.online() && k.lastBatch() > plan.keys)
    return k.error() << "expected a batch of at most " << plan.keys
                     << ", the keys of a block, since images attend to each other, found "
                     << k.lastBatch();
  if (k.work.biased && !k.work.anyKeys &&
      k.typeOf(op.getBias()).getNumElements() > std::numeric_limits<int32_t>::max())
    return k.error() << "expected a bias of at most 2^31 values, found "
                     << k.typeOf(op.getBias()).getNumElements();
  double size = std::fabs(scale);
  if ((k.work.biased || k.work.parted) && (size < 1 / mostScaleOfBias || size > mostScaleOfBias))
    return k.error() << "expected a scale from 2^-60 to 2^60 where something is added to scores, "
                        "found "
                     << scale;
  return success();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

void AttentionEmitter::locate(Value thread) {
  lane = k.bitAnd(thread, 31);
  warp = k.shr(thread, 5);
  quad = k.shr(lane, 2);
  pair = k.shl(k.bitAnd(lane, 3), 1);
  head = k.ctaY();
  int64_t blocks = isDynamic() ? k.work.rows : plan.rowBlocks; // that the x dimension goes through
  Value sequence = k.divU(k.ctaX(), blocks), block = k.remU(k.ctaX(), blocks);
  if (isDynamic())
    std::swap(sequence, block);
  if (k.work.anyQueries)
    sequence = k.ctaZ(), block = k.ctaX();
  blockRow = k.mul(block, plan.blockRows());
  row = k.add(k.add(blockRow, k.mul(warp, plan.warpRows())), quad);
  if (isDynamic()) {
    keyCount = queryLimit = k.count();
    queryRows = keyRows = {sequence, vit::rowsPerImage(k.typeOf(op.getKey()))};
    return;
  }
  queryLimit = k.tokens(k.work.queries);
  queryRows = {k.mul(sequence, queryLimit)};
  keyRows = {k.mul(sequence, k.tokens(k.work.keys))};
  if (k.work.anyKeys)
    keyCount = k.tokens(k.work.keys);
  if (auto windows = op.getWindows()) {
    ArrayRef<int64_t> grid = windows->getGrid(), size = windows->getSize(),
                      shift = windows->getShift();
    Value image = k.divU(sequence, k.work.windows), window = k.remU(sequence, k.work.windows);
    int64_t down = grid[0] / size[0], across = grid[1] / size[1];
    Value line = k.divU(window, across), column = k.remU(window, across);
    queryRows = keyRows = {k.mul(image, grid[0] * grid[1])};
    windowTop = k.add(k.mul(line, size[0]), shift[0]);
    windowLeft = k.add(k.mul(column, size[1]), shift[1]);
    lastWindows[0] = k.equal(line, down - 1);
    lastWindows[1] = k.equal(column, across - 1);
  }
}

AttentionEmitter::Member AttentionEmitter::memberOf(const Rows &rows, Value member) {
  auto windows = op.getWindows();
  if (!windows)
    return {k.add(rows.first, k.mul(member, rows.step)), isDynamic() ? rows.first : member};
  ArrayRef<int64_t> grid = windows->getGrid();
  int64_t width = windows->getSize()[1];
  auto wrapped = [&](Value place, int64_t size, int64_t shift) {
    return shift ? k.select(k.less(place, size), place, k.sub(place, k.imm(size))) : place;
  };
  Value line = k.divU(member, width), column = k.sub(member, k.mul(line, width));
  line = wrapped(k.add(windowTop, line), grid[0], windows->getShift()[0]);
  column = wrapped(k.add(windowLeft, column), grid[1], windows->getShift()[1]);
  Value token = k.add(k.mul(line, grid[1]), column);
  return {k.add(rows.first, token), token};
}

/// Element offset of this head in a row.
Value AttentionEmitter::headColumn(unsigned operand) {
  return k.add(k.mul(head, headDim), op.getOffsets()[operand]);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

AttentionTile AttentionEmitter::queryTile() {
  int64_t count = plan.queryRows;
  AttentionTile tile{0, blockRow, count, k.sub(queryLimit, blockRow), 0};
  bool known = !isDynamic() && !k.work.anyQueries; // how many rows there are
  if (known && plan.rows % count == 0)
    tile.surely = count;
  if (known && plan.rowBlocks == 1)
    tile.first = tile.existing = {}, tile.surely = plan.rows;
  return tile;
}

/// Bytes of one copy: 16, 8 or 4, as all rows of all heads begin at multiples of them.
unsigned AttentionEmitter::copyBytesOf(unsigned operand) {
  int64_t columns = std::gcd(
      std::gcd(headDim, op.getOffsets()[operand]),
      std::gcd(k.widthOf(op->getOperand(operand)), int64_t(cost::copyColumns(plan.mma->bytes))));
  return columns * plan.mma->bytes;
}

/// A thread keeps its bytes of a row and goes down the rows in equal steps, so that one address
/// serves all its copies. Rows with more copies than threads are copied in parts.
void AttentionEmitter::copy(const AttentionTile &tile, Value buffer, Value thread) {
  int64_t chunks = plan.columns * plan.mma->bytes / copyBytesOf(tile.operand), part = chunks;
  while (part > plan.threads || chunks % part != 0)
    --part;
  for (int64_t first = 0; first < chunks; first += part)
    copyColumns(tile, buffer, thread, first, part);
}

void AttentionEmitter::copyColumns(const AttentionTile &tile, Value buffer, Value thread,
                                   int64_t firstChunk, int64_t chunks) {
  Value operand = op->getOperand(tile.operand);
  unsigned bytes = copyBytesOf(tile.operand);
  int64_t elements = bytes / plan.mma->bytes, stepRows = plan.threads / chunks;
  int64_t last = tile.count - 1;
  Rows rows = rowsOf(tile.operand);
  Value mine = k.divU(thread, chunks);
  Value column = k.mul(k.add(k.sub(thread, k.mul(mine, chunks)), firstChunk), elements);
  Value first = tile.first ? k.add(tile.first, mine) : mine; // member
  Value offset = k.add(headColumn(tile.operand), column);
  Value target = k.atByte(buffer, k.add(k.mul(mine, plan.pitch), k.mul(column, plan.mma->bytes)));
  Value all = k.imm(bytes);
  bool padded = headDim < plan.columns; // those columns do not exist
  if (padded)
    all = k.select(k.less(column, headDim), all, k.imm(0));

  // Members of a window lie in no straight line.
  bool scattered = op.getWindows().has_value();
  int64_t width = k.widthOf(operand);
  Value source =
      k.at(k.pointer(operand), storage,
           k.add(k.mul(scattered ? rows.first : memberOf(rows, first).row, width), offset));
  auto address = [&](Value row, int64_t delta) {
    if (!scattered)
      return k.at(source, storage, row ? k.mul(row, rows.step * width) : row,
                  delta * rows.step * width);
    Value member = k.add(row ? k.add(first, row) : first, delta);
    return k.at(source, storage, k.mul(memberOf({k.imm(0)}, member).row, width));
  };

  // Predicates instead of branches: a branch amid the scores would cost registers.
  Value copies = plan.threads % chunks ? k.less(mine, stepRows) : Value();
  auto copyRow = [&](Value from, Value to, Value row, int64_t most) {
    Value valid = padded ? all : Value(), predicate = copies;
    if (most >= tile.surely)
      valid =
          k.select(k.less(row, tile.existing ? tile.existing : k.imm(tile.surely)), all, k.imm(0));
    if (most > last)
      predicate = k.both(copies, k.less(row, last + 1));
    predicate ? k.cpAsyncIf(predicate, to, from, bytes, valid) : k.cpAsync(to, from, bytes, valid);
  };
  if (last / stepRows < 32)
    for (int64_t row = 0; row <= last; row += stepRows)
      copyRow(address({}, row), k.atByte(target, {}, row * plan.pitch), k.add(mine, row),
              row + stepRows - 1);
  else
    k.loop(k.imm(0), k.imm(last + 1), stepRows, {}, [&](Value row, ValueRange) -> Values {
      copyRow(address(row, 0), k.atByte(target, k.mul(row, plan.pitch)), k.add(mine, row),
              last + stepRows);
      return {};
    });
}

/// A window in the last line, or the last column, of windows has what was rolled to it behind what
/// was there.
void AttentionEmitter::writeParts() {
  if (!k.work.parted)
    return;
  auto windows = *op.getWindows();
  ArrayRef<int64_t> size = windows.getSize(), shift = windows.getShift();
  Value table = k.atByte(k.dynamicShared(), {}, plan.partsOffset);
  k.loop(k.tid(), k.imm(plan.partCount), plan.threads, {}, [&](Value key, ValueRange) -> Values {
    Value places[] = {k.divU(key, size[1]), k.remU(key, size[1])}, part = k.imm(0);
    for (int axis = 0; axis < 2; ++axis) {
      if (shift[axis] == 0)
        continue;
      Value behind = k.less(k.imm(size[axis] - shift[axis] - 1), places[axis]);
      part = k.add(part, k.select(k.both(lastWindows[axis], behind), k.imm(1 << axis), k.imm(0)));
    }
    k.store(part, k.at(table, k.i32, key));
    return {};
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

AttentionEmitter::Values AttentionEmitter::summands(Value first, int64_t tiles, int64_t columns,
                                                    int64_t group) {
  Values sums(plan.mma->sums() * tiles, k.immF(0.0));
  if (!k.work.biased)
    return sums;
  Value width = k.tokens(biasWidth()), key = first ? k.add(first, pair) : pair,
        over = k.immF(1 / scale);
  bool pairs = !k.work.anyKeys && biasWidth() % 2 == 0; // two neighbours of a lane are aligned
  for (int half = 0; half < 2; ++half) {
    // Rows and keys that do not exist read what does.
    Value query = k.min(rowOf(group, half), k.sub(queryLimit, k.imm(1)));
    Value begin = k.mul(k.add(k.mul(query, k.work.heads), head), width);
    Value base = k.at(k.pointer(op.getBias()), k.f32, begin);
    Value inside = k.at(base, k.f32, key);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      int64_t delta = plan.mma->n * tile;
      bool ends = delta + plan.mma->n > columns; // may lie behind the row
      Values loaded;
      for (int element = 0; element < (pairs ? 1 : 2); ++element) {
        Value address =
            ends ? k.at(base, k.f32,
                        k.min(k.add(key, delta + element), k.sub(width, k.imm(pairs ? 2 : 1))))
                 : k.at(inside, k.f32, {}, delta + element);
        loaded.append(k.loadValues(address, k.f32, pairs ? 2 : 1, /*readOnly=*/true));
      }
      for (int element = 0; element < 2; ++element)
        sums[plan.mma->sums() * tile + 2 * half + element] = k.mulF(loaded[element], over);
    }
  }
  return sums;
}

void AttentionEmitter::separateParts(Values &sums, Value first, int64_t group) {
  if (!k.work.parted)
    return;
  Value table = k.atByte(k.dynamicShared(), {}, plan.partsOffset);
  Value keys = k.at(table, k.i32, first ? k.add(first, pair) : pair), own[2];
  for (int half = 0; half < 2; ++half)
    own[half] = k.load(k.at(table, k.i32, k.min(rowOf(group, half), plan.partCount - 1)), k.i32);
  int64_t sumsOfTile = plan.mma->sums();
  Value apart = k.immF(strangers / scale), zero = k.immF(0.0);
  for (size_t tile = 0; tile < sums.size() / sumsOfTile; ++tile) {
    Value both = k.load(k.at(keys, k.i32, {}, plan.mma->n * tile), VectorType::get(2, k.i32));
    for (int element = 0; element < 2; ++element) {
      Value part = k.extract(both, element);
      for (int half = 0; half < 2; ++half) {
        Value &sum = sums[sumsOfTile * tile + 2 * half + element];
        sum = k.addF(sum, k.select(k.equal(k.bitXor(part, own[half]), 0), zero, apart));
      }
    }
  }
}

/// The loop over the head's columns is outside, so only one step of Q and K lives beside the
/// accumulators. What is loaded of K serves all groups.
void AttentionEmitter::scores(Value keys, MutableArrayRef<Values> sums) {
  Value queryRow = k.add(k.mul(warp, plan.warpRows()), k.bitAnd(lane, 15));
  Value queryFragments =
      k.atByte(queries(), k.add(k.mul(queryRow, plan.pitch), k.shl(k.shr(lane, 4), 4)));
  // ldmatrix rows: keys of two tiles, 8 columns and the next 8.
  Value key = k.add(k.bitAnd(lane, 7), k.shl(k.shr(lane, 4), 3));
  Value fragments =
      k.atByte(keys, k.add(k.mul(key, plan.pitch), k.shl(k.bitAnd(k.shr(lane, 3), 1), 4)));
  Value halfFragments = k.atByte(keys, k.mul(k.bitAnd(lane, 15), plan.pitch));

  const cost::MmaShape &mma = *plan.mma;
  int64_t keyTiles = std::ssize(sums.front()) / mma.sums();
  for (int64_t column = 0; column < plan.columns; column += mma.k) {
    bool half = column + mma.k / 2 == plan.columns; // only half of a k-step is left
    int64_t registersOfA = half ? mma.registersOfA() / 2 : mma.registersOfA();
    int64_t registersOfB = half ? mma.registersOfB() / 2 : mma.registersOfB();
    SmallVector<Fragments, 2> left;
    for (int64_t group = 0; group < std::ssize(sums); ++group) {
      int64_t from = group * mma.m * plan.pitch + mma.bytes * column;
      Values a = k.ldmatrix(k.atByte(queryFragments, {}, from), registersOfA);
      a.resize(mma.registersOfA(), half ? k.imm(0) : a[0]);
      left.push_back(splitFragments(k, a, storage));
    }
    for (int64_t tile = 0; tile < keyTiles; tile += 2) {
      unsigned tiles = std::min<int64_t>(2, keyTiles - tile);
      int64_t delta = mma.n * tile * plan.pitch + mma.bytes * column;
      Values b =
          k.ldmatrix(k.atByte(half ? halfFragments : fragments, {}, delta), tiles * registersOfB);
      for (unsigned t = 0; t < tiles; ++t) {
        Values columns(ArrayRef<Value>(b).slice(t * registersOfB, registersOfB));
        if (half)
          columns.resize(mma.registersOfB(), k.imm(0));
        Fragments right = splitFragments(k, columns, storage);
        for (auto [fragments, all] : llvm::zip_equal(left, sums))
          multiply(k, fragments, right,
                   MutableArrayRef<Value>(all).slice(mma.sums() * (tile + t), mma.sums()), storage);
      }
    }
  }
}

Value AttentionEmitter::isKey(int64_t tile, unsigned element, Value limit, int64_t atLeast) {
  if (plan.mma->n * (tile + 1) <= atLeast)
    return {};
  return k.less(k.add(pair, plan.mma->n * tile + element), limit ? limit : k.imm(atLeast));
}

Value AttentionEmitter::leastScore() {
  float least = std::numeric_limits<float>::max();
  return k.immF(scale < 0 ? least : -least);
}

Value AttentionEmitter::exponentFactor() { return k.immF(scale * 1.44269504088896340736); }

//===----------------------------------------------------------------------===//
// The result
//===----------------------------------------------------------------------===//

AttentionEmitter::Values AttentionEmitter::pack(Value first, Value second) {
  if (plan.mma->bytes == 2)
    return {k.pack2(first, second, storage)};
  return {k.fromF32(first, storage), k.fromF32(second, storage)};
}

AttentionEmitter::Values AttentionEmitter::loadValues(Value fragments, int64_t step, int64_t tile) {
  const cost::MmaShape &mma = *plan.mma;
  int64_t tiles = std::min<int64_t>(2, plan.columns / mma.n - tile);
  int64_t delta = mma.k * step * plan.pitch + mma.n * mma.bytes * tile;
  if (mma.bytes == 2)
    return k.ldmatrix(k.atByte(fragments, {}, delta), tiles * mma.registersOfB(),
                      /*transpose=*/true);
  Values loaded;
  for (int64_t t = 0; t < tiles; ++t)
    for (int64_t key = 0; key < mma.registersOfB(); ++key)
      loaded.push_back(
          k.load(k.atByte(fragments, {}, delta + key * plan.pitch + t * mma.n * mma.bytes), k.i32));
  return loaded;
}

// A lane has the probabilities of two neighbouring keys. Of 16-bit values they are a pair of mma's
// A. Of 32-bit ones A has two keys that are four apart; but in what order the keys of a step are
// summed is free, so V is read as if those two were: from the rows of the neighbours, which
// ldmatrix, that transposes pairs of bytes, cannot do.
void AttentionEmitter::product(Value values, ArrayRef<Values> p, MutableArrayRef<Values> sums) {
  const cost::MmaShape &mma = *plan.mma;
  bool narrow = mma.bytes == 2;
  Value offset = narrow ? k.add(k.mul(k.bitAnd(lane, 15), plan.pitch), k.shl(k.shr(lane, 4), 4))
                        : k.add(k.mul(pair, plan.pitch), k.mul(quad, mma.bytes));
  Value fragments = k.atByte(values, offset);
  int64_t tiles = plan.columns / mma.n, steps = std::ssize(p.front()) / mma.registersOfA();
  for (int64_t step = 0; step < steps; ++step) {
    SmallVector<Fragments, 2> left;
    for (const Values &group : p) {
      Values a(ArrayRef<Value>(group).slice(mma.registersOfA() * step, mma.registersOfA()));
      if (!narrow)
        std::swap(a[1], a[2]); // both rows of a key, then those of its neighbour
      left.push_back(splitFragments(k, a, storage));
    }
    for (int64_t tile = 0; tile < tiles; tile += 2) {
      int64_t now = std::min<int64_t>(2, tiles - tile), registersOfB = mma.registersOfB();
      Fragments right = splitFragments(k, loadValues(fragments, step, tile), storage);
      for (int64_t t = 0; t < now; ++t)
        for (auto [probabilities, all] : llvm::zip_equal(left, sums))
          multiply(k, probabilities, right.slice(t * registersOfB, registersOfB),
                   MutableArrayRef<Value>(all).slice(mma.sums() * (tile + t), mma.sums()), storage);
    }
  }
}

void AttentionEmitter::store(const Values &out, ArrayRef<Value> inverse, int64_t group) {
  Region region(k);
  int64_t all = k.work.heads * headDim, spare = k.widthOf(op.getResult()) - all;
  Value column = k.add(k.mul(head, headDim), pair);
  for (int half = 0; half < 2; ++half) {
    Value mine = rowOf(group, half);
    k.ifThen(k.less(mine, queryLimit), [&] {
      auto [launchRow, token] = memberOf(queryRows, mine);
      Place place{launchRow, column, 0, token};
      for (int64_t tile = 0; tile < plan.columns / plan.mma->n; ++tile) {
        place.delta = plan.mma->n * tile;
        int64_t left = headDim - place.delta; // columns of the tile that exist
        k.ifThen(left < plan.mma->n ? k.less(pair, left) : Value(), [&] {
          Known known;
          for (unsigned element = 0; element < 2; ++element)
            known[op.getResult()].push_back(
                k.mulF(out[plan.mma->sums() * tile + 2 * half + element], inverse[half]));
          region.store(place, region.results(place, 2, known));
        });
      }
      if (spare > 0)
        k.ifThen(k.equal(head, k.work.heads - 1), [&] { storeZeros(region, place, all, spare); });
    });
  }
}

void AttentionEmitter::storeZeros(Region &region, Place place, int64_t first, int64_t count) {
  place.column = pair;
  for (int64_t done = 0; done < count; done += plan.mma->n) {
    place.delta = first + done;
    int64_t left = count - done;
    k.ifThen(left < plan.mma->n ? k.less(pair, left) : Value(), [&] {
      Known known{{op.getResult(), Values(2, k.immF(0.0))}};
      region.store(place, region.results(place, 2, known));
    });
  }
}

AttentionEmitter::Value AttentionEmitter::inverseOfSum(Value sum) {
  for (int lanes : {1, 2})
    sum = k.addF(sum, k.shuffleXor(sum, lanes));
  return k.divF(k.immF(1.0), sum);
}

LogicalResult AttentionEmitter::emit() {
  if (failed(check()))
    return failure();
  locate(k.tid());
  compute();
  return k.finish(plan);
}

LogicalResult emitAttention(KernelBuilder &k) {
  return k.schedule.attention().stages > 1 ? emitOnlineAttention(k) : emitWholeRowAttention(k);
}

} // namespace vitc::codegen
