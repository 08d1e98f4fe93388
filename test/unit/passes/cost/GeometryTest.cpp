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
  CHECK(g.slotColumns == 72);            // an odd number of eights
  CHECK(g.slotBytes == 16 * 72 * 2 * 4); // 16 rows of two f32
  CHECK(g.slots == 2);
  CHECK(g.shared == g.ringBytes);
  CHECK(g.grid[0] == Extent{0, 1, 6});
  CHECK(g.grid[1] == Extent{197, 64, 1});
  CHECK(g.grid[2] == Extent{0, 1, 4});
  CHECK(g.scratch == 4 * 4 * 2 * 197 * 768);

  VectorGeometry reduction = reductionGeometry(work, s);
  CHECK(reduction.threads == 256);
  CHECK(reduction.grid[0] == Extent{197 * 192, 256, 1});
  CHECK(reduction.scratch == g.scratch);
  // Rows that are no multiple of 16 bytes leave without slots: 1004 columns of f32 are one.
  CHECK(gemmGeometry(linear(197, 1004, 776), s).staged);
  s.splits = 1;
  CHECK(!gemmGeometry(linear(197, 1004, 776), s).staged);
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
  CHECK(half == AttentionSchedule{112, 197, false});
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
  CHECK(attentionGeometry(batch, {32, 17, true}).grid[0] == Extent{0, 1, 5});

  int wrong = 0;
  for (const char *name : {"rtx4090", "a100", "h200"})
    for (int64_t keys = 1; keys <= mostKeys; ++keys)
      for (int64_t headDim = leastHeadDim; headDim <= mostHeadDim; headDim += 8)
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
