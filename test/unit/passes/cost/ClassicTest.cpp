//===- ClassicTest.cpp - Schedules by well-known rules ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

using namespace costtest;

static GemmSchedule square(int m, int n) {
  return {.tile = {m, n, 32}, .warp = {m / 2, n / 2}, .stages = 3};
}

TEST_CASE("halving takes the longer side, N of a square, down to 32x32") {
  CHECK(halved(square(64, 64)) == square(64, 32));
  CHECK(halved(square(64, 32)) == square(32, 32));
  CHECK(halved(square(32, 64)) == square(32, 32));
  CHECK(halved(square(32, 32)) == square(32, 32));
}

TEST_CASE("above 128 registers the block is halved") {
  auto of = [](int large, int middle, int small) {
    return [=](const GemmSchedule &s) {
      int area = s.tile[0] * s.tile[1];
      return area == 64 * 64 ? large : area == 64 * 32 ? middle : small;
    };
  };
  CHECK(halvedToFit(square(64, 64), of(128, 80, 50)) == square(64, 64));
  CHECK(halvedToFit(square(64, 64), of(129, 80, 50)) == square(64, 32));
  CHECK(halvedToFit(square(64, 64), of(200, 129, 50)) == square(32, 32));
  CHECK(halvedToFit(square(64, 64), of(255, 255, 255)) == square(32, 32)); // no smaller one
}

TEST_CASE("linears get two or three tiles of 32 and 64, the smallest last") {
  Preferences p = preferencesFor(rtx4090());
  p.tilePolicy = TilePolicy::Classic;
  for (const Work &work : {linear(197, 2304, 768), linear(197, 3072, 768, 1, 1, 2)}) {
    Selection selection = select({{work}}, 64, p);
    REQUIRE(selection.ranges.size() == 1);
    const std::vector<Schedule> &list = selection.ranges[0].alternatives;
    CHECK(list.size() >= 2);
    CHECK(list.size() <= 3);
    for (const Schedule &s : list) {
      auto [m, n, k] = s.gemm().tile;
      CHECK((m == 32 || m == 64));
      CHECK((n == 32 || n == 64));
      CHECK(k == 32);
      CHECK(s.registers <= 128);
    }
    CHECK(list.back().gemm().tile == std::array{32, 32, 32});
  }
}

TEST_CASE("elementwise work gets 256 or 512 threads") {
  Preferences p = preferencesFor(rtx4090());
  p.tilePolicy = TilePolicy::Classic;
  Work small = elementwise(1, 768, 1, {1, 0}), large = elementwise(197, 3072, 1, {1, 0});
  CHECK(threadsOf(small, select({{small}}, 1, p).ranges[0].alternatives[0]) == 256);
  const std::vector<Schedule> list = select({{large}}, 64, p).ranges[0].alternatives;
  CHECK(threadsOf(large, list.front()) == 512);
  CHECK(threadsOf(large, list.back()) == 256);
}

TEST_CASE("the model's schedules are faster than those by rules") {
  Preferences model = preferencesFor(rtx4090()), classic = model;
  classic.tilePolicy = TilePolicy::Classic;
  for (int64_t batch : {1, 32}) {
    Work work = linear(197, 768, 3072, 1);
    double byRules =
        predict(work, select({{work}}, 64, classic).ranges[0].alternatives[0], batch, rtx4090())
            .seconds;
    CHECK(best(work, batch, model)->prediction.seconds < 0.9 * byRules);
  }
}
