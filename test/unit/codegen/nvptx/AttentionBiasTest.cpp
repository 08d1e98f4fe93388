//===- AttentionBiasTest.cpp - What is added to scores, and windows -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// In both forms: a bias with rows of any width, windows with and without a shift, and both.
//
//===----------------------------------------------------------------------===//

#include "AttentionTesting.h"

using namespace attention;

namespace {

/// With all keys at once, and in blocks.
void checkForms(Shape s, int64_t count, double inputs = 1.0) {
  check(overTokens(s), s.type, count, inputs);
  s.keyBlock = 32, s.blockRows = 32;
  check(overTokens(s), s.type, count, inputs);
  s.keyBlock = 64, s.stages = 4, s.blockRows = 64;
  check(overTokens(s), s.type, count, inputs);
}

Shape biased(int64_t tokens, int64_t headDim, int64_t width, int64_t heads = 2,
             const std::string &type = "f16") {
  Shape s{tokens, headDim, heads, type};
  s.biasWidth = width;
  return s;
}

Shape windowed(const Windows &windows, int64_t headDim, int64_t biasWidth = 0,
               const std::string &type = "f16") {
  Shape s{windows.grid[0] * windows.grid[1], headDim, 2, type};
  s.windows = &windows, s.biasWidth = biasWidth;
  return s;
}

} // namespace

TEST_CASE("attention with a bias: rows as wide as the keys, and wider") {
  for (int64_t tokens : {1, 7, 8, 50, 65})
    for (int64_t more : {0, 1, 2, 7, 40})
      checkForms(biased(tokens, 16, tokens + more), 2);
  checkForms(biased(197, 64, 197, 1), 1);
  checkForms(biased(197, 64, 200, 1, "bf16"), 1);
  check(overTokens(biased(272, 32, 272, 1)), "f16", 1);
}

TEST_CASE("attention with a bias: large ones, and a negative scale") {
  Shape s = biased(65, 32, 66);
  s.scale = 2;
  checkForms(s, 1, 3.0);
  s.scale = -0.5;
  checkForms(s, 1);
  s.scale = 1e-5; // all that counts is the bias
  checkForms(s, 1);
}

TEST_CASE("attention with a bias: one query per image") {
  for (int64_t queries : {0, 1, 3}) {
    Shape s = biased(150, 64, 151);
    s.queryRows = queries;
    checkForms(s, 2);
  }
}

TEST_CASE("attention in windows") {
  const Windows all[] = {
      {{4, 4}, {2, 2}, {0, 0}}, {{4, 4}, {2, 2}, {1, 1}},     {{6, 8}, {3, 4}, {1, 0}},
      {{6, 8}, {3, 4}, {0, 2}}, {{6, 10}, {6, 5}, {0, 2}},    {{14, 14}, {7, 7}, {3, 3}},
      {{7, 7}, {7, 7}, {0, 0}}, {{24, 12}, {12, 12}, {6, 6}}, {{5, 9}, {5, 9}, {4, 8}},
  };
  for (const Windows &windows : all) {
    checkForms(windowed(windows, 32), 2);
    checkForms(windowed(windows, 12, windows.tokens(), "bf16"), 1);
    checkForms(windowed(windows, 16, windows.tokens() + windows.tokens() % 2), 1);
  }
}

// Heads that lie apart, fused ops that need a row's place in the image and among all.
TEST_CASE("attention in windows: fused ops") {
  for (const char *keys : {"keys = 12", "keys = 16 stages = 2"})
    check(std::string(R"(
vit.kernel @k(%x: tensor<?x48x72xf16>, %bias: tensor<12x2x12xf32>, %t: tensor<48x24xf32>, %r: tensor<?x48x24xf32>) -> tensor<?x48x24xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, )") +
              keys + R"(>]} {
  %0 = vit.attention %x, %x, %x bias %bias : tensor<12x2x12xf32> heads 2 head_dim 12 scale 2.0e-01 axis tokens offsets [0, 24, 48]
      windows <grid = [6, 8], size = [3, 4], shift = [1, 2]>
      : tensor<?x48x72xf16>, tensor<?x48x72xf16>, tensor<?x48x72xf16> -> tensor<?x48x24xf16>
  %1 = vit.position %0, %t : tensor<?x48x24xf16>, tensor<48x24xf32> -> tensor<?x48x24xf32>
  %2 = vit.add %1, %r : tensor<?x48x24xf32>, tensor<?x48x24xf32> -> tensor<?x48x24xf32>
  vit.yield %2 : tensor<?x48x24xf32>
})",
          "f16", 3);
}

TEST_CASE("attention in windows: an image's bits are its own") {
  const Windows windows{{14, 14}, {7, 7}, {3, 3}};
  Shape s = windowed(windows, 32, 49);
  for (int64_t keyBlock : {0, 32}) {
    s.keyBlock = keyBlock;
    KernelRunner runner(overTokens(s));
    REQUIRE(runner.error() == "");
    auto arguments = runner.randomArguments(3, 5);
    KernelRun all = runner.run(arguments, 3);
    REQUIRE(all.error == "");
    for (int64_t image = 0; image < 3; ++image) {
      KernelTensor one{{1, 196, 192}, part(arguments[0], image, 1, 3)};
      KernelRun alone = runner.run({one, arguments[1]}, 1);
      REQUIRE(alone.error == "");
      CHECK(alone.results[0].values == part(all.results[0], image, 1, 3));
    }
  }
}

TEST_CASE("attention with a bias and windows: planted bugs are seen") {
  const Windows windows{{14, 14}, {7, 7}, {3, 3}};
  Shape s = windowed(windows, 32, 49);
  for (int64_t keyBlock : {0, 32}) {
    s.keyBlock = keyBlock;
    std::string apart = "0fC4480000"; // -100 / 0.125
    for (const Bug &bug : std::initializer_list<Bug>{{apart.c_str(), "0f00000000"},
                                                     {"ld.global.nc", "ld.global.nc", false}})
      if (std::string(bug.from) != bug.to)
        checkSeen(overTokens(s), bug);
  }
}
