//===- Attention.cpp - Attention with a softmax that goes along -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A tile is 32 queries of one head of one sequence. Queries lie in lanes: their values are turned
// once to columns, Q^T [head_dim][32], and everything else reads keys and values where they are:
//
//   for each block of keys
//     S [keys][32] = K Q^T              rows of K into all lanes
//     m, p = max, e^(S - m), sums l     goes down the lanes, no sum crosses them
//     O [32][head_dim] = O * e^(m before - m) + p^T V
//   result = O / l
//
// So any number of keys fits, and the order of all sums is that of the keys. Few keys are one
// block, where O needs no correction; of images of any size nobody knows that there are few.
// Windows copy their keys and values together first.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Families.h"
#include "codegen/cpu/Math.h"
#include "codegen/cpu/Product.h"
#include "codegen/cpu/Region.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace vitc::codegen::cpu {

namespace {

constexpr int64_t tile = 32; // queries
constexpr int64_t vectorsOfTile = tile / lanes;

class AttentionWriter {
public:
  explicit AttentionWriter(CpuKernel &k)
      : k(k), op(cast<vit::AttentionOp>(k.root())), overBatch(op.mixesImages()),
        windows(op.getWindows()), heads(op.getHeads()), headDim(op.getHeadDim()),
        padded(llvm::alignTo(headDim, lanes)) {}

  LogicalResult write();

private:
  using Values = CpuBuilder::Values;
  struct Operand {
    Value pointer; ///< of the head's first column in row 0
    int64_t width; ///< of the tensor
    Value tokens;
  };

  Operand operandOf(Value operand, int64_t offset) {
    return {k.at(k.pointer(operand), k.add(k.mul(head, headDim), offset)), k.widthOf(operand),
            k.tokens(rowsOf(operand))};
  }
  int64_t rowsOf(Value operand) { return vit::rowsPerImage(k.typeOf(operand)); }
  void placeTile();
  Value rowOf(Value tokens, Value member);
  std::pair<Value, Value> rolled(Value member);
  Value partOf(Value member);
  void turnQueries(const Operand &query);
  Operand copyTogether(const Operand &from, Value to);
  void addBias(Value first, Value count);
  void separateParts(Value first, Value count);
  Values softmax(Value count, ArrayRef<Value> state);
  void correct(ArrayRef<Value> factors);
  void storeResult(ArrayRef<Value> sums);
  void storeLanes(ArrayRef<Value> vectors, Value to) {
    for (int64_t v = 0; v < vectorsOfTile; ++v)
      k.store(vectors[v], k.at(to, v * lanes));
  }
  Value scoresAt(Value key) { return k.at(scores, k.mul(key, tile)); }

  CpuKernel &k;
  vit::AttentionOp op;
  const bool overBatch;
  const std::optional<vit::WindowsAttr> windows;
  const int64_t heads, headDim, padded;
  int64_t block = 0;                         // keys
  Value sequence, head, firstQuery, queries; // of the tile
  Value keys;                                // of the sequence
  Value image, window;                       // of the sequence, with windows
  Value turned, scores, output, perQuery, parts;
};

/// Which sequence, head and queries the tile is.
void AttentionWriter::placeTile() {
  int64_t queryTokens = rowsOf(op.getQuery());
  Value allQueries;
  k.grid[1] = {0, 1, 1};
  if (overBatch) {
    keys = allQueries = k.count();
    k.grid[0] = {1, tile, queryTokens * heads};
  } else if (k.anySize()) { // what grows with the tokens is one dimension, with the images the
                            // other
    keys = k.tokens(rowsOf(op.getKey()));
    allQueries = k.tokens(queryTokens);
    k.grid[0] = {queryTokens, tile, heads, /*ofSequence=*/true};
    k.grid[1] = {1, 1, 1};
  } else {
    int64_t count = windows ? windows->tokens() : queryTokens, perImage = queryTokens / count;
    keys = k.imm(windows ? count : rowsOf(op.getKey()));
    allQueries = k.imm(count);
    k.grid[0] = {int64_t(llvm::divideCeil(count, tile)) * heads * perImage, 1, 1};
  }
  k.tile = std::to_string(tile) + " queries";
  Value tiles = k.div(k.add(allQueries, tile - 1), tile), rest = k.div(k.tileX(), tiles);
  firstQuery = k.mul(k.rem(k.tileX(), tiles), tile);
  queries = k.min(k.sub(allQueries, firstQuery), k.imm(tile));
  head = k.rem(rest, heads);
  sequence = k.anySize() ? k.tileY() : k.div(rest, heads);
  if (windows) {
    int64_t perImage = queryTokens / windows->tokens();
    image = k.div(sequence, perImage);
    window = k.rem(sequence, perImage);
  }
}

/// Where a member of the tile's window lies in the rolled grid.
std::pair<Value, Value> AttentionWriter::rolled(Value member) {
  ArrayRef<int64_t> grid = windows->getGrid(), size = windows->getSize();
  int64_t across = grid[1] / size[1];
  return {k.add(k.mul(k.div(window, across), size[0]), k.div(member, size[1])),
          k.add(k.mul(k.rem(window, across), size[1]), k.rem(member, size[1]))};
}

/// The row of a member of the sequence in an activation with so many tokens.
Value AttentionWriter::rowOf(Value tokens, Value member) {
  if (overBatch)
    return k.add(k.mul(member, tokens), sequence);
  if (!windows)
    return k.add(k.mul(sequence, tokens), member);
  ArrayRef<int64_t> grid = windows->getGrid(), shift = windows->getShift();
  auto [y, x] = rolled(member);
  Value token =
      k.add(k.mul(k.rem(k.add(y, shift[0]), grid[0]), grid[1]), k.rem(k.add(x, shift[1]), grid[1]));
  return k.add(k.mul(image, tokens), token);
}

/// A number, as f32, of the part of the window that attends to itself alone.
Value AttentionWriter::partOf(Value member) {
  ArrayRef<int64_t> grid = windows->getGrid(), shift = windows->getShift();
  auto [y, x] = rolled(member);
  Value part = k.immF(0.0);
  for (auto [place, axis, weight] : {std::tuple{y, 0, 1.0}, std::tuple{x, 1, 2.0}}) {
    if (shift[axis] == 0)
      continue;
    Value inside = k.less(place, grid[axis] - shift[axis]);
    part = k.addF(part, k.select(inside, k.immF(0.0), k.immF(weight)));
  }
  return part;
}

/// Q^T, scaled. Lanes without a query are zeros.
void AttentionWriter::turnQueries(const Operand &query) {
  k.loop(k.imm(0), k.imm(headDim * tile), lanes,
         [&](Value i) { k.store(k.splat(0.0), k.at(turned, i)); });
  Value scale = k.splat(op.getScale().convertToDouble());
  k.loop(k.imm(0), queries, 1, [&](Value i) {
    Value row = rowOf(query.tokens, k.add(firstQuery, i));
    Value from = k.at(query.pointer, k.mul(row, query.width)), to = k.at(turned, i);
    auto turn = [&](Value column, Value mask, int64_t count) {
      Value values = k.mulF(k.load(k.at(from, column), mask), scale);
      for (int64_t lane = 0; lane < count; ++lane)
        k.storeScalar(k.extract(values, lane), k.at(to, k.mul(k.add(column, lane), tile)));
    };
    int64_t whole = headDim / lanes * lanes;
    if (whole)
      k.loop(k.imm(0), k.imm(whole), lanes, [&](Value column) { turn(column, {}, lanes); });
    if (whole < headDim)
      turn(k.imm(whole), k.firstLanes(headDim - whole), headDim - whole);
  });
}

/// The rows of a head in the tile's window, one after the other.
AttentionWriter::Operand AttentionWriter::copyTogether(const Operand &from, Value to) {
  k.loop(k.imm(0), keys, 1, [&](Value member) {
    Value row = k.at(from.pointer, k.mul(rowOf(from.tokens, member), from.width));
    k.overColumns(headDim, [&](Value column, Value mask) {
      k.store(k.load(k.at(row, column), mask), k.at(to, k.add(k.mul(member, padded), column)));
    });
  });
  return {to, padded, k.imm(0)};
}

/// The table has a row for each query: neighbouring lanes are far apart.
void AttentionWriter::addBias(Value first, Value count) {
  RankedTensorType type = k.typeOf(op.getBias());
  Value width = k.tokens(type.getDimSize(2)), stride = k.mul(width, k.tokens(type.getDimSize(1)));
  Value apart = k.mulI(k.laneNumbers(), k.splat(LLVM::TruncOp::create(k, k.i32, stride)));
  Value table = k.at(k.pointer(op.getBias()),
                     k.add(k.add(k.mul(firstQuery, stride), k.mul(head, width)), first));
  k.loop(k.imm(0), count, 1, [&](Value key) {
    for (int64_t v = 0; v < vectorsOfTile; ++v) {
      Value at = k.at(scoresAt(key), v * lanes);
      Value mask = k.firstLanes(k.max(k.sub(queries, k.imm(v * lanes)), k.imm(0)));
      Value bias = k.gather(k.at(k.at(table, key), k.mul(stride, v * lanes)), apart, mask);
      k.store(k.addF(k.load(at), bias), at);
    }
  });
}

void AttentionWriter::separateParts(Value first, Value count) {
  k.loop(k.imm(0), count, 1, [&](Value key) {
    Value part = k.splat(partOf(k.add(first, key)));
    for (int64_t v = 0; v < vectorsOfTile; ++v) {
      Value at = k.at(scoresAt(key), v * lanes), score = k.load(at);
      Value others = k.load(k.at(parts, v * lanes));
      Value strangers = k.subF(score, k.splat(100.0));
      k.store(k.select(k.equalF(part, others), score, strangers), at);
    }
  });
}

/// Exponentials of a block's scores in their place. The state is maxima, then sums; the result as
/// well, with the factors between the maxima behind.
AttentionWriter::Values AttentionWriter::softmax(Value count, ArrayRef<Value> state) {
  Values highest(state.take_front(vectorsOfTile));
  highest = k.loop(k.imm(0), count, 1, highest, [&](Value key, ArrayRef<Value> before) {
    Values next;
    for (int64_t v = 0; v < vectorsOfTile; ++v)
      next.push_back(k.maxF(k.load(k.at(scoresAt(key), v * lanes)), before[v]));
    return next;
  });
  Values sums, factors;
  for (int64_t v = 0; v < vectorsOfTile; ++v) {
    factors.push_back(emitExp(k, k.subF(state[v], highest[v])));
    sums.push_back(k.mulF(state[vectorsOfTile + v], factors.back()));
  }
  sums = k.loop(k.imm(0), count, 1, sums, [&](Value key, ArrayRef<Value> before) {
    Values next;
    for (int64_t v = 0; v < vectorsOfTile; ++v) {
      Value at = k.at(scoresAt(key), v * lanes);
      Value p = emitExp(k, k.subF(k.load(at), highest[v]));
      k.store(p, at);
      next.push_back(k.addF(before[v], p));
    }
    return next;
  });
  Values result = highest;
  result.append(sums);
  result.append(factors);
  return result;
}

/// O times a factor for each query.
void AttentionWriter::correct(ArrayRef<Value> factors) {
  storeLanes(factors, perQuery);
  k.loop(k.imm(0), queries, 1, [&](Value i) {
    Value factor = k.splat(k.loadScalar(k.at(perQuery, i))), row = k.at(output, k.mul(i, padded));
    k.overColumns(padded, [&](Value column, Value) {
      k.store(k.mulF(k.load(k.at(row, column)), factor), k.at(row, column));
    });
  });
}

void AttentionWriter::storeResult(ArrayRef<Value> sums) {
  Values factors;
  for (Value sum : sums)
    factors.push_back(k.divF(k.splat(1.0), sum));
  storeLanes(factors, perQuery);
  Region region(k);
  Value tokens = k.tokensOf(op.getType());
  k.loop(k.imm(0), queries, 1, [&](Value i) {
    Value factor = k.splat(k.loadScalar(k.at(perQuery, i))), from = k.at(output, k.mul(i, padded));
    Value row = rowOf(tokens, k.add(firstQuery, i)), column = k.mul(head, headDim);
    k.overColumns(headDim, [&](Value offset, Value mask) {
      Known known;
      known[op.getResult()] = k.mulF(k.load(k.at(from, offset)), factor);
      region.store({row, k.add(column, offset), mask}, known);
    });
  });
}

LogicalResult AttentionWriter::write() {
  if (k.widthOf(op.getResult()) != heads * headDim)
    return k.error() << "columns behind those of the heads, of which there are "
                     << k.widthOf(op.getResult()) - heads * headDim << ", have no code for CPUs";
  if (k.anySize() && (overBatch || windows))
    return k.error() << "attention " << (windows ? "in windows" : "over a batch")
                     << " has no code for images of any size";
  placeTile();
  block = cost::cpuAttentionKeys(constantOf(keys).value_or(0));
  bool oneBlock = constantOf(keys) == block;
  turned = k.scratch(headDim * tile);
  scores = k.scratch(block * tile);
  output = k.scratch(tile * padded);
  perQuery = k.scratch(tile);

  ArrayRef<int64_t> offsets = op.getOffsets();
  Operand query = operandOf(op.getQuery(), offsets[0]), key = operandOf(op.getKey(), offsets[1]),
          value = operandOf(op.getValue(), offsets[2]);
  turnQueries(query);
  bool parted = windows && llvm::any_of(windows->getShift(), [](int64_t by) { return by > 0; });
  Value keyRows, valueRows;
  int64_t stride = overBatch ? rowsOf(op.getKey()) : 1,
          valueStride = overBatch ? rowsOf(op.getValue()) : 1;
  if (windows) {
    key = copyTogether(key, k.scratch(windows->tokens() * padded));
    value = copyTogether(value, k.scratch(windows->tokens() * padded));
    keyRows = key.pointer;
    valueRows = value.pointer;
    if (parted) {
      parts = k.scratch(tile);
      k.loop(k.imm(0), queries, 1,
             [&](Value i) { k.storeScalar(partOf(k.add(firstQuery, i)), k.at(parts, i)); });
    }
  } else {
    keyRows = k.at(key.pointer, k.mul(rowOf(key.tokens, k.imm(0)), key.width));
    valueRows = k.at(value.pointer, k.mul(rowOf(value.tokens, k.imm(0)), value.width));
  }
  int64_t keyStep = stride * key.width, valueStep = valueStride * value.width;

  if (!oneBlock)
    k.loop(k.imm(0), k.imm(tile * padded), lanes,
           [&](Value i) { k.store(k.splat(0.0), k.at(output, i)); });
  Values state(vectorsOfTile, k.splat(-std::numeric_limits<double>::infinity()));
  state.append(vectorsOfTile, k.splat(0.0));
  auto attend = [&](Value first, ArrayRef<Value> before) {
    Value count = oneBlock ? keys : k.min(k.sub(keys, first), k.imm(block));
    emitProduct(k, {keyStep, 1, tile, tile, tile}, k.at(keyRows, k.mul(first, keyStep)), turned,
                scores, count, k.imm(headDim));
    if (op.getBias())
      addBias(first, count);
    if (parted)
      separateParts(first, count);
    Values after = softmax(count, before);
    if (!oneBlock)
      correct(ArrayRef(after).take_back(vectorsOfTile));
    emitProduct(k, {1, tile, valueStep, padded, headDim, /*accumulates=*/!oneBlock}, scores,
                k.at(valueRows, k.mul(first, valueStep)), output, queries, count);
    after.truncate(2 * vectorsOfTile);
    return after;
  };
  state = oneBlock ? attend(k.imm(0), state) : k.loop(k.imm(0), keys, block, state, attend);
  storeResult(ArrayRef(state).take_back(vectorsOfTile));
  k.finish();
  return success();
}

} // namespace

LogicalResult emitAttention(CpuKernel &k) { return AttentionWriter(k).write(); }

} // namespace vitc::codegen::cpu
