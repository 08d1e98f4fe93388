//===- AttentionTest.cpp - Attention kernels in numbers -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Lengths and head sizes at and around every edge, through the emulator and against f64; that a
// row's bits depend on nothing but the row; and that what could be wrong would be seen.
//
//===----------------------------------------------------------------------===//

#include "AttentionTesting.h"

using namespace attention;

TEST_CASE("attention: numbers of tokens") {
  for (int64_t tokens : {1, 2, 7, 8, 9, 15, 16, 17, 24, 33, 65, 196, 197, 208, 209, 257, 264, 272})
    check(overTokens({tokens, 64, 1}), "f16", tokens < 100 ? 3 : 1);
  for (int64_t tokens : {1, 17, 65, 197, 257, 272})
    check(overTokens({tokens, 64, 1, "bf16"}), "bf16", 1);
  for (int64_t tokens : {1, 2, 7, 8, 9, 15, 16, 17, 24, 33, 65, 197, 209, 257, 272})
    check(overTokens({tokens, 64, 1, "tf32"}), "tf32", tokens < 100 ? 3 : 1);
  for (int64_t tokens : {1, 7, 8, 9, 17, 65, 145})
    check(overTokens({tokens, 64, 1, "f32"}), "f32", 1);
}

TEST_CASE("attention: head sizes", "[exhaustive]") {
  for (int64_t headDim = 16; headDim <= 128; headDim += 8) {
    check(overTokens({50, headDim, 2}), "f16", 2);
    check(overTokens({17, headDim, 3, "bf16"}), "bf16", 2);
    check(overTokens({50, headDim, 2, "tf32"}), "tf32", 1);
    check(overTokens({17, headDim, 3, "f32"}), "f32", 2);
  }
  // Columns of zeros in shared memory, and copies of 8 and 4 bytes.
  for (int64_t headDim :
       {2, 4, 6, 8, 10, 12, 18, 20, 28, 42, 44, 60, 76, 92, 130, 132, 160, 192, 212, 250, 256}) {
    check(overTokens({21, headDim, 3}), "f16", 2);
    check(overTokens({50, headDim, 2, "bf16"}), "bf16", 1);
    check(overTokens({21, headDim, 3, "tf32"}), "tf32", 1);
    check(overTokens({17, headDim, 1, "f32"}), "f32", 2);
  }
  check(overTokens({144, 252, 1}), "f16", 1);
  for (int64_t headDim : {16, 24, 80, 104, 128})
    check(overTokens({272, headDim, 1}), "f16", 1);
}

TEST_CASE("attention: rows per block") {
  for (int64_t rows : {16, 32, 48, 112, 208, 256})
    check(overTokens({197, 32, 1, "f16", rows}), "f16", 1);
  for (int64_t rows : {16, 64, 128, 272})
    check(overTokens({257, 40, 1, "f16", rows}), "f16", 1);
}

TEST_CASE("attention: scores far apart, and a negative scale") {
  Shape s{65, 32, 2};
  check(overTokens(s), "f16", 2, 6.0); // softmax close to a maximum
  s.scale = -0.125;
  check(overTokens(s), "f16", 2, 3.0);
  s.scale = 0; // the mean of the values
  check(overTokens(s), "f16", 2);
}

TEST_CASE("attention: operands apart, at offsets, of other widths") {
  std::string text = R"(
vit.kernel @k(%q: tensor<?x5x64xf16>, %k: tensor<?x37x56xf16>, %v: tensor<?x37x128xf16>) -> tensor<?x5x48xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 37 resident = true>]} {
  %0 = vit.attention %q, %k, %v heads 2 head_dim 24 scale 2.0e-01 axis tokens offsets [16, 8, 72]
      : tensor<?x5x64xf16>, tensor<?x37x56xf16>, tensor<?x37x128xf16> -> tensor<?x5x48xf16>
  vit.yield %0 : tensor<?x5x48xf16>
})";
  check(text, "f16", 3);
}

TEST_CASE("attention: fused ops and several results") {
  std::string text = R"(
vit.kernel @k(%x: tensor<?x19x144xbf16>, %b: tensor<48xf32>, %t: tensor<19x48xf32>, %r: tensor<?x19x48xf32>) -> (tensor<?x19x48xf32>, tensor<?x19x48xbf16>)
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 32, keys = 19>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 24 scale 2.0e-01 axis tokens offsets [0, 48, 96]
      : tensor<?x19x144xbf16>, tensor<?x19x144xbf16>, tensor<?x19x144xbf16> -> tensor<?x19x48xbf16>
  %1 = vit.bias_add %0, %b : tensor<?x19x48xbf16>, tensor<48xf32> -> tensor<?x19x48xbf16>
  %2 = vit.gelu erf %1 : tensor<?x19x48xbf16> -> tensor<?x19x48xf32>
  %3 = vit.position %2, %t : tensor<?x19x48xf32>, tensor<19x48xf32> -> tensor<?x19x48xf32>
  %4 = vit.add %3, %r : tensor<?x19x48xf32>, tensor<?x19x48xf32> -> tensor<?x19x48xf32>
  vit.yield %4, %1 : tensor<?x19x48xf32>, tensor<?x19x48xbf16>
})";
  check(text, "bf16", 3);
}

TEST_CASE("attention: over the batch") {
  for (int64_t count = 1; count <= 17; ++count)
    check(overBatch({3, 16, 2}, 17), "f16", count);
  for (int64_t count : {1, 8, 9, 17})
    check(overBatch({2, 24, 1, "bf16"}, 17), "bf16", count);
  for (int64_t count : {1, 7, 8, 9, 17}) {
    check(overBatch({2, 24, 1, "tf32"}, 17), "tf32", count);
    check(overBatch({2, 24, 1, "f32"}, 17), "f32", count);
  }
  check(overBatch({0, 32, 2}, 5), "f16", 5); // activations of rank 2: one sequence
}

TEST_CASE("attention: a row's bits are its own") {
  Shape s{65, 40, 2};
  KernelRunner whole(overTokens(s));
  s.blockRows = 32;
  KernelRunner blocks(overTokens(s));
  s.queryRows = 0;
  KernelRunner single(overTokens(s));
  for (KernelRunner *runner : {&whole, &blocks, &single})
    REQUIRE(runner->error() == "");
  auto arguments = whole.randomArguments(3, 5);
  KernelRun all = whole.run(arguments, 3);
  REQUIRE(all.error == "");

  // Other blocks, other warps.
  KernelRun split = blocks.run(arguments, 3);
  REQUIRE(split.error == "");
  CHECK(split.results[0].values == all.results[0].values);

  // Alone instead of beside two neighbours.
  for (int64_t image = 0; image < 3; ++image) {
    KernelTensor one{{1, 65, 240}, part(arguments[0], image, 1, 3)};
    KernelRun alone = whole.run({one}, 1);
    REQUIRE(alone.error == "");
    CHECK(alone.results[0].values == part(all.results[0], image, 1, 3));
  }

  // A class token as the only query, as in the last block of a pruned model.
  KernelTensor classes{{3, 80}, {}}, rows{{3, 80}, {}};
  for (int64_t image = 0; image < 3; ++image)
    for (int64_t column = 0; column < 80; ++column) {
      classes.values.push_back(arguments[0].values[image * 65 * 240 + column]);
      rows.values.push_back(all.results[0].values[image * 65 * 80 + column]);
    }
  KernelRun pruned = single.run({arguments[0], classes}, 3);
  REQUIRE(pruned.error == "");
  CHECK(pruned.results[0].values == rows.values);
}

TEST_CASE("attention: planted bugs are seen") {
  // V beside K, and V after K.
  for (auto [tokens, blockRows] : {std::pair<int64_t, int64_t>{145, 160}, {197, 112}}) {
    Shape s{tokens, 64, 1};
    s.blockRows = blockRows;
    REQUIRE(scheduleFor(s, blockRows, tokens, false).resident == (tokens == 145));
    for (const Bug &bug : std::initializer_list<Bug>{
             {"bar.sync", "// bar.sync"},
             {"bar.sync", "// bar.sync", true},
             {"cp.async.wait_group", "// cp.async.wait_group", true},
             {"0fFF7FFFFF", "0f7F7FFFFF"}, // what masks keys that are not there
             {"shfl.sync.bfly.b32", "shfl.sync.idx.b32"},
             {".trans", ""},
             {"rcp.rn.f32", "mov.f32"},
         })
      checkSeen(overTokens(s), bug);
  }
}

TEST_CASE("attention: what is refused") {
  auto errorOf = [](const Shape &s) { return KernelRunner(overTokens(s)).error(); };
  CHECK_THAT(errorOf({273, 64}), Catch::Contains("expected at most 272 keys at once in one "
                                                 "attention, found 273: choose blocks of keys"));
  CHECK_THAT(errorOf({9, 21}),
             Catch::Contains("expected an even head_dim from 2 to 256, found 21"));
  CHECK_THAT(errorOf({9, 258}), Catch::Contains("found 258"));
  Shape s{100, 64};
  s.keyBlock = 40;
  CHECK_THAT(errorOf(s), Catch::Contains("expected blocks of keys in multiples of 16"));
  s.keyBlock = 0, s.biasWidth = 100, s.scale = 0;
  CHECK_THAT(errorOf(s), Catch::Contains("expected a scale from 2^-60 to 2^60 where something is "
                                         "added to scores, found 0"));
}
