//===- ElementwiseTest.cpp - Fused functions in numbers -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Kernels without a root hold nothing but the fused ops, so their functions are measured here, in
// f32 where storing costs nothing.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

#include <cmath>

namespace {

const std::string schedule = " attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, "
                             "elements = 1024, warp = 256>]} {\n";

/// A kernel of one op on rows of 64 f32 values; `op` is its text up to the type.
std::string unary(const std::string &op) {
  std::string type = "tensor<?x64xf32>";
  return "vit.kernel @k(%x: " + type + ") -> " + type + schedule + "  %0 = " + op + " : " + type +
         " -> " + type + "\n  vit.yield %0 : " + type + "\n}\n";
}

/// Runs `text` on [-range, range] in steps and returns the largest absolute and relative error.
struct Errors {
  double absolute = 0, relative = 0;
};
Errors errorsOn(const std::string &text, double range, int rows = 512) {
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(rows, 1);
  size_t n = arguments[0].values.size();
  for (size_t i = 0; i < n; ++i)
    arguments[0].values[i] = static_cast<float>(range * (2.0 * i / (n - 1) - 1.0));
  KernelRun run = runner.run(arguments, rows);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, rows);
  Errors errors;
  for (size_t i = 0; i < n; ++i) {
    double is = run.results[0].values[i], should = expected[0].values[i];
    REQUIRE(std::isfinite(is));
    errors.absolute = std::max(errors.absolute, std::abs(is - should));
    if (should != 0)
      errors.relative = std::max(errors.relative, std::abs(is - should) / std::abs(should));
  }
  return errors;
}

void check(const std::string &text, int64_t count, double norm) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, 3 + count);
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  CHECK(worstDistance(run.results, runner.expected(arguments, count)) <= norm);
}

} // namespace

// Periods narrower and wider than a vector, columns that are turned and columns that are not.
TEST_CASE("functions: rotary positions") {
  for (int64_t period : {2, 4, 12, 16})
    for (int64_t columns : {period, 48 / period * period}) {
      std::string x = "tensor<?x5x48xf32>", t = "tensor<5x" + std::to_string(period) + "xf32>";
      check("vit.kernel @k(%x: " + x + ", %t: " + t + ") -> " + x + schedule +
                "  %0 = vit.rope %x, %t columns " + std::to_string(columns) + " : " + x + ", " + t +
                " -> " + x + "\n  vit.yield %0 : " + x + "\n}\n",
            3, 2e-7);
    }
}

TEST_CASE("functions: sigmoid") {
  CHECK(errorsOn(unary("vit.sigmoid %x"), 6).absolute < 3e-7);
  CHECK(errorsOn(unary("vit.sigmoid %x"), 80).absolute < 3e-7); // 0 and 1, not infinities
}

TEST_CASE("functions: GELU") {
  CHECK(errorsOn(unary("vit.gelu erf %x"), 6).absolute < 4.3e-7 + 3e-7); // and f32 at |x| near 6
  CHECK(errorsOn(unary("vit.gelu erf %x"), 1).absolute < 2.5e-7);
  CHECK(errorsOn(unary("vit.gelu tanh %x"), 6).absolute < 1e-6);
  CHECK(errorsOn(unary("vit.gelu quick %x"), 6).absolute < 1e-6);
  // Far out they are the identity and zero, not infinities.
  CHECK(errorsOn(unary("vit.gelu erf %x"), 1e4).absolute < 1e-3);
  CHECK(errorsOn(unary("vit.gelu tanh %x"), 1e4).absolute < 1e-2);
  CHECK(errorsOn(unary("vit.gelu quick %x"), 1e4).absolute < 1e-2);
}

TEST_CASE("functions: the others") {
  CHECK(errorsOn(unary("vit.relu %x"), 6).absolute == 0);
  CHECK(errorsOn(unary("vit.silu %x"), 6).absolute < 2e-6);
  CHECK(errorsOn(unary("vit.tanh %x"), 6).absolute < 5e-7);
  CHECK(errorsOn(unary("vit.tanh %x"), 1).relative < 1e-6);
  CHECK(errorsOn(unary("vit.tanh %x"), 1e-3).relative < 2e-7);
  CHECK(errorsOn(unary("vit.tanh %x"), 100).absolute < 5e-7);
  CHECK(errorsOn(unary("vit.scale %x by 0.25"), 6).absolute == 0);
}

TEST_CASE("elementwise: binary ops, vectors and tables on any width") {
  for (const char *width : {"1", "6", "36", "37", "64", "768"})
    for (const char *type : {"f16", "bf16", "f32"}) {
      auto tensor = [&](std::string shape, std::string element) {
        return "tensor<" + shape + "x" + element + ">";
      };
      std::string rows = std::string("?x5x") + width, x = tensor(rows, type),
                  f = tensor(rows, "f32"), v = tensor(width, "f32"),
                  t = tensor(std::string("5x") + width, "f32");
      std::string text =
          "vit.kernel @k(%x: " + x + ", %y: " + f + ", %b: " + v + ", %g: " + v + ", %t: " + t +
          ") -> (" + f + ", " + x + ")" + schedule + "  %0 = vit.bias_add %x, %b : " + x + ", " +
          v + " -> " + x + "\n  %1 = vit.position %0, %t : " + x + ", " + t + " -> " + x +
          "\n  %2 = vit.mul %1, %y : " + x + ", " + f + " -> " + f +
          "\n  %3 = vit.scale %2 columns %g : " + v + " by -1.5 : " + f + " -> " + f +
          "\n  %4 = vit.add %3, %2 : " + f + ", " + f + " -> " + f + "\n  %5 = vit.cast %4 : " + f +
          " -> " + x + "\n  vit.yield %4, %5 : " + f + ", " + x + "\n}\n";
      double norm = std::string(type) == "f16" ? 3e-4 : std::string(type) == "bf16" ? 2.5e-3 : 1e-6;
      for (int count : {1, 2, 33})
        check(text, count, norm);
    }
}

TEST_CASE("elementwise: storage types round to nearest even") {
  for (const char *type : {"f16", "bf16"})
    for (const char *width : {"37", "64"}) {
      std::string x = std::string("tensor<?x") + width + "xf32>",
                  y = std::string("tensor<?x") + width + "x" + type + ">";
      std::string narrow = "vit.kernel @k(%x: " + x + ") -> " + y + schedule +
                           "  %0 = vit.cast %x : " + x + " -> " + y + "\n  vit.yield %0 : " + y +
                           "\n}\n";
      check(narrow, 40, std::string(type) == "f16" ? 2.5e-4 : 2e-3);
      std::string wide = "vit.kernel @k(%x: " + y + ") -> " + x + schedule +
                         "  %0 = vit.cast %x : " + y + " -> " + x + "\n  vit.yield %0 : " + x +
                         "\n}\n";
      check(wide, 40, 0); // exact
    }
}

TEST_CASE("elementwise: images, and a kernel that copies") {
  std::string x = "tensor<?x3x10x12xf32>";
  check("vit.kernel @k(%x: " + x + ") -> " + x + schedule + "  vit.yield %x : " + x + "\n}\n", 3,
        0);
}
