//===- NormTest.cpp - Layer norm kernels in numbers -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Widths at and around every edge (vectors, lanes, what registers hold), all types, ops before and
// after the norm, and rows that are hard: far from zero, and constant.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

namespace {

std::string number(int64_t value) { return std::to_string(value); }

std::string schedule(int64_t rows, int64_t perWarp = 1, bool recompute = false) {
  return " attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = " + number(rows) +
         ", warp = " + number(perWarp) + (recompute ? " recompute = true" : "") + ">]} {\n";
}

std::string norm(int64_t width, const std::string &from, const std::string &to, int64_t rows = 4,
                 int64_t perWarp = 1, const std::string &eps = "1.0e-12") {
  std::string x = "tensor<?x" + number(width) + "x" + from + ">",
              y = "tensor<?x" + number(width) + "x" + to + ">",
              v = "tensor<" + number(width) + "xf32>";
  return "vit.kernel @k(%x: " + x + ", %g: " + v + ", %b: " + v + ") -> " + y +
         schedule(rows, perWarp) + "  %0 = vit.layer_norm %x, %g, %b eps " + eps + " : " + x +
         ", " + v + ", " + v + " -> " + y + "\n  vit.yield %0 : " + y + "\n}\n";
}

/// Rounding of the result alone; sums in f32 lose less.
double bound(const std::string &type) {
  return type == "f32" ? 1e-6 : type == "f16" ? 3e-4 : 2.5e-3;
}

void check(const std::string &text, const std::string &type, int64_t count, double offset = 0) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, 7 + count);
  for (double &value : arguments[0].values)
    value = static_cast<float>(value + offset);
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, count);
  CHECK(worstDistance(run.results, expected) <= bound(type));
  CHECK(worstElement(run.results, expected) <= 20 * bound(type));
}

/// The residual add before, the norm, and both stored: two thirds of the norms of a model.
std::string residual(int64_t tokens, int64_t width, const std::string &type,
                     bool recompute = false) {
  std::string rows = "tensor<?x" + number(tokens) + "x" + number(width) + "x";
  std::string f = rows + "f32>", y = rows + type + ">", v = "tensor<" + number(width) + "xf32>",
              t = "tensor<" + number(tokens) + "x" + number(width) + "xf32>";
  return "vit.kernel @k(%x: " + f + ", %r: " + y + ", %b: " + v + ", %t: " + t + ", %g: " + v +
         ", %s: " + v + ") -> (" + f + ", " + y + ", " + f + ")" + schedule(4, 1, recompute) +
         "  %0 = vit.bias_add %x, %b : " + f + ", " + v + " -> " + f +
         "\n  %1 = vit.add %0, %r : " + f + ", " + y + " -> " + f +
         "\n  %2 = vit.layer_norm %1, %g, %s eps 1.0e-06 : " + f + ", " + v + ", " + v + " -> " +
         f + "\n  %3 = vit.position %2, %t : " + f + ", " + t + " -> " + f +
         "\n  %4 = vit.gelu erf %3 : " + f + " -> " + y + "\n  %5 = vit.add %3, %0 : " + f + ", " +
         f + " -> " + f + "\n  vit.yield %1, %4, %5 : " + f + ", " + y + ", " + f + "\n}\n";
}

} // namespace

TEST_CASE("norm: widths") {
  // Lanes without a column, odd widths, the last vector partly used, the most that registers hold,
  // and rows that are read again.
  for (int64_t width : {1,   2,   3,   5,   8,    31,   33,   64,   100,  127,  192,  250, 256,
                        264, 384, 513, 768, 1000, 1280, 2048, 4096, 4104, 4100, 2050, 129, 8192})
    check(norm(width, "f32", "f32"), "f32", width < 1000 ? 9 : 3);
}

TEST_CASE("norm: types") {
  for (std::string from : {"f16", "bf16", "f32"})
    for (std::string to : {"f16", "bf16", "f32"})
      check(norm(192, from, to), to, 6);
}

TEST_CASE("norm: rows per block and per warp") {
  for (int64_t rows : {1, 2, 3, 8, 16, 32})
    for (int64_t count : {1, 5, 33})
      check(norm(64, "f16", "f16", rows), "f16", count);
  check(norm(96, "f16", "f16", 8, 4), "f16", 13);
  check(norm(4096, "f32", "f16", 32), "f16", 33); // fewer warps than asked for
}

TEST_CASE("norm: ops before and after, several results") {
  for (std::string type : {"f16", "bf16"}) {
    check(residual(5, 96, type), type, 3);
    check(residual(3, 1028, type), type, 2);
    check(residual(2, 4608, type), type, 1);
  }
}

/// y = scale(x, 0.5); layer_norm(y) + y: the value before the norm is needed after it.
std::string scaled(int64_t width, const std::string &type, bool recompute) {
  std::string x = "tensor<?x" + number(width) + "x" + type + ">",
              v = "tensor<" + number(width) + "xf32>";
  return "vit.kernel @k(%x: " + x + ", %g: " + v + ", %b: " + v + ") -> " + x +
         schedule(4, 1, recompute) + "  %0 = vit.scale %x by 0.5 : " + x + " -> " + x +
         "\n  %1 = vit.layer_norm %0, %g, %b eps 1.0e-06 : " + x + ", " + v + ", " + v + " -> " +
         x + "\n  %2 = vit.add %1, %0 : " + x + ", " + x + " -> " + x + "\n  vit.yield %2 : " + x +
         "\n}\n";
}

TEST_CASE("norm: a row that is computed anew, with the same bits as one that is kept") {
  for (int64_t width : {3, 100, 250, 768, 1028, 1280})
    for (bool simple : {true, false}) {
      auto text = [&](bool recompute) {
        return simple ? scaled(width, "f32", recompute) : residual(3, width, "f16", recompute);
      };
      check(text(true), simple ? "f32" : "f16", 5);
      KernelRunner kept(text(false)), anew(text(true));
      REQUIRE(kept.error() == "");
      REQUIRE(anew.error() == "");
      CHECK(kept.ptx() != anew.ptx());
      auto arguments = kept.randomArguments(5, 11);
      KernelRun first = kept.run(arguments, 5), second = anew.run(arguments, 5);
      REQUIRE(first.error == "");
      REQUIRE(second.error == "");
      for (size_t i = 0; i < first.results.size(); ++i)
        CHECK(first.results[i].values == second.results[i].values);
    }
}

// One pass over squares would lose everything here.
TEST_CASE("norm: rows far from zero, and constant rows") {
  check(norm(256, "f32", "f32"), "f16", 5, 1000.0);
  KernelRunner runner(norm(64, "f32", "f32", 4, 1, "1.0e-05"));
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(2, 1);
  for (double &value : arguments[0].values)
    value = 3.0;
  KernelRun run = runner.run(arguments, 2);
  REQUIRE(run.error == "");
  for (int64_t row = 0; row < 2; ++row) // nothing but the shift
    CHECK(std::vector<double>(run.results[0].values.begin() + 64 * row,
                              run.results[0].values.begin() + 64 * (row + 1)) ==
          arguments[2].values);
}

TEST_CASE("norm: eps counts") {
  KernelRunner small(norm(64, "f32", "f32")), large(norm(64, "f32", "f32", 4, 1, "1.0e-01"));
  REQUIRE(small.error() == "");
  REQUIRE(large.error() == "");
  auto arguments = small.randomArguments(3, 1);
  KernelRun run = small.run(arguments, 3);
  REQUIRE(run.error == "");
  CHECK(worstDistance(run.results, large.expected(arguments, 3)) > 1e-2);
}

TEST_CASE("norm: planted bugs are seen") {
  struct Bug {
    const char *from, *to;
  };
  for (const Bug &bug :
       {Bug{"shfl.sync.bfly.b32", "shfl.sync.idx.b32"},
        Bug{"rsqrt.approx.ftz.f32", "sqrt.approx.ftz.f32"}, Bug{"sub.rn.f32", "add.rn.f32"}}) {
    KernelRunner runner(norm(96, "f32", "f32"));
    REQUIRE(runner.error() == "");
    INFO(bug.from);
    std::string text = runner.ptx();
    size_t at = text.rfind(bug.from); // lanes of the first shuffle may be empty
    REQUIRE(at != std::string::npos);
    runner.replacePtx(text.replace(at, std::string(bug.from).size(), bug.to));
    auto arguments = runner.randomArguments(5, 1);
    KernelRun run = runner.run(arguments, 5);
    CHECK((run.error != "" ||
           worstDistance(run.results, runner.expected(arguments, 5)) > 10 * bound("f32")));
  }
}

/// A residual add before, rms_norm of the sum, a bias and SiLU after; the sum is a result too.
static std::string rms(int64_t width, const std::string &type, const std::string &residual,
                       bool recompute = false) {
  std::string rows = "tensor<?x" + number(width) + "x", x = rows + type + ">",
              r = rows + residual + ">", v = "tensor<" + number(width) + "xf32>";
  return "vit.kernel @k(%x: " + x + ", %r: " + r + ", %g: " + v + ", %b: " + v + ") -> (" + r +
         ", " + x + ")" + schedule(4, 1, recompute) + "  %0 = vit.add %x, %r : " + x + ", " + r +
         " -> " + r + "\n  %1 = vit.rms_norm %0, %g eps 1.0e-06 : " + r + ", " + v + " -> " + x +
         "\n  %2 = vit.bias_add %1, %b : " + x + ", " + v + " -> " + x +
         "\n  %3 = vit.silu %2 : " + x + " -> " + x + "\n  vit.yield %0, %3 : " + r + ", " + x +
         "\n}\n";
}

TEST_CASE("norm: the root mean square, with ops around it, kept and computed anew") {
  for (std::string type : {"f16", "bf16"})
    for (std::string residual : {"f16", "bf16", "f32"})
      for (int64_t width : {5, 96, 768, 4608})
        for (bool recompute : {false, true}) {
          std::string coarse = type == "bf16" || residual == "bf16" ? "bf16" : type;
          check(rms(width, type, residual, recompute), coarse, 5);
        }
}

/// Of `groups` groups, with the ops around it that a query's norm has.
static std::string grouped(int64_t groups, int64_t width, const std::string &type, bool rms,
                           bool recompute = false) {
  std::string w = number(groups * width), x = "tensor<?x6x" + w + "x" + type + ">",
              y = "tensor<?x6x" + w + "xf32>", v = "tensor<" + number(width) + "xf32>",
              b = "tensor<" + w + "xf32>", t = "tensor<6x" + w + "xf32>";
  std::string norm =
      rms ? "vit.rms_norm %0, %g eps 1.0e-06 groups " + number(groups) + " : " + y + ", " + v
          : "vit.layer_norm %0, %g, %s eps 1.0e-06 groups " + number(groups) + " : " + y + ", " +
                v + ", " + v;
  return "vit.kernel @k(%x: " + x + ", %b: " + b + ", %g: " + v + (rms ? "" : ", %s: " + v) +
         ", %t: " + t + ") -> (" + y + ", " + x + ")" + schedule(4, 1, recompute) +
         "  %0 = vit.bias_add %x, %b : " + x + ", " + b + " -> " + y + "\n  %1 = " + norm + " -> " +
         y + "\n  %2 = vit.position %1, %t : " + y + ", " + t + " -> " + y +
         "\n  %3 = vit.cast %2 : " + y + " -> " + x + "\n  vit.yield %0, %3 : " + y + ", " + x +
         "\n}\n";
}

TEST_CASE("norm: groups of columns") {
  for (auto [groups, width] : {std::pair<int64_t, int64_t>{2, 32},
                               {3, 64},
                               {12, 64},
                               {2, 48},
                               {5, 7},
                               {4, 1},
                               {3, 80},
                               {2, 128},
                               {2, 300},
                               {2, 4352}})
    for (bool rms : {false, true}) {
      check(grouped(groups, width, "f16", rms), "f16", 2);
      check(grouped(groups, width, "bf16", rms, true), "bf16", 1);
    }
}
