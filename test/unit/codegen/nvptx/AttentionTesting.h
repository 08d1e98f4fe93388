//===- AttentionTesting.h - Attention kernels as text -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TEST_UNIT_ATTENTIONTESTING_H
#define TEST_UNIT_ATTENTIONTESTING_H

#include "KernelRunner.h"

#include "passes/cost/families/Attention.h"

#include <catch2/catch.hpp>

namespace attention {

inline std::string number(int64_t value) { return std::to_string(value); }

struct Windows {
  int64_t grid[2], size[2], shift[2];
  int64_t tokens() const { return size[0] * size[1]; }
  std::string text() const {
    auto pair = [](const int64_t *p) { return "[" + number(p[0]) + ", " + number(p[1]) + "]"; };
    return "windows <grid = " + pair(grid) + ", size = " + pair(size) + ", shift = " + pair(shift) +
           ">";
  }
};

struct Shape {
  int64_t tokens, headDim, heads = 2;
  std::string type = "f16";
  int64_t blockRows = 0;  // 0: all rows, or with blocks of keys 64
  int64_t queryRows = -1; // 0: a query of rank 2; -1: packed with keys and values
  double scale = 0.125;
  int64_t keyBlock = 0;  // 0: all keys at once
  int stages = 2;        // with blocks of keys
  int64_t biasWidth = 0; // 0: no bias; else at least the keys
  const Windows *windows = nullptr;
  int warp = 16; // query rows of one, with blocks of keys

  int64_t keys() const { return windows ? windows->tokens() : tokens; }
  int64_t queries() const { return queryRows < 0 ? keys() : std::max<int64_t>(queryRows, 1); }
};

inline std::string tensor(int64_t tokens, int64_t width, const std::string &type) {
  return "tensor<?x" + (tokens ? number(tokens) + "x" : "") + number(width) + "x" + type + ">";
}

/// What a search would make of blocks of `rows` rows.
inline vitc::cost::AttentionSchedule scheduleFor(const Shape &s, int64_t rows, int64_t keys,
                                                 bool overBatch) {
  vitc::cost::Work work;
  work.family = vitc::cost::Family::Attention;
  work.inputBytes = s.type.ends_with("32") ? 4 : 2, work.threefold = s.type == "f32";
  work.keys = overBatch ? 1 : s.keys(), work.headDim = s.headDim, work.overBatch = overBatch;
  work.queries = overBatch ? 1 : s.queries(), work.biased = s.biasWidth > 0;
  work.parted = s.windows && (s.windows->shift[0] || s.windows->shift[1]);
  return vitc::cost::attentionSchedule(work, rows, keys, *vitc::cost::findGpu("rtx4090"),
                                       s.keyBlock ? s.stages : 1, s.keyBlock ? s.warp : 16);
}

/// `images`: the most of them, where they attend to each other; 0: they do not.
inline std::string schedule(const Shape &s, int64_t images = 0) {
  int64_t keys = s.keyBlock ? s.keyBlock : images ? images : s.keys();
  int64_t rows = s.blockRows  ? s.blockRows
                 : s.keyBlock ? 64
                              : ((images ? images : s.queries()) + 15) / 16 * 16;
  auto fitting = scheduleFor(s, rows, keys, images > 0);
  return " attributes {schedules = [#vit.attention_schedule<batch = 1 to " +
         number(images ? images : 64) + ", rows = " + number(fitting.rows) +
         ", keys = " + number(keys) +
         (fitting.stages > 1 ? " stages = " + number(fitting.stages) : "") +
         (fitting.resident ? " resident = true" : "") +
         (fitting.warp != 16 ? " warp = " + number(fitting.warp) : "") + ">]} {\n";
}

inline std::string attentionOp(const Shape &s, const std::string &query,
                               const std::string &queryType, const std::string &packed,
                               const std::string &result, bool overBatch) {
  int64_t width = s.heads * s.headDim;
  std::string bias =
      "tensor<" + number(s.queries()) + "x" + number(s.heads) + "x" + number(s.biasWidth) + "xf32>";
  return "  %0 = vit.attention " + query + ", %x, %x " +
         (s.biasWidth ? "bias %bias : " + bias + " " : "") + "heads " + number(s.heads) +
         " head_dim " + number(s.headDim) + " scale " + std::to_string(s.scale) + " axis " +
         (overBatch ? "batch" : "tokens") + " offsets [0, " + number(width) + ", " +
         number(2 * width) + "] " + (s.windows ? s.windows->text() + " " : "") + ": " + queryType +
         ", " + packed + ", " + packed + " -> " + result + "\n";
}

/// Attention between the tokens of an image on a packed q|k|v; the query may come apart.
inline std::string overTokens(const Shape &s) {
  int64_t width = s.heads * s.headDim;
  bool apart = s.queryRows >= 0;
  std::string packed = tensor(s.tokens, 3 * width, s.type);
  std::string query = apart ? tensor(s.queryRows, width, s.type) : packed;
  std::string result = tensor(apart ? s.queryRows : s.tokens, width, s.type);
  std::string bias = ", %bias: tensor<" + number(s.queries()) + "x" + number(s.heads) + "x" +
                     number(s.biasWidth) + "xf32>";
  return "vit.kernel @k(%x: " + packed + (apart ? ", %q: " + query : "") +
         (s.biasWidth ? bias : "") + ") -> " + result + schedule(s) +
         attentionOp(s, apart ? "%q" : "%x", query, packed, result, false) +
         "  vit.yield %0 : " + result + "\n}\n";
}

/// Between the images of a batch, of which there are at most `images`.
inline std::string overBatch(const Shape &s, int64_t images) {
  int64_t width = s.heads * s.headDim;
  std::string packed = tensor(s.tokens, 3 * width, s.type);
  std::string result = tensor(s.tokens, width, s.type);
  return "vit.kernel @k(%x: " + packed + ") -> " + result + schedule(s, images) +
         attentionOp(s, "%x", packed, packed, result, true) + "  vit.yield %0 : " + result +
         "\n}\n";
}

/// Errors come from rounding p and the result: 2^-11 or 2^-8 of an element at most, a third in
/// norm; of f32 from the exponentials.
inline double bound(const std::string &type) {
  return type == "f32" ? 2e-6 : type == "bf16" ? 3.5e-3 : 4e-4;
}

inline void check(const std::string &text, const std::string &type, int64_t count,
                  double inputs = 1.0) {
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
inline std::vector<double> part(const KernelTensor &tensor, int64_t first, int64_t rows,
                                int64_t of) {
  size_t size = tensor.values.size() / of;
  return {tensor.values.begin() + first * size, tensor.values.begin() + (first + rows) * size};
}

/// A bug planted in a kernel's text: which occurrence of `from` becomes `to`.
struct Bug {
  const char *from, *to;
  bool last = false;
};

/// It must change the numbers or be found by the emulator.
inline void checkSeen(const std::string &text, const Bug &bug) {
  INFO(text << bug.from << " -> " << bug.to << (bug.last ? ", the last" : ", the first"));
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  std::string ptx = runner.ptx();
  size_t at = bug.last ? ptx.rfind(bug.from) : ptx.find(bug.from);
  REQUIRE(at != std::string::npos);
  ptx.replace(at, std::string(bug.from).size(), bug.to);
  runner.replacePtx(ptx);
  auto arguments = runner.randomArguments(2, 1);
  KernelRun run = runner.run(arguments, 2);
  CHECK((run.error != "" ||
         worstDistance(run.results, runner.expected(arguments, 2)) > 2 * bound("f16")));
}

} // namespace attention

#endif // TEST_UNIT_ATTENTIONTESTING_H
