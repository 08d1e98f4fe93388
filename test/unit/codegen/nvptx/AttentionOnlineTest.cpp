//===- AttentionOnlineTest.cpp - Attention over blocks of keys ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Numbers of keys around the ends of blocks, all head sizes, a number of keys that is known when it
// runs; that a row's bits depend on the row and the keys alone; and that what could be wrong would
// be seen.
//
//===----------------------------------------------------------------------===//

#include "AttentionTesting.h"

using namespace attention;

namespace {

Shape online(int64_t tokens, int64_t headDim, int64_t keyBlock = 64, int stages = 2,
             int64_t heads = 1, const std::string &type = "f16") {
  Shape s{tokens, headDim, heads, type};
  s.keyBlock = keyBlock, s.stages = stages;
  return s;
}

} // namespace

TEST_CASE("online attention: numbers of tokens") {
  for (int stages : {2, 4})
    for (int64_t tokens : {1, 7, 16, 63, 64, 65, 72, 73, 80, 127, 128, 129, 191, 193, 256, 300})
      check(overTokens(online(tokens, 32, 64, stages)), "f16", tokens < 100 ? 3 : 1);
  for (int64_t tokens : {31, 32, 33, 40, 41, 96, 97, 130})
    check(overTokens(online(tokens, 48, 32, tokens % 2 ? 2 : 4, 2, "bf16")), "bf16", 2);
  for (int64_t tokens : {1, 31, 32, 33, 40, 41, 65, 97, 130})
    for (std::string type : {"tf32", "f32"})
      check(overTokens(online(tokens, 48, 32, tokens % 2 ? 2 : 4, 2, type)), type, 1);
  check(overTokens(online(577, 64)), "f16", 1);
  check(overTokens(online(577, 64, 32, 2, 1, "f32")), "f32", 1);
  check(overTokens(online(90, 24, 16)), "f16", 2);
}

TEST_CASE("online attention: head sizes") {
  for (int64_t headDim : {2, 4, 6, 8, 12, 16, 20, 24, 40, 64, 72, 80, 100, 128}) {
    check(overTokens(online(100, headDim, 64, 2, 2)), "f16", 1);
    check(overTokens(online(75, headDim, 32, 4, 3, "bf16")), "bf16", 1);
    for (std::string type : {"tf32", "f32"})
      check(overTokens(online(75, headDim, 32, 2, 2, type)), type, 1);
  }
  for (int64_t headDim : {132, 160, 192, 250, 256})
    check(overTokens(online(100, headDim, 32, 2)), "f16", 1);
}

TEST_CASE("online attention: rows of a block and few queries") {
  for (int64_t rows : {16, 32, 48, 128, 256}) {
    Shape s = online(197, 32);
    s.blockRows = rows;
    check(overTokens(s), "f16", 1);
  }
  for (int64_t queries : {0, 1, 5, 40}) {
    Shape s = online(300, 64, 64, queries == 1 ? 4 : 2, 2);
    s.queryRows = queries;
    check(overTokens(s), "f16", 2);
  }
  Shape s = online(16384, 64); // one query per image
  s.queryRows = 0;
  check(overTokens(s), "f16", 1);
}

TEST_CASE("online attention: two groups of rows in a warp") {
  auto twice = [](Shape s) {
    s.warp = 32, s.blockRows = 128;
    return s;
  };
  for (int64_t tokens : {1, 16, 17, 31, 33, 64, 65, 100, 129, 200})
    check(overTokens(twice(online(tokens, 32, 64, tokens % 2 ? 2 : 4))), "f16", 2);
  for (int64_t headDim : {4, 20, 64, 72, 96})
    check(overTokens(twice(online(90, headDim, 64, 4, 2, "bf16"))), "bf16", 1);
  for (std::string type : {"tf32", "f32"})
    check(overTokens(twice(online(75, 48, 32, 2, 2, type))), type, 1);
  check(overBatch(twice(online(3, 16, 64, 2, 2)), 200), "f16", 70);
  Shape biased = twice(online(70, 32, 32, 4));
  biased.biasWidth = 70;
  check(overTokens(biased), "f16", 2);
  static const Windows windows{{8, 16}, {8, 8}, {4, 4}};
  Shape parted = twice(online(128, 32, 32));
  parted.windows = &windows;
  check(overTokens(parted), "f16", 2);
}

TEST_CASE("online attention: scores far apart and scales that are not positive") {
  Shape s = online(150, 32);
  check(overTokens(s), "f16", 1, 6.0);
  s.scale = -0.125;
  check(overTokens(s), "f16", 1, 3.0);
  s.scale = 0;
  check(overTokens(s), "f16", 1);
}

// The maximum moves in every block, or stays that of the first, or is far below zero.
TEST_CASE("online attention: where the largest score is") {
  Shape s = online(256, 16);
  KernelRunner runner(overTokens(s));
  REQUIRE(runner.error() == "");
  for (double slope : {0.02, -0.02}) {
    auto arguments = runner.randomArguments(1, 3);
    for (int64_t token = 0; token < 256; ++token)
      for (int64_t column = 0; column < 16; ++column) {
        double &query = arguments[0].values[token * 48 + column];
        double &key = arguments[0].values[token * 48 + 16 + column];
        query = 4, key = static_cast<int>(64 * slope * double(token)) / 64.0; // f16 holds it
      }
    KernelRun run = runner.run(arguments, 1);
    REQUIRE(run.error == "");
    CHECK(worstDistance(run.results, runner.expected(arguments, 1)) <= bound("f16"));
  }
}

TEST_CASE("online attention: over the batch") {
  Shape s = online(3, 16, 16, 2, 2);
  KernelRunner runner(overBatch(s, 200));
  REQUIRE(runner.error() == "");
  for (int64_t count : {1, 2, 15, 16, 17, 31, 32, 33, 64, 100}) {
    auto arguments = runner.randomArguments(count, count);
    KernelRun run = runner.run(arguments, count);
    REQUIRE(run.error == "");
    CHECK(worstDistance(run.results, runner.expected(arguments, count)) <= bound("f16"));
  }
  for (int64_t count : {1, 64, 65, 150})
    for (std::string type : {"bf16", "tf32", "f32"})
      check(overBatch(online(2, 24, type == "f32" ? 32 : 64, 4, 1, type), 1024), type, count);
  for (int64_t count : {5, 70})
    check(overBatch(online(0, 32, 32), 1024), "f16", count); // activations of rank 2
}

TEST_CASE("online attention: a row's bits are its own") {
  Shape s = online(200, 40, 64, 2, 2);
  KernelRunner blocks(overTokens(s));
  s.blockRows = 16;
  KernelRunner single(overTokens(s));
  s.blockRows = 96, s.stages = 4;
  KernelRunner staged(overTokens(s));
  s.blockRows = 64, s.warp = 32;
  KernelRunner twice(overTokens(s));
  for (KernelRunner *runner : {&blocks, &single, &staged, &twice})
    REQUIRE(runner->error() == "");
  auto arguments = blocks.randomArguments(3, 5);
  KernelRun all = blocks.run(arguments, 3);
  REQUIRE(all.error == "");
  for (KernelRunner *runner : {&single, &staged, &twice}) { // other blocks, other copies
    KernelRun run = runner->run(arguments, 3);
    REQUIRE(run.error == "");
    CHECK(run.results[0].values == all.results[0].values);
  }
  for (int64_t image = 0; image < 3; ++image) { // alone instead of beside two neighbours
    KernelTensor one{{1, 200, 240}, part(arguments[0], image, 1, 3)};
    KernelRun alone = blocks.run({one}, 1);
    REQUIRE(alone.error == "");
    CHECK(alone.results[0].values == part(all.results[0], image, 1, 3));
  }
}

TEST_CASE("online attention: fused ops and several results") {
  std::string text = R"(
vit.kernel @k(%x: tensor<?x70x144xbf16>, %b: tensor<48xf32>, %t: tensor<70x48xf32>, %r: tensor<?x70x48xf32>) -> (tensor<?x70x48xf32>, tensor<?x70x48xbf16>)
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 32, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 4 head_dim 12 scale 2.0e-01 axis tokens offsets [0, 48, 96]
      : tensor<?x70x144xbf16>, tensor<?x70x144xbf16>, tensor<?x70x144xbf16> -> tensor<?x70x48xbf16>
  %1 = vit.bias_add %0, %b : tensor<?x70x48xbf16>, tensor<48xf32> -> tensor<?x70x48xbf16>
  %2 = vit.gelu erf %1 : tensor<?x70x48xbf16> -> tensor<?x70x48xf32>
  %3 = vit.position %2, %t : tensor<?x70x48xf32>, tensor<70x48xf32> -> tensor<?x70x48xf32>
  %4 = vit.add %3, %r : tensor<?x70x48xf32>, tensor<?x70x48xf32> -> tensor<?x70x48xf32>
  vit.yield %4, %1 : tensor<?x70x48xf32>, tensor<?x70x48xbf16>
})";
  check(text, "bf16", 3);
}

TEST_CASE("online attention: planted bugs are seen") {
  for (int stages : {2, 4})
    for (const Bug &bug : std::initializer_list<Bug>{
             {"bar.sync", "// bar.sync"},
             {"bar.sync", "// bar.sync", true},
             {"cp.async.wait_group", "// cp.async.wait_group"},
             {"cp.async.wait_group", "// cp.async.wait_group", true},
             {"0fFF7FFFFF", "0f7F7FFFFF", true}, // what masks keys that are not there
             {"min.f32", "max.f32"},             // the largest exponent so far
             {"shfl.sync.bfly.b32", "shfl.sync.idx.b32"},
             {".trans", ""},
         })
      checkSeen(overTokens(online(197, 64, 64, stages)), bug);
}
