//===- RegistersTest.cpp - Registers of a thread ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// How close they come to ptxas is for test/passes/cost; here is what they depend on.
//
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

using namespace costtest;

TEST_CASE("a linear holds sums and fragments") {
  Work work = linear(197, 768, 768);
  Schedule s = tile("128x128x32/64x64/3");
  // 64 * 64 f32 over 32 lanes; 4 registers for each 16 rows and 2 for each 8 columns; 40 beside.
  CHECK(predictRegisters(work, s) == 128 + 32 + 40);
  s.gemm().buffers = 2;
  CHECK(predictRegisters(work, s) == 128 + 2 * 32 + 34);
  CHECK(leastRegisters(work, s) == 128 + 2 * 32 + 26);
  // A second linear has sums and fragments of B of its own.
  Work gated = linear(197, 768, 768, 0, 0, 2);
  Schedule half = tile("128x128x32/64x32/3");
  CHECK(predictRegisters(gated, half) == 2 * 64 + 16 + 2 * 8 + 40 + 5);
}

TEST_CASE("fragments of tf32 are those of f16, of f32 more than that") {
  Work work = linear(197, 768, 768);
  Schedule halves = tile("128x128x32/64x32/3"), words = tile("128x128x16/64x32/3");
  int ofHalves = predictRegisters(work, halves);
  work.inputBytes = 4;
  CHECK(predictRegisters(work, words) == ofHalves); // half as many columns of twice the bytes
  work.threefold = true;
  // A second one for each of the 8 of B, both of a tile of A, and a sixth of all.
  CHECK(predictRegisters(work, words) == ofHalves + 8 + 2 * 4 + (64 + 16 + 8) / 6);
}

TEST_CASE("a ring that holds all of K needs nothing to fill it again") {
  Schedule s = tile("64x64x32/32x32/4");
  s.gemm().buffers = 2;
  Work four = linear(197, 768, 128), five = linear(197, 768, 136);
  CHECK(predictRegisters(four, s) == predictRegisters(five, s) - 14);
  CHECK(leastRegisters(four, s) < leastRegisters(five, s));
  s.gemm().buffers = 1; // fills one less ahead
  CHECK(predictRegisters(four, s) == predictRegisters(five, s));
}

TEST_CASE("what is fused to a linear costs it nothing, moved columns their addresses") {
  Schedule s = tile("128x128x32/64x32/3");
  Work plain = linear(197, 768, 768), gelu = linear(197, 768, 768, 0, 1);
  gelu.vectors = 1;
  CHECK(predictRegisters(gelu, s) == predictRegisters(plain, s));
  CHECK(predictRegisters(linear(197, 768, 768, 1), s) == predictRegisters(plain, s));
  // A residual whose last columns lie beyond N is read from others: half an address a column.
  CHECK(leastRegisters(linear(197, 1000, 768, 1), s) == leastRegisters(plain, s) + 16);
}

TEST_CASE("a bound is kept down to what is needed") {
  Work work = linear(197, 768, 768);
  Schedule s = tile("64x64x32/32x32/3");
  int least = leastRegisters(work, s), free = predictRegisters(work, s);
  REQUIRE(least < free);
  s.registers = free - 1;
  CHECK(predictRegisters(work, s) == free - 1);
  s.registers = least - 1; // spills
  CHECK(predictRegisters(work, s) == least);
  s.registers = 0;
  CHECK(boundFor(work, s, 255) % 8 == 0);
  CHECK(boundFor(work, s, 255) >= free + 4);
  CHECK(boundFor(work, s, free) == free);
}

TEST_CASE("a layer_norm holds its part of the row, twice where that is used again") {
  Schedule keep = rows(4), again = keep;
  again.norm().recompute = true;
  Work work = norm(197, 1280, 4); // 40 columns of a lane
  int plain = predictRegisters(work, keep);
  CHECK(leastRegisters(work, keep) == 40 + 28);
  work.rowReused = true;
  CHECK(leastRegisters(work, keep) == 2 * 40 + 28);
  CHECK(predictRegisters(work, keep) > plain + 40);
  CHECK(predictRegisters(work, again) <= 48);
  // Wider rows than a lane can hold are read again in any case.
  CHECK(predictRegisters(norm(197, 8192), keep) == predictRegisters(norm(197, 8192), again));
}

TEST_CASE("attention holds the scores of its keys") {
  Schedule s{AttentionSchedule{64, 197}};
  int few = predictRegisters(attention(65, 12, 64), {AttentionSchedule{64, 65}});
  int many = predictRegisters(attention(197, 12, 64), s);
  CHECK(many > few + 40);
  // Probabilities of 4 bytes are not packed: the result comes on top of 4 registers for each 8.
  Work words = attention(197, 12, 64);
  words.inputBytes = 4;
  CHECK(leastRegisters(words, s) == 4 * 25 + 64 / 2 + 24 + 2);
  s.registers = 128; // 4 registers for each 8 of 197 keys and 24 beside
  CHECK(predictRegisters(attention(197, 12, 64), s) == 128);
}
