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
  CHECK(s.gemm().accumulators(work) == 64);   // 64 x 32 f32 over 32 lanes
  work.products = 2;
  CHECK(smemOf(work, s) == 3 * 384 * 32 * 2);
  CHECK(s.gemm().accumulators(work) == 128);
  // Eight warps' slots of 16 rows of 24 columns are more than two tiny stages if two f32 are
  // stored.
  Work two = linear(197, 768, 768);
  two.outputBytes = 8;
  CHECK(smemOf(two, tile("16x128x32/16x16/2")) == 8 * 16 * 24 * 8);
}

TEST_CASE("threads of the others") {
  CHECK(threadsOf(norm(197, 768), rows(4)) == 128);
  CHECK(threadsOf(norm(197, 4096), rows(16)) == 256); // 128 columns of a lane
  CHECK(threadsOf(elementwise(197, 768, 1, {}), elements(2048)) == 256);
  Work work = attention(197, 12, 64);
  CHECK(threadsOf(work, {AttentionSchedule{208, 197}}) == 13 * 32);
  CHECK(threadsOf(work, {AttentionSchedule{112, 197}}) == 7 * 32);
}

TEST_CASE("schedules as text and back") {
  struct Case {
    Work work;
    const char *text;
  };
  Work gemm = linear(197, 768, 768), tokens = elementwise(197, 768, 1, {});
  tokens.family = Family::Tokens;
  for (const Case &c : {Case{gemm, "64x128x64/32x64/2"},
                        {gemm, "64x128x64/32x64/2 buffers 2 splits 4 registers 168"},
                        {attention(197, 12, 64), "112x197/16/1 registers 128"},
                        {norm(197, 768), "8/1/1 recompute"},
                        {norm(197, 768), "8/1/1 registers 48"},
                        {elementwise(197, 768, 1, {}), "2048/256/1"},
                        {tokens, "2048/256/1"}}) {
    auto schedule = readSchedule(c.text, c.work, rtx4090());
    REQUIRE(schedule);
    CHECK(schedule->family() == c.work.family);
    CHECK(text(*schedule) == c.text);
  }
  for (const char *wrong :
       {"", "64", "64x64x32/32x32", "64x64x32/32x32/3 ", "64x64x32/32x32/0",
        "64x64x32/32x32/3 splits 0", "64x64x32/32x32/3 buffers 3", "64x64x32x8/32x32/3",
        "64x64x32/32x32/3 registers 256", "112x197/16/1", "8/1/1", "65537x64x32/32x32/3"})
    CHECK(!readSchedule(wrong, gemm, rtx4090()));
  for (const char *wrong : {"-64/1/1", "8/1/1 splits 2", "8/1/2", "8x8/1/1"})
    CHECK(!readSchedule(wrong, norm(197, 768), rtx4090()));
  // Whether V lies beside K is not in the text: it follows from the device.
  auto resident = [](const char *text, const char *gpu) {
    return readSchedule(text, attention(197, 12, 64), *findGpu(gpu))->attention().resident;
  };
  CHECK(resident("208x197/16/1", "rtx4090"));
  CHECK(!resident("112x197/16/1", "rtx4090"));
  CHECK(resident("112x197/16/1", "h200"));
}

TEST_CASE("what cannot be built has a reason with its numbers") {
  auto why = [](const char *text) {
    std::string error;
    CHECK(!parseTile(text, rtx4090(), error));
    return error;
  };
  CHECK(why("128x128") ==
        "expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '128x128'");
  CHECK(why("128x128x48/64x32/3") ==
        "tile '128x128x48/64x32/3': expected BK of 32 or 64, found 48");
  CHECK(why("128x128x32/24x32/3") == "tile '128x128x32/24x32/3': expected a warp tile of 16s by 8s "
                                     "that divides the block tile 128x128, found 24x32");
  CHECK(why("128x128x32/64x32/1") == "tile '128x128x32/64x32/1': expected 2 to 8 stages, found 1");
  std::string error;
  CHECK(parseTile("48x24x64/48x8/2", rtx4090(), error));  // copies need not come out even
  CHECK(parseTile("64x64x16/32x32/3", rtx4090(), error)); // of tf32, or f32
  Schedule split = tile("64x64x32/32x32/3");
  split.gemm().splits = 8;
  CHECK(objection(linear(197, 768, 256), split, limitsOf(rtx4090())) ==
        "expected a share of K = 256 for each of 8 splits, but 64 columns each leave none for the "
        "last: choose fewer splits");
}
