//===- AttentionWholeRow.cpp - Attention with whole rows of scores --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A warp computes 16 query rows against all keys and keeps the whole rows of scores in registers:
// no running maximum, no rescaling, each exponential once. K and V of one head lie in shared
// memory, where V may take the place of K once the scores are there.
//
//   scores (16 x keys) = Q * K^T      Q from shared memory one step at a time, K by ldmatrix
//   p = 2^(c * score - c * max)       c = scale * log2(e); f32
//   out = p * V / sum(p)              p, packed in pairs, already is an A fragment of mma (of 16
//   bits)
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Attention.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

class WholeRowEmitter : public AttentionEmitter {
public:
  using AttentionEmitter::AttentionEmitter;

private:
  AttentionTile keyTile(unsigned operand);
  Values probabilities(const Values &scores, function_ref<void()> between);
  Values scoresOf(Values sums, Value keys);
  Values productWith(Value values, const Values &p);
  void compute() override;
  Value parked();
  Value again(Value thread);

  Value inverse[2]; // 1 / sum(p) of both rows
};

AttentionTile WholeRowEmitter::keyTile(unsigned operand) {
  return {operand, {}, plan.bufferRows, keyCount, keyCount ? 0 : plan.keys};
}

WholeRowEmitter::Values WholeRowEmitter::scoresOf(Values sums, Value keys) {
  separateParts(sums, {});
  scores(keys, MutableArrayRef<Values>(sums));
  return sums;
}

WholeRowEmitter::Values WholeRowEmitter::productWith(Value values, const Values &p) {
  Values out = noResult();
  product(values, ArrayRef<Values>(p), MutableArrayRef<Values>(out));
  return out;
}

/// Scores to unnormalised probabilities, packed for the product. Leaves 1/sum.
WholeRowEmitter::Values WholeRowEmitter::probabilities(const Values &scores,
                                                       function_ref<void()> between) {
  Value factor = exponentFactor(), zero = k.immF(0.0), masked = leastScore();
  int64_t surely = keyCount ? 0 : plan.keys;
  Value best[2], shift[2];
  for (int64_t tile = 0; tile < plan.keyTiles; ++tile)
    for (unsigned element = 0; element < 2; ++element) {
      Value exists = isKey(tile, element, keyCount, surely);
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
  for (int64_t tile = 0; tile < tilesOfSteps(plan.keyTiles); ++tile) {
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
        if (Value exists = isKey(tile, element, keyCount, surely))
          p[element] = k.select(exists, p[element], zero);
        sum[half] = sum[half] ? k.addF(sum[half], p[element]) : p[element];
      }
      packed.append(pack(p[0], p[1]));
    }
  }
  for (int half = 0; half < 2; ++half)
    inverse[half] = inverseOfSum(sum[half]);
  return packed;
}

void WholeRowEmitter::compute() {
  Value keys = k.dynamicShared();
  Value values = plan.resident ? k.atByte(keys, {}, plan.bufferBytes) : keys;
  copy(queryTile(), queries(), k.tid());
  copy(keyTile(1), keys, k.tid());
  k.cpAsyncCommit();
  if (plan.resident) {
    copy(keyTile(2), values, k.tid());
    k.cpAsyncCommit();
  }
  writeParts();
  if (plan.resident && plan.threads != 32 * plan.warps) { // some warps only copy
    k.cpAsyncWait(0);
    k.barrier();
    k.ifThen(k.less(warp, plan.warps), [&] {
      Values p = probabilities(scoresOf(summands({}, plan.keyTiles, biasWidth()), keys), [] {});
      store(productWith(values, p), inverse);
    });
    return;
  }

  Values sums = summands({}, plan.keyTiles, biasWidth());
  k.cpAsyncWait(plan.resident ? 1 : 0);
  k.barrier();
  sums = scoresOf(sums, keys);
  if (!plan.resident)
    k.barrier(); // every warp has read K
  // The copy needs registers too: it starts when some of the scores have been packed.
  Values p = probabilities(sums, [&] {
    if (plan.resident)
      return;
    copy(keyTile(2), values, again(k.tid()));
    k.cpAsyncCommit();
  });
  // 1/sum waits where the warp's queries were. The product has more use for the registers, and a
  // store before the barrier keeps ptxas from moving exponentials behind it, among the tensor
  // instructions, where scores and result live at the same time.
  k.syncWarp();
  for (int half = 0; half < 2; ++half)
    k.store(inverse[half], k.at(parked(), k.f32, {}, 32 * half));
  k.cpAsyncWait(0);
  k.barrier();
  locate(plan.resident ? k.tid() : again(k.tid()));
  Values out = productWith(values, p);
  for (int half = 0; half < 2; ++half)
    inverse[half] = k.load(k.at(parked(), k.f32, {}, 32 * half), k.f32);
  store(out, inverse);
}

/// Where a lane keeps 1/sum of its first row.
Value WholeRowEmitter::parked() {
  return k.at(k.atByte(queries(), k.mul(warp, plan.mma->m * plan.pitch)), k.f32, lane);
}

/// The thread's number anew: what was derived from it need not live meanwhile. A shuffle with
/// itself is a thing that ptxas does not see through.
Value WholeRowEmitter::again(Value thread) { return k.shuffleXor(thread, 0); }

} // namespace

LogicalResult emitWholeRowAttention(KernelBuilder &k) { return WholeRowEmitter(k).emit(); }

} // namespace vitc::codegen
