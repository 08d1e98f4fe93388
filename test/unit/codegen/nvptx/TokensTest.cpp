//===- TokensTest.cpp - Tokens put together and taken out -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "passes/cost/Geometry.h"

#include <catch2/catch.hpp>

namespace {

std::string number(int64_t value) { return std::to_string(value); }

const std::string schedule = " attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, "
                             "elements = 1024, warp = 128>]} {\n";

void check(const std::string &text, int64_t count, double tolerance = 0) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, 3);
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  CHECK(worstElement(run.results, runner.expected(arguments, count)) <= tolerance);
}

} // namespace

// Copies are exact; a last partial block and odd widths included.
TEST_CASE("tokens: copies") {
  for (int64_t width : {1, 6, 37, 64, 200})
    for (int64_t count : {1, 2, 7}) {
      std::string w = number(width);
      std::string x = "tensor<?x5x" + w + "xf16>", t = "tensor<2x" + w + "xf16>",
                  y = "tensor<?x7x" + w + "xf16>", r = "tensor<?x" + w + "xf16>",
                  one = "tensor<1x" + w + "xf16>", s = "tensor<?x2x" + w + "xf16>";
      check("vit.kernel @k(%t: " + t + ", %x: " + x + ") -> " + y + schedule +
                "  %0 = vit.prepend %t, %x : " + t + ", " + x + " -> " + y +
                "\n  vit.yield %0 : " + y + "\n}\n",
            count);
      check("vit.kernel @k(%t: " + t + ") -> " + s + schedule + "  %0 = vit.broadcast %t : " + t +
                " -> " + s + "\n  vit.yield %0 : " + s + "\n}\n",
            count);
      check("vit.kernel @k(%t: " + one + ") -> " + r + schedule + "  %0 = vit.broadcast %t : " +
                one + " -> " + r + "\n  vit.yield %0 : " + r + "\n}\n",
            count);
      check("vit.kernel @k(%x: " + x + ", %t: " + t + ") -> " + y + schedule +
                "  %0 = vit.append %x, %t : " + x + ", " + t + " -> " + y +
                "\n  vit.yield %0 : " + y + "\n}\n",
            count);
      for (int64_t first : {0, 3})
        check("vit.kernel @k(%x: " + x + ") -> " + s + schedule +
                  "  %0 = vit.slice_tokens %x from " + number(first) + " : " + x + " -> " + s +
                  "\n  vit.yield %0 : " + s + "\n}\n",
              count);
      for (int64_t token : {0, 4})
        check("vit.kernel @k(%x: " + x + ") -> " + r + schedule + "  %0 = vit.select %x token " +
                  number(token) + " : " + x + " -> " + r + "\n  vit.yield %0 : " + r + "\n}\n",
              count);
    }
}

TEST_CASE("tokens: fused ops") {
  check(R"(
vit.kernel @k(%t: tensor<1x24xf32>, %x: tensor<?x4x24xbf16>, %p: tensor<5x24xf32>) -> (tensor<?x5x24xf32>, tensor<?x5x24xf16>)
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 256, warp = 32>]} {
  %0 = vit.prepend %t, %x : tensor<1x24xf32>, tensor<?x4x24xbf16> -> tensor<?x5x24xf32>
  %1 = vit.position %0, %p : tensor<?x5x24xf32>, tensor<5x24xf32> -> tensor<?x5x24xf32>
  %2 = vit.cast %1 : tensor<?x5x24xf32> -> tensor<?x5x24xf16>
  vit.yield %1, %2 : tensor<?x5x24xf32>, tensor<?x5x24xf16>
})",
        3, 5e-3);
  // The operand of a select may be computed, at its own place.
  check(R"(
vit.kernel @k(%x: tensor<?x4x24xf32>, %p: tensor<4x24xf32>, %b: tensor<24xf32>, %r: tensor<?x24xf32>) -> tensor<?x24xf32>
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 256, warp = 32>]} {
  %0 = vit.position %x, %p : tensor<?x4x24xf32>, tensor<4x24xf32> -> tensor<?x4x24xf32>
  %1 = vit.select %0 token 2 : tensor<?x4x24xf32> -> tensor<?x24xf32>
  %2 = vit.bias_add %1, %b : tensor<?x24xf32>, tensor<24xf32> -> tensor<?x24xf32>
  %3 = vit.add %2, %r : tensor<?x24xf32>, tensor<?x24xf32> -> tensor<?x24xf32>
  vit.yield %3 : tensor<?x24xf32>
})",
        7, 1e-6);
}

TEST_CASE("tokens: merged patches") {
  for (int64_t width : {1, 6, 24, 64})
    for (auto [height, across] : {std::pair(2, 2), std::pair(4, 6)}) {
      std::string x = "tensor<?x" + number(height * across) + "x" + number(width) + "xf16>",
                  y = "tensor<?x" + number(height * across / 4) + "x" + number(4 * width) + "xf16>";
      check("vit.kernel @k(%x: " + x + ") -> " + y + schedule +
                "  %0 = vit.merge_patches %x grid [" + number(height) + ", " + number(across) +
                "] : " + x + " -> " + y + "\n  vit.yield %0 : " + y + "\n}\n",
            3);
    }
}

/// The mean of the tokens from `first` on, in blocks of `vectors` vectors of columns.
static std::string mean(int64_t tokens, int64_t width, int64_t first, int vectors,
                        const std::string &from = "f16") {
  std::string x = "tensor<?x" + number(tokens) + "x" + number(width) + "x" + from + ">",
              y = "tensor<?x" + number(width) + "xf32>";
  std::string elements = number(vectors * vitc::cost::vectorWidth(width));
  return "vit.kernel @k(%x: " + x + ") -> " + y +
         " attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = " + elements +
         ", warp = " + elements + ">]} {\n  %0 = vit.mean_tokens %x from " + number(first) + " : " +
         x + " -> " + y + "\n  vit.yield %0 : " + y + "\n}\n";
}

TEST_CASE("tokens: means") {
  for (int64_t width : {5, 64, 200})
    for (int64_t first : {0, 1, 6})
      for (int vectors : {4, 8, 16, 32})
        check(mean(7, width, first, vectors), 3, 1e-6);
  for (int64_t tokens : {1, 49, 64, 65, 196, 577, 1000})
    for (std::string type : {"f16", "bf16", "f32"})
      check(mean(tokens, 72, 0, 4, type), 2, 2e-6);
  check(mean(196, 768, 0, 8), 1, 2e-6);
}

TEST_CASE("tokens: the bits of a mean do not depend on the block") {
  for (int64_t tokens : {7, 100, 577}) { // 8, 32 and 64 shares
    KernelRunner few(mean(tokens, 72, 1, 4));
    REQUIRE(few.error() == "");
    auto arguments = few.randomArguments(2, 1);
    KernelRun expected = few.run(arguments, 2);
    REQUIRE(expected.error == "");
    for (int vectors : {8, 16}) {
      KernelRunner many(mean(tokens, 72, 1, vectors));
      REQUIRE(many.error() == "");
      KernelRun run = many.run(arguments, 2);
      REQUIRE(run.error == "");
      CHECK(run.results[0].values == expected.results[0].values);
    }
  }
}

TEST_CASE("tokens: fused ops after a mean") {
  check(R"(
vit.kernel @k(%x: tensor<?x50x24xf16>, %b: tensor<24xf32>, %r: tensor<?x24xf32>) -> (tensor<?x24xf32>, tensor<?x24xf16>)
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 32, warp = 32>]} {
  %0 = vit.mean_tokens %x from 2 : tensor<?x50x24xf16> -> tensor<?x24xf32>
  %1 = vit.bias_add %0, %b : tensor<?x24xf32>, tensor<24xf32> -> tensor<?x24xf32>
  %2 = vit.add %1, %r : tensor<?x24xf32>, tensor<?x24xf32> -> tensor<?x24xf32>
  %3 = vit.cast %2 : tensor<?x24xf32> -> tensor<?x24xf16>
  vit.yield %2, %3 : tensor<?x24xf32>, tensor<?x24xf16>
})",
        5, 2e-3);
}

TEST_CASE("tokens: blocks that a mean cannot have") {
  std::string text = mean(7, 64, 0, 4);
  text.replace(text.find("elements = 32"), 13, "elements = 64");
  CHECK_THAT(KernelRunner(text).error(),
             Catch::Contains("expected a block, and a warp, of 4, 8, 16 or 32 vectors of 8 "
                             "elements, found 64 and 32 elements"));
}

TEST_CASE("tokens: the wrong token is seen") {
  auto select = [](int64_t token) {
    return "vit.kernel @k(%x: tensor<?x5x16xf16>) -> tensor<?x16xf16>" + schedule +
           "  %0 = vit.select %x token " + number(token) +
           " : tensor<?x5x16xf16> -> tensor<?x16xf16>\n  vit.yield %0 : tensor<?x16xf16>\n}\n";
  };
  KernelRunner first(select(0)), second(select(1));
  REQUIRE(first.error() == "");
  REQUIRE(second.error() == "");
  auto arguments = first.randomArguments(3, 1);
  KernelRun run = first.run(arguments, 3);
  REQUIRE(run.error == "");
  CHECK(worstDistance(run.results, second.expected(arguments, 3)) > 0.5);
}
