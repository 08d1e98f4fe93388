//===- AttentionOnline.cpp - Attention over blocks of keys ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// For more keys than one warp holds scores of, or a number of them that is known when it runs. A
// warp computes its query rows against one block of keys after the other, and keeps of all before
// it
//
//   shift = -(c * max)                c = scale * log2(e); the largest exponent so far, negated
//   sum   = sum of 2^(c * score + shift)
//   out   = p * V, of the same p
//
// When a block lowers the shift, sum and out are multiplied by 2^(new - old), which is exactly 1
// where the maximum stays: rounding does not add up over the blocks. The order of the blocks is
// that of the keys, so a row's bits depend on the row and the keys alone.
//
// K and V of a block go through a ring of buffers, one barrier for each: behind it the tile has
// arrived, and all warps are done with the tile before, whose buffer takes the next copy while this
// tile is multiplied.
//
//   tiles     K0 V0 K1 V1 ...      K of block j in buffer 2 (j mod stages/2), V in the one behind
//   at tile t copy t + stages - 1
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Attention.h"

#include <limits>

using namespace mlir;

namespace vitc::codegen {

namespace {

class OnlineEmitter : public AttentionEmitter {
public:
  using AttentionEmitter::AttentionEmitter;

private:
  /// What goes from block to block, of one group of query rows.
  struct State {
    Value shift[2], sum[2]; // of both rows; sums of this lane's keys
    Values out;
    Values values() const;
    static State of(ValueRange values);
  };
  using States = SmallVector<State, 2>; // of the warp's groups
  /// A block of keys: which, how many at most, how many exist, or surely do.
  struct KeyBlock {
    Value index;
    int64_t keys;
    Value existing;
    int64_t surely;
    bool last; // none follows, whatever the number of keys
  };

  int64_t pairs() const { return plan.stages / 2; }
  Value blockCount();
  Value slot(Value block, bool values);
  void copyKeys(Value block, bool values);
  void copyAhead(const KeyBlock &block, bool values);
  void startCopies();
  void computeBlock(const KeyBlock &block, States &states);
  Values probabilities(const KeyBlock &block, const Values &scores, State &state);
  KeyBlock inside(Value index);
  KeyBlock rest(Value index);
  static Values packed(const States &states);
  States unpacked(ValueRange values) const;
  void compute() override;
};

OnlineEmitter::Values OnlineEmitter::State::values() const {
  Values all = {shift[0], shift[1], sum[0], sum[1]};
  all.append(out);
  return all;
}

OnlineEmitter::State OnlineEmitter::State::of(ValueRange values) {
  State state{{values[0], values[1]}, {values[2], values[3]}, Values(values.drop_front(4))};
  return state;
}

OnlineEmitter::Values OnlineEmitter::packed(const States &states) {
  Values all;
  for (const State &state : states)
    all.append(state.values());
  return all;
}

OnlineEmitter::States OnlineEmitter::unpacked(ValueRange values) const {
  States states;
  size_t ofState = values.size() / plan.warpTiles;
  for (int64_t group = 0; group < plan.warpTiles; ++group)
    states.push_back(State::of(values.slice(group * ofState, ofState)));
  return states;
}

Value OnlineEmitter::blockCount() {
  if (keyCount)
    return k.divU(k.add(keyCount, plan.keys - 1), plan.keys);
  return k.imm(plan.keyBlocks + (plan.lastKeys ? 1 : 0));
}

/// Where K or V of a block is.
Value OnlineEmitter::slot(Value block, bool values) {
  Value offset = k.mul(k.remU(block, pairs()), 2 * plan.bufferBytes);
  return k.atByte(k.dynamicShared(), offset, values ? plan.bufferBytes : 0);
}

/// Of a block that exists, though maybe not with all its keys.
void OnlineEmitter::copyKeys(Value block, bool values) {
  Value first = k.mul(block, plan.keys);
  AttentionTile tile{values ? 2u : 1u, first, plan.bufferRows, {}, plan.keys};
  if (keyCount || plan.lastKeys) {
    tile.existing = k.sub(keyCount ? keyCount : k.imm(k.work.keys), first);
    tile.surely = 0;
  }
  copy(tile, slot(block, values), k.tid());
}

/// The copy that begins at a tile of `block`.
void OnlineEmitter::copyAhead(const KeyBlock &block, bool values) {
  // At K of block j: V of block j + pairs - 1. At V of it: K of block j + pairs.
  int64_t ahead = values ? pairs() : pairs() - 1;
  Value next = k.add(block.index, ahead);
  if (ahead == 0)
    copyKeys(next, !values);
  else if (!block.last)
    k.ifThen(k.less(next, blockCount()), [&] { copyKeys(next, !values); });
  k.cpAsyncCommit();
}

/// Q and the tiles before the one that the first block asks for.
void OnlineEmitter::startCopies() {
  copy(queryTile(), queries(), k.tid());
  for (int64_t tile = 0; tile + 1 < plan.stages; ++tile) {
    Value block = k.imm(tile / 2);
    bool values = tile % 2;
    bool surely = tile < 2 || (!keyCount && tile / 2 < plan.keyBlocks + (plan.lastKeys > 0));
    if (surely || keyCount)
      k.ifThen(surely ? Value() : k.less(block, blockCount()), [&] { copyKeys(block, values); });
    k.cpAsyncCommit();
  }
}

/// Scores to probabilities that are packed for the product, and what that makes of the state.
OnlineEmitter::Values OnlineEmitter::probabilities(const KeyBlock &block, const Values &scores,
                                                   State &state) {
  Value factor = exponentFactor(), zero = k.immF(0.0), masked = leastScore();
  int64_t sums = plan.mma->sums(), tiles = scores.size() / sums;
  auto exists = [&](int64_t tile, unsigned element) {
    return isKey(tile, element, block.existing, block.surely);
  };
  Value best[2];
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (unsigned element = 0; element < 2; ++element)
      for (int half = 0; half < 2; ++half) {
        Value score = scores[sums * tile + 2 * half + element];
        if (Value key = exists(tile, element))
          score = k.select(key, score, masked);
        best[half] = best[half] ? extreme(best[half], score) : score;
      }
  for (int half = 0; half < 2; ++half) {
    for (int lanes : {1, 2})
      best[half] = extreme(best[half], k.shuffleXor(best[half], lanes));
    Value before = state.shift[half];
    state.shift[half] = k.minF(before, k.negF(k.mulF(best[half], factor)));
    Value shrink = k.ex2(k.subF(state.shift[half], before));
    state.sum[half] = k.mulF(state.sum[half], shrink);
    for (size_t i = 0; i < state.out.size(); i += sums)
      for (int element = 0; element < 2; ++element)
        state.out[i + 2 * half + element] = k.mulF(state.out[i + 2 * half + element], shrink);
  }

  Values packed;
  for (int64_t tile = 0; tile < tilesOfSteps(tiles); ++tile)
    for (int half = 0; half < 2; ++half) {
      if (tile == tiles) {
        packed.push_back(k.imm(0));
        continue;
      }
      Value p[2];
      for (unsigned element = 0; element < 2; ++element) {
        Value score = scores[sums * tile + 2 * half + element];
        p[element] = k.ex2(k.fma(score, factor, state.shift[half]));
        if (Value key = exists(tile, element))
          p[element] = k.select(key, p[element], zero);
        state.sum[half] = k.addF(state.sum[half], p[element]);
      }
      packed.append(pack(p[0], p[1]));
    }
  return packed;
}

void OnlineEmitter::computeBlock(const KeyBlock &block, States &states) {
  Value first = k.mul(block.index, plan.keys);
  // Of the bias: those that are surely there.
  int64_t columns = block.existing ? 0
                    : block.last   ? biasWidth() - plan.keyBlocks * plan.keys
                                   : plan.keys;
  SmallVector<Values, 2> sums, p, out;
  for (int64_t group = 0; group < plan.warpTiles; ++group)
    sums.push_back(summands(first, (block.keys + plan.mma->n - 1) / plan.mma->n, columns, group));
  k.cpAsyncWait(plan.stages - 2);
  k.barrier();
  copyAhead(block, /*values=*/false);
  for (int64_t group = 0; group < plan.warpTiles; ++group)
    separateParts(sums[group], first, group);
  scores(slot(block.index, false), sums);
  for (auto [scores, state] : llvm::zip_equal(sums, states)) {
    p.push_back(probabilities(block, scores, state));
    out.push_back(state.out);
  }
  k.cpAsyncWait(plan.stages - 2);
  k.barrier();
  copyAhead(block, /*values=*/true);
  product(slot(block.index, true), p, out);
  for (auto [result, state] : llvm::zip_equal(out, states))
    state.out = result;
}

/// A block of the loop, all of whose keys exist.
OnlineEmitter::KeyBlock OnlineEmitter::inside(Value index) {
  return {index, plan.keys, {}, plan.keys, false};
}

/// The block behind them where the number of keys is known when it runs.
OnlineEmitter::KeyBlock OnlineEmitter::rest(Value index) {
  return {index, plan.keys, k.sub(keyCount, k.mul(index, plan.keys)), 0, false};
}

void OnlineEmitter::compute() {
  startCopies();
  writeParts();
  Value zero = k.immF(0.0), none = k.immF(std::numeric_limits<float>::max());
  States states(plan.warpTiles, State{{none, none}, {zero, zero}, noResult()});
  Value full = keyCount ? k.divU(keyCount, plan.keys) : k.imm(plan.keyBlocks);
  auto over = [&](Value begin, Value end, KeyBlock (OnlineEmitter::*blockAt)(Value)) {
    states =
        unpacked(k.rolledLoop(begin, end, 1, packed(states), [&](Value index, ValueRange values) {
          States now = unpacked(values);
          computeBlock((this->*blockAt)(index), now);
          return packed(now);
        }));
  };
  if (keyCount || plan.keyBlocks > 0)
    over(k.imm(0), full, &OnlineEmitter::inside);
  if (keyCount) // once at most: masks are for it alone
    over(full, blockCount(), &OnlineEmitter::rest);
  if (plan.lastKeys)
    computeBlock({full, plan.lastKeys, {}, plan.lastKeys, true}, states);
  for (auto [group, state] : llvm::enumerate(states)) {
    Value inverse[] = {inverseOfSum(state.sum[0]), inverseOfSum(state.sum[1])};
    store(state.out, inverse, static_cast<int64_t>(group));
  }
}

} // namespace

LogicalResult emitOnlineAttention(KernelBuilder &k) { return OnlineEmitter(k).emit(); }

} // namespace vitc::codegen
