//===- AttentionTest.cpp - Attention kernels in numbers -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Lengths and head sizes at and around every edge, through the emulator and against f64; that a
// row's bits depend on nothing but the row; and that what could be wrong would be seen.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "passes/cost/families/Attention.h"

#include <catch2/catch.hpp>

namespace {

std::string number(int64_t value) { return std::to_string(value); }

struct Shape {
  int64_t tokens, headDim, heads = 2;
  std::string type = "f16";
  int64_t blockRows = 0;  // 0: all rows
  int64_t queryRows = -1; // 0: a query of rank 2; -1: packed with keys and values
  double scale = 0.125;
};

std::string tensor(int64_t tokens, int64_t width, const std::string &type) {
  return "tensor<?x" + (tokens ? number(tokens) + "x" : "") + number(width) + "x" + type + ">";
}

/// What a search would make of blocks of `rows` rows.
vitc::cost::AttentionSchedule scheduleFor(const Shape &s, int64_t rows, int64_t keys,
                                          bool overBatch) {
  vitc::cost::Work work;
  work.family = vitc::cost::Family::Attention;
  work.keys = keys, work.headDim = s.headDim, work.overBatch = overBatch;
  work.queries = s.queryRows < 0 ? keys : std::max<int64_t>(s.queryRows, 1);
  return vitc::cost::attentionSchedule(work, rows, keys, *vitc::cost::findGpu("rtx4090"));
}

std::string schedule(const Shape &s, int64_t rows, int64_t keys, bool overBatch = false) {
  auto fitting = scheduleFor(s, rows, keys, overBatch);
  return " attributes {schedules = [#vit.attention_schedule<batch = 1 to " +
         number(overBatch ? keys : 64) + ", rows = " + number(fitting.rows) +
         ", keys = " + number(keys) + (fitting.resident ? " resident = true" : "") + ">]} {\n";
}

std::string attentionOp(const Shape &s, const std::string &query, const std::string &queryType,
                        const std::string &packed, const std::string &result, bool overBatch) {
  int64_t width = s.heads * s.headDim;
  return "  %0 = vit.attention " + query + ", %x, %x heads " + number(s.heads) + " head_dim " +
         number(s.headDim) + " scale " + std::to_string(s.scale) + " axis " +
         (overBatch ? "batch" : "tokens") + " offsets [0, " + number(width) + ", " +
         number(2 * width) + "] : " + queryType + ", " + packed + ", " + packed + " -> " + result +
         "\n";
}

/// Attention between the tokens of an image on a packed q|k|v; the query may come apart.
std::string overTokens(const Shape &s) {
  int64_t width = s.heads * s.headDim;
  bool apart = s.queryRows >= 0;
  std::string packed = tensor(s.tokens, 3 * width, s.type);
  std::string query = apart ? tensor(s.queryRows, width, s.type) : packed;
  std::string result = tensor(apart ? s.queryRows : s.tokens, width, s.type);
  int64_t rows = s.blockRows ? s.blockRows : (s.tokens + 15) / 16 * 16;
  return "vit.kernel @k(%x: " + packed + (apart ? ", %q: " + query : "") + ") -> " + result +
         schedule(s, rows, s.tokens) +
         attentionOp(s, apart ? "%q" : "%x", query, packed, result, false) +
         "  vit.yield %0 : " + result + "\n}\n";
}

/// Between the images of a batch, of which there are at most `keys`.
std::string overBatch(const Shape &s, int64_t keys) {
  int64_t width = s.heads * s.headDim;
  std::string packed = tensor(s.tokens, 3 * width, s.type);
  std::string result = tensor(s.tokens, width, s.type);
  return "vit.kernel @k(%x: " + packed + ") -> " + result +
         schedule(s, (keys + 15) / 16 * 16, keys, true) +
         attentionOp(s, "%x", packed, packed, result, true) + "  vit.yield %0 : " + result +
         "\n}\n";
}

/// Errors come from rounding p and the result: 2^-11 or 2^-8 of an element at most, a third in
/// norm.
double bound(const std::string &type) { return type == "f16" ? 4e-4 : 3.5e-3; }

void check(const std::string &text, const std::string &type, int64_t count, double inputs = 1.0) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, 7 + count, inputs);
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, count);
  CHECK(worstDistance(run.results, expected) <= bound(type));
  CHECK(worstElement(run.results, expected) <= 12 * bound(type));
}

/// Rows [first, first + rows) of a tensor whose dimension 0 has `of` parts.
std::vector<double> part(const KernelTensor &tensor, int64_t first, int64_t rows, int64_t of) {
  size_t size = tensor.values.size() / of;
  return {tensor.values.begin() + first * size, tensor.values.begin() + (first + rows) * size};
}

} // namespace

TEST_CASE("attention: numbers of tokens") {
  for (int64_t tokens : {1, 2, 7, 8, 9, 15, 16, 17, 24, 33, 65, 196, 197, 208, 209, 257, 264, 272})
    check(overTokens({tokens, 64, 1}), "f16", tokens < 100 ? 3 : 1);
  for (int64_t tokens : {1, 17, 65, 197, 257, 272})
    check(overTokens({tokens, 64, 1, "bf16"}), "bf16", 1);
}

TEST_CASE("attention: head sizes") {
  for (int64_t headDim = 16; headDim <= 128; headDim += 8) {
    check(overTokens({50, headDim, 2}), "f16", 2);
    check(overTokens({17, headDim, 3, "bf16"}), "bf16", 2);
  }
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

// A bug planted in the text must change the numbers or be found by the emulator.
TEST_CASE("attention: planted bugs are seen") {
  struct Bug {
    const char *from, *to;
    bool last; // which occurrence
  };
  const Bug bugs[] = {
      {"bar.sync", "// bar.sync", false},
      {"bar.sync", "// bar.sync", true},
      {"cp.async.wait_group", "// cp.async.wait_group", true},
      {"0fFF7FFFFF", "0f7F7FFFFF", false}, // what masks keys that are not there
      {"shfl.sync.bfly.b32", "shfl.sync.idx.b32", false},
      {".trans", "", false},
      {"rcp.rn.f32", "mov.f32", false},
  };
  // V beside K, and V after K.
  for (auto [tokens, blockRows] : {std::pair<int64_t, int64_t>{145, 160}, {197, 112}}) {
    Shape s{tokens, 64, 1};
    s.blockRows = blockRows;
    REQUIRE(scheduleFor(s, blockRows, tokens, false).resident == (tokens == 145));
    for (const Bug &bug : bugs) {
      INFO(bug.from << " -> " << bug.to << (bug.last ? ", the last" : ", the first")
                    << ", block of " << blockRows);
      KernelRunner runner(overTokens(s));
      REQUIRE(runner.error() == "");
      std::string text = runner.ptx();
      size_t at = bug.last ? text.rfind(bug.from) : text.find(bug.from);
      REQUIRE(at != std::string::npos);
      text.replace(at, std::string(bug.from).size(), bug.to);
      runner.replacePtx(text);
      auto arguments = runner.randomArguments(2, 1);
      KernelRun run = runner.run(arguments, 2);
      CHECK((run.error != "" ||
             worstDistance(run.results, runner.expected(arguments, 2)) > 2 * bound("f16")));
    }
  }
}

TEST_CASE("attention: what is refused") {
  auto errorOf = [](const Shape &s) { return KernelRunner(overTokens(s)).error(); };
  CHECK_THAT(errorOf({273, 64}), Catch::Contains("expected at most 272 keys in one attention, "
                                                 "found 273"));
  CHECK_THAT(errorOf({9, 20}), Catch::Contains("expected head_dim in multiples of 8 from 16 to "
                                               "128, found 20"));
  CHECK_THAT(errorOf({9, 136}), Catch::Contains("found 136"));
  CHECK_THAT(errorOf({9, 8}), Catch::Contains("found 8"));
  CHECK_THAT(errorOf({9, 16, 2, "f32"}), Catch::Contains("expected attention on f16 or bf16"));
}
