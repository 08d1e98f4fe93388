//===- GeometryTest.cpp - How kernels lie on the device ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// By hand. That kernels are written by these numbers is for the GeometryTest of codegen.
//
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include "passes/cost/families/Attention.h"
#include "passes/cost/families/Gemm.h"
#include "passes/cost/families/Norm.h"
#include "passes/cost/families/Tokens.h"
#include "passes/cost/families/Vectors.h"

#include <catch2/catch.hpp>

using namespace costtest;

TEST_CASE("a linear: ring, slots and shares of K") {
  Work work = linear(197, 768, 776, 0, 0, 2);
  GemmSchedule s{.tile = {64, 128, 64}, .warp = {32, 64}, .stages = 3, .splits = 4};
  GemmGeometry g = gemmGeometry(work, s);
  CHECK(g.threads == 128);
  CHECK(g.tileBytesOfA == 64 * 64 * 2);
  CHECK(g.stageBytes == (64 + 2 * 128) * 64 * 2);
  CHECK(g.ringBytes == 3 * g.stageBytes);
  CHECK(g.blocks == 4);     // 13 blocks of 64 in four shares
  CHECK(g.lastBlocks == 1); // the last has 8 columns
  CHECK(g.staged);
  CHECK(g.slotColumns == 72);        // an odd number of eights
  CHECK(g.slotBytes == 16 * 72 * 2); // 16 rows of f16
  CHECK(g.slots == 2);
  CHECK(g.shared == g.ringBytes);
  CHECK(g.grid[0] == Extent{0, 1, 6});
  CHECK(g.grid[1] == Extent{197, 64, 1});
  CHECK(g.grid[2] == Extent{0, 1, 4});
  CHECK(g.sums == 4 * 2 * 64 * 128);                // a block's
  CHECK(scratchBytes(g, 3) == g.sums * 6 * 10 * 4); // 591 rows
  CHECK(counterBytes(g, 3) == 4 * 6 * 10);
  // Rows that are no multiple of 16 bytes leave without slots.
  CHECK(!gemmGeometry(linear(197, 1004, 776), s).staged);
  s.splits = 1;
  CHECK(gemmGeometry(work, s).sums == 0);
  CHECK(counterBytes(gemmGeometry(work, s), 3) == 0);
}

TEST_CASE("attention: equal shares of the rows, and where V lies") {
  Work base = attention(197, 12, 64);
  // ViT-B/16: one block of 13 warps for each head, K and V both in shared memory.
  AttentionGeometry whole = attentionGeometry(base, attentionSchedule(base, 208, 197, rtx4090()));
  CHECK(whole.warps == 13);
  CHECK(whole.rowBlocks == 1);
  CHECK(whole.pitch == 144); // 9 chunks: 8 rows lie in 8 different bank groups
  CHECK(whole.resident);
  CHECK(whole.shared == 3 * 208 * 144); // K, V and Q
  CHECK(whole.grid[0] == Extent{1, 1, 1});
  CHECK(whole.grid[1] == Extent{0, 1, 12});
  // Half of the rows: two blocks fit if V follows K; where there is room they fit with both.
  AttentionSchedule half = attentionSchedule(base, 112, 197, rtx4090());
  CHECK(half == AttentionSchedule{112, 197});
  CHECK(attentionGeometry(base, half).rowBlocks == 2);
  CHECK(attentionGeometry(base, half).minBlocks == 2);
  CHECK(attentionSchedule(base, 112, 197, *findGpu("h200")).resident);
  // One row: four warps copy.
  Work one = base;
  one.rows = one.queries = 1;
  AttentionGeometry row = attentionGeometry(one, attentionSchedule(one, 16, 197, rtx4090()));
  CHECK(row.warps == 1);
  CHECK(row.threads == 128);
  CHECK(row.minBlocks == 3); // warps that only copy make it 144 registers
  CHECK(row.rowBlocks == 1);
  // Over the batch every row of an image is a sequence.
  Work batch = base;
  batch.overBatch = true, batch.rows = 5;
  CHECK(attentionGeometry(batch, {32, 17, 1, true}).grid[0] == Extent{1, 32, 5});
  // So is every window of an image.
  Work windows = attention(49, 3, 32);
  windows.rows = 64 * 49, windows.windows = 64, windows.parted = true;
  AttentionGeometry window = attentionGeometry(windows, {64, 49, 1, true});
  CHECK(window.grid[0] == Extent{64, 1, 1});
  CHECK(window.partsOffset == 3 * 64 * 80);
  CHECK(window.shared == 3 * 64 * 80 + 64 * 4);

  int wrong = 0;
  for (const char *name : {"rtx4090", "a100", "h200"})
    for (int64_t keys = 1; keys <= mostKeys; ++keys)
      for (int64_t headDim = 16; headDim <= 128; headDim += 8)
        for (int64_t rows : {16, 64, 128, 208, 272}) {
          Work work = attention(keys, 12, headDim);
          AttentionSchedule s = attentionSchedule(work, rows, keys, *findGpu(name));
          AttentionGeometry g = attentionGeometry(work, s);
          wrong += objection(work, {s}, limitsOf(*findGpu(name))) != "";
          wrong += g.warps * 16 != s.rows; // what is asked for is what there is
          wrong += g.warps * 16 * g.rowBlocks < keys;
          wrong += g.pitch % 32 != 16;
          wrong += 8 * g.keyTiles < keys;
        }
  CHECK(wrong == 0);
}

TEST_CASE("attention: blocks of keys, and heads that are padded") {
  Work work = attention(577, 12, 64);
  AttentionSchedule s = attentionSchedule(work, 64, 64, rtx4090(), /*stages=*/2);
  CHECK(s == AttentionSchedule{64, 64, 2});
  AttentionGeometry g = attentionGeometry(work, s);
  CHECK(g.keyTiles == 8);
  CHECK(g.keyBlocks == 9);
  CHECK(g.lastKeys == 1);
  CHECK(g.rowBlocks == 10); // 37 groups of 16 rows
  CHECK(g.warps == 4);
  CHECK(g.shared == (2 * 64 + 64) * 144);
  s.stages = 4;
  CHECK(attentionGeometry(work, s).shared == (4 * 64 + 64) * 144);
  // 20 columns are 24, in 3 chunks of 16 bytes; 12 are 16, and 8 rows of 32 bytes would share
  // banks.
  CHECK(attentionGeometry(attention(577, 12, 20), s).pitch == 48);
  CHECK(attentionGeometry(attention(577, 12, 12), s).pitch == 48);
  // The batch decides how many blocks of rows there are.
  Work batch = attention(1, 12, 64);
  batch.overBatch = true, batch.rows = 5;
  CHECK(attentionGeometry(batch, s).grid[0] == Extent{1, 64, 5});

  int wrong = 0;
  for (const char *name : {"rtx4090", "a100", "h200"})
    for (int64_t keys : {1, 63, 64, 577, 1025, 16384})
      for (int64_t headDim = leastHeadDim; headDim <= mostHeadDim; headDim += 2)
        for (int64_t rows : {16, 64, 128, 256})
          for (int keyBlock : {32, 64}) {
            if (headDim > 128 && keyBlock == 64)
              continue;
            Work work = attention(keys, 12, headDim);
            AttentionSchedule s = attentionSchedule(work, rows, keyBlock, *findGpu(name), 2);
            AttentionGeometry g = attentionGeometry(work, s);
            wrong += objection(work, {s}, limitsOf(*findGpu(name))) != "";
            wrong += g.blockRows() != s.rows || g.blockRows() * g.rowBlocks < keys;
            wrong += g.keyBlocks * g.keys + g.lastKeys != keys;
            wrong += g.pitch % 32 != 16;
          }
  CHECK(wrong == 0);
}

TEST_CASE("a mean has shares of the tokens, whatever the block") {
  Work work;
  work.family = Family::Tokens;
  work.columns = 768, work.vector = 8, work.summed = 196;
  auto geometry = [&](int elements) {
    return meanGeometry(work, TokensSchedule{{elements, elements}});
  };
  CHECK(geometry(32).shares == 64);
  CHECK(geometry(32).threads == 256);
  CHECK(geometry(32).turns == 4);
  CHECK(geometry(32).grid[0] == Extent{24, 1, 1});
  CHECK(geometry(128).shares == 64);
  CHECK(geometry(128).threads == 1024);
  work.summed = 1;
  CHECK(geometry(32).threads == 32);
  CHECK(geometry(32).shared == 0);
}

TEST_CASE("a norm's groups are rows") {
  Work work = norm(197, 768);
  work.groups = 12;
  NormGeometry g = normGeometry(work, {.rows = 8});
  CHECK(g.vector == 2); // 32 lanes have 64 columns
  CHECK(g.grid[0] == Extent{197 * 12, 8, 1});
  work = norm(197, 48);
  work.groups = 3;
  CHECK(normGeometry(work, {.rows = 8}).vector == 2); // pairs that a rope turns stay together
}

TEST_CASE("a norm has as many warps as leave each thread its part of the row") {
  auto warps = [](int64_t width, NormSchedule s) {
    return normGeometry(norm(197, width), s).warps;
  };
  CHECK(warps(512, {.rows = 32}) == 32);  // 16 columns of a lane
  CHECK(warps(768, {.rows = 32}) == 16);  // 24
  CHECK(warps(4096, {.rows = 32}) == 8);  // 128
  CHECK(warps(4352, {.rows = 32}) == 32); // is read again
  CHECK(warps(768, {.rows = 32, .recompute = true}) == 32);
  CHECK(normGeometry(norm(197, 768), {.rows = 8, .warp = 2}).warps == 4);
  CHECK(normGeometry(norm(197, 768), {.rows = 8, .warp = 2}).grid[0] == Extent{197, 8, 1});
}

TEST_CASE("threads share a block's vectors evenly") {
  Work work = elementwise(197, 768, 1, {});
  VectorGeometry g = vectorGeometry(work, {2048, 256});
  CHECK(g.threads == 256);
  CHECK(g.vectors == 256);
  CHECK(g.vectorsPerRow == 96);
  CHECK(g.grid[0] == Extent{197 * 96, 256, 1});
  CHECK(vectorGeometry(work, {2048, 128}).threads == 256); // no more threads than vectors
  CHECK(vectorGeometry(work, {1280, 320}).threads ==
        32); // 160 vectors: of 128 threads 32 share them
}
