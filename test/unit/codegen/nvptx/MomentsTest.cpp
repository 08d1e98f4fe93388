//===- MomentsTest.cpp - Norms behind products in numbers -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Moments that an epilogue makes, products that are normalised by moments, and both as kernels of
// their own, through the emulator and against f64.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace {

std::string gemm(const std::string &tile, const std::string &warp, const std::string &more = "") {
  return " attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [" + tile +
         "], warp = [" + warp + "], stages = 2" + more + ">]} {\n";
}

/// linear + bias + residual, with the moments of the sum.
std::string makes(const std::string &schedule) {
  return "vit.kernel @k(%x: tensor<?x96xf16>, %w: tensor<160x96xf16>, %b: tensor<160xf32>, "
         "%r: tensor<?x160xf16>) -> (tensor<?x160xf16>, tensor<?x10xf32>)" +
         schedule + R"(
  %0 = vit.linear %x, %w : tensor<?x96xf16>, tensor<160x96xf16> -> tensor<?x160xf16>
  %1 = vit.bias_add %0, %b : tensor<?x160xf16>, tensor<160xf32> -> tensor<?x160xf16>
  %2 = vit.add %1, %r : tensor<?x160xf16>, tensor<?x160xf16> -> tensor<?x160xf16>
  %3 = vit.moments %2 group 32 : tensor<?x160xf16> -> tensor<?x10xf32>
  vit.yield %2, %3 : tensor<?x160xf16>, tensor<?x10xf32>
})";
}

/// linear + normalize, of five groups: no whole number for four lanes.
std::string reads(const std::string &schedule, bool centred, int n = 72) {
  std::string columns = std::to_string(n);
  std::string sums = centred ? ", %c: tensor<" + columns + "xf32>" : "";
  return "vit.kernel @k(%x: tensor<?x160xf16>, %w: tensor<" + columns +
         "x160xf16>, %m: tensor<?x10xf32>" + sums + ") -> tensor<?x" + columns + "xf32>" +
         schedule + "  %0 = vit.linear %x, %w : tensor<?x160xf16>, tensor<" + columns +
         "x160xf16> -> tensor<?x" + columns + "xf32>\n  %1 = vit.normalize %0, %m" +
         (centred ? ", %c" : "") + " group 32 eps 1.0e-06 : tensor<?x" + columns +
         "xf32>, tensor<?x10xf32>" + (centred ? ", tensor<" + columns + "xf32>" : "") +
         " -> tensor<?x" + columns + "xf32>\n  vit.yield %1 : tensor<?x" + columns + "xf32>\n}\n";
}

/// Squared deviations are positive: every second column of argument `index`.
void makeMoments(std::vector<KernelTensor> &arguments, size_t index) {
  std::vector<double> &values = arguments[index].values;
  for (size_t i = 1; i < values.size(); i += 2)
    values[i] = 0.5 + values[i] * values[i] * 32;
}

void check(const std::string &text, int64_t count, double bound, int moments = -1) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, /*seed=*/7);
  if (moments >= 0)
    makeMoments(arguments, size_t(moments));
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, count);
  CHECK(worstDistance(run.results, expected) < bound);
  CHECK(worstElement(run.results, expected) < 20 * bound);
}

} // namespace

TEST_CASE("moments: of what a product makes, whatever the tile and the edges") {
  for (const char *tile : {"64, 32, 32|64, 32", "32, 64, 32|16, 32", "48, 96, 32|48, 32",
                           "64, 160, 32|32, 160", "16, 128, 64|16, 64"}) {
    std::string text = tile, block = text.substr(0, text.find('|')),
                warp = text.substr(text.find('|') + 1);
    for (const char *more : {"", " buffers = 2"})
      for (int64_t count : {1, 63, 130})
        check(makes(gemm(block, warp, more)), count, 4e-4);
  }
  check(makes(gemm("32, 64, 32", "16, 32", " splits = 2")), 70, 4e-4);
}

TEST_CASE("moments: a tile without whole groups is refused") {
  KernelRunner runner(makes(gemm("64, 48, 32", "64, 48")));
  CHECK_THAT(runner.error(), Catch::Matchers::Contains("whole groups of 32 columns"));
}

TEST_CASE("normalize: behind a product, of rows whose moments are read") {
  for (bool centred : {true, false})
    for (const char *more : {"", " buffers = 2", " splits = 2"})
      for (int64_t count : {1, 63, 130}) {
        check(reads(gemm("64, 32, 32", "32, 32", more), centred), count, 1e-6, /*moments=*/2);
        check(reads(gemm("48, 72, 32", "48, 72", more), centred), count, 1e-6, /*moments=*/2);
      }
  // An odd number of columns leaves value by value.
  check(reads(gemm("32, 40, 32", "16, 40"), true, 37), 70, 1e-6, /*moments=*/2);
}

TEST_CASE("moments and normalize: kernels of their own") {
  const std::string schedule =
      " attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 512, "
      "warp = 256>]} {\n";
  check("vit.kernel @k(%x: tensor<?x5x160xf16>) -> tensor<?x5x10xf32>" + schedule +
            "  %0 = vit.moments %x group 32 : tensor<?x5x160xf16> -> tensor<?x5x10xf32>\n"
            "  vit.yield %0 : tensor<?x5x10xf32>\n}\n",
        7, 1e-6);
  check("vit.kernel @k(%p: tensor<?x72xf32>, %m: tensor<?x10xf32>, %c: tensor<72xf32>) -> "
        "tensor<?x72xf32>" +
            schedule +
            "  %0 = vit.normalize %p, %m, %c group 32 eps 1.0e-06 : tensor<?x72xf32>, "
            "tensor<?x10xf32>, tensor<72xf32> -> tensor<?x72xf32>\n"
            "  vit.yield %0 : tensor<?x72xf32>\n}\n",
        9, 1e-6, /*moments=*/1);
}

TEST_CASE("moments: a mean that is large beside the deviation costs them nothing") {
  KernelRunner runner(makes(gemm("64, 32, 32", "64, 32")));
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(20, /*seed=*/3);
  for (double &bias : arguments[2].values)
    bias = 4096;
  for (double &value : arguments[3].values)
    value = 0;
  KernelRun run = runner.run(arguments, 20);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, 20);
  for (size_t i = 1; i < expected[1].values.size(); i += 2) // f32 sums beside 4096: 2^-12 each
    CHECK(std::abs(run.results[1].values[i] / expected[1].values[i] - 1) < 1e-3);
}
