//===- ScheduleTest.cpp - What kernels make of a schedule -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

using namespace costtest;

TEST_CASE("threads and shared memory of a linear") {
  Work work = linear(197, 768, 768);
  Schedule s = tile("128x128x32/64x32/3");
  CHECK(threadsOf(work, s) == 256);           // 2 x 4 warps
  CHECK(smemOf(work, s) == 3 * 256 * 32 * 2); // three stages of 128 + 128 rows of 64 bytes
  CHECK(s.accumulators(work) == 64);          // 64 x 32 f32 over 32 lanes
  work.products = 2;
  CHECK(smemOf(work, s) == 3 * 384 * 32 * 2);
  CHECK(s.accumulators(work) == 128);
  // Eight warps' slots of 16 rows of 24 columns are more than two tiny stages if two f32 are
  // stored.
  Work two = linear(197, 768, 768);
  two.outputBytes = 8;
  CHECK(smemOf(two, tile("16x128x32/16x16/2")) == 8 * 16 * 24 * 8);
}

TEST_CASE("threads of the others") {
  CHECK(threadsOf(norm(197, 768), {.block = {4}, .warp = {1}}) == 128);
  CHECK(threadsOf(norm(197, 4096), {.block = {16}, .warp = {1}}) == 256); // 128 columns of a lane
  CHECK(threadsOf(elementwise(197, 768, 1, {}), {.block = {2048}, .warp = {256}}) == 256);
  Work work = attention(197, 12, 64);
  CHECK(threadsOf(work, {.block = {208, 197}, .warp = {16}}) == 13 * 32);
  CHECK(threadsOf(work, {.block = {112, 197}, .warp = {16}}) == 7 * 32);
}

TEST_CASE("schedules as text and back") {
  for (const char *given :
       {"64x128x64/32x64/2", "64x128x64/32x64/2 buffers 2 splits 4 registers 168", "112x197/16/1",
        "8/1/1 recompute", "2048/256/1", "8/1/1 registers 48"}) {
    auto schedule = readSchedule(given);
    REQUIRE(schedule);
    CHECK(text(*schedule) == given);
  }
  for (const char *wrong : {"", "64", "64x64x32/32x32", "64x64x32/32x32/3 ", "64x64x32/32x32/0",
                            "64x64x32/32x32/3 splits 0", "64x64x32/32x32/3 buffers 3",
                            "64x64x32x8/32x32/3", "-64/1/1", "8/1/1 registers 256"})
    CHECK(!readSchedule(wrong));
  CHECK(readSchedule("112x197/16/1")->block == std::array{112, 197, 0});
}

TEST_CASE("what cannot be built has a reason with its numbers") {
  auto why = [](const char *text) {
    std::string error;
    CHECK(!parseTile(text, rtx4090(), error));
    return error;
  };
  CHECK(why("128x128") ==
        "expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '128x128'");
  CHECK(why("128x128x48/64x32/3") == "tile '128x128x48/64x32/3': BK must be 32 or 64, but is 48");
  CHECK(why("128x128x32/24x32/3") ==
        "tile '128x128x32/24x32/3': WM must be a multiple of 16 and WN "
        "one of 8, but they are 24 and 32");
  CHECK(why("128x128x32/64x32/1") == "tile '128x128x32/64x32/1': STAGES must be 2 to 8, but is 1");
  std::string error;
  CHECK(parseTile("48x24x64/48x8/2", rtx4090(), error)); // copies need not come out even
  Schedule split = tile("64x64x32/32x32/3");
  split.splits = 8;
  CHECK(objection(linear(197, 768, 256), split, rtx4090()) ==
        "8 splits leave no columns of K = 256 for the last");
}
