//===- PatchifyTest.cpp - Patches, pixel by pixel -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A gather has no rounding errors: in f32 the result is equal, not close. Patches of every size
// from 4 to 32, not square, on images that are not square, in all orders. Bytes become values that
// 16 bits hold, so of them all types are equal.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

namespace {

std::string number(int64_t value) { return std::to_string(value); }

struct Shape {
  int64_t channels, height, width, patchHeight, patchWidth;
  int64_t lead = 0, padding = 0;
  std::string to = "f32";
};

std::string patchify(const Shape &s, const std::string &order) {
  int64_t tokens = s.lead + (s.height / s.patchHeight) * (s.width / s.patchWidth);
  int64_t columns = s.channels * s.patchHeight * s.patchWidth + s.padding;
  std::string x = order == "bytes" ? "tensor<?x" + number(s.height) + "x" + number(s.width) + "x" +
                                         number(s.channels) + "xui8>"
                                   : "tensor<?x" + number(s.channels) + "x" + number(s.height) +
                                         "x" + number(s.width) + "xf32>";
  std::string y = "tensor<?x" + number(tokens) + "x" + number(columns) + "x" + s.to + ">";
  return "vit.kernel @k(%x: " + x + ") -> " + y +
         " attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 1024, "
         "warp = 128>]} {\n  %0 = vit.patchify %x " +
         order + " [" + number(s.patchHeight) + ", " + number(s.patchWidth) + "]" +
         (s.lead ? " lead " + number(s.lead) : "") + " : " + x + " -> " + y +
         "\n  vit.yield %0 : " + y + "\n}\n";
}

void check(const Shape &shape, int64_t count = 2) {
  for (std::string order : {"conv", "unfold", "bytes"}) {
    if (order == "unfold" && (shape.height % shape.patchHeight || shape.width % shape.patchWidth))
      continue;
    std::string text = patchify(shape, order);
    INFO(text);
    KernelRunner runner(text);
    REQUIRE(runner.error() == "");
    auto arguments = runner.randomArguments(count, 3);
    KernelRun run = runner.run(arguments, count);
    REQUIRE(run.error == "");
    auto expected = runner.expected(arguments, count);
    if (shape.to == "f32" || order == "bytes")
      CHECK(run.results[0].values == expected[0].values);
    else
      CHECK(worstElement(run.results, expected) < (shape.to == "f16" ? 3e-3 : 2e-2));
  }
}

} // namespace

TEST_CASE("patchify: sizes of patches") {
  for (int64_t size = 4; size <= 32; ++size)
    check({2, 2 * size, 3 * size, size, size});
  check({3, 32, 48, 16, 8});
  check({1, 35, 22, 7, 11});
  check({4, 24, 40, 4, 20});
  check({3, 28, 28, 28, 28}, 5); // one patch
}

TEST_CASE("patchify: leading rows, padded columns") {
  check({3, 16, 16, 8, 8, 1});
  check({1, 28, 28, 14, 14, 5, 4});
  check({1, 15, 20, 5, 5, 0, 7}); // 25 columns to 32
  check({3, 28, 14, 7, 7, 1, 5});
}

TEST_CASE("patchify: types") {
  check({3, 32, 32, 16, 16, 1, 0, "f16"});
  check({3, 20, 20, 10, 10, 0, 4, "bf16"});
}

TEST_CASE("patchify: vectors of bytes of every width") {
  // A vector divides the bytes of a run and of a line, and so does what lies before an image.
  check({1, 6, 9, 3, 3});   // one byte
  check({2, 6, 10, 3, 5});  // two
  check({3, 8, 12, 4, 4});  // four
  check({3, 16, 16, 8, 8}); // eight
  check({4, 6, 18, 2, 6}, 3);
  check({3, 21, 30, 7, 14}); // what fills no patch
}

TEST_CASE("patchify: fused ops reach the leading rows too") {
  KernelRunner runner(R"(
vit.kernel @k(%x: tensor<?x1x8x8xf32>, %b: tensor<16xf32>, %t: tensor<5x16xf32>) -> tensor<?x5x16xf32>
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 256, warp = 32>]} {
  %0 = vit.patchify %x conv [4, 4] lead 1 : tensor<?x1x8x8xf32> -> tensor<?x5x16xf32>
  %1 = vit.bias_add %0, %b : tensor<?x5x16xf32>, tensor<16xf32> -> tensor<?x5x16xf32>
  %2 = vit.position %1, %t : tensor<?x5x16xf32>, tensor<5x16xf32> -> tensor<?x5x16xf32>
  vit.yield %2 : tensor<?x5x16xf32>
})");
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(3, 1);
  KernelRun run = runner.run(arguments, 3);
  REQUIRE(run.error == "");
  CHECK(worstElement(run.results, runner.expected(arguments, 3)) < 1e-6);
}

TEST_CASE("patchify: the orders differ, so one for the other is seen") {
  Shape shape{2, 16, 16, 4, 4};
  KernelRunner conv(patchify(shape, "conv")), unfold(patchify(shape, "unfold"));
  REQUIRE(conv.error() == "");
  REQUIRE(unfold.error() == "");
  auto arguments = conv.randomArguments(1, 1);
  KernelRun run = conv.run(arguments, 1);
  REQUIRE(run.error == "");
  CHECK(worstDistance(run.results, unfold.expected(arguments, 1)) > 0.5);
}
