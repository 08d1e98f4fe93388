//===- KernelGemmTest.cpp - GEMM kernels in numbers -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Every tile shape, both types, edges in M, N and K, through the emulator and against f64. Inputs
// are rounded to how they are stored first, so what is left is the rounding of results.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

#include <sstream>

namespace {

struct Tile {
  int bm, bn, bk, wm, wn, stages;
};

std::string schedule(const Tile &t) {
  std::ostringstream s;
  s << " attributes {schedules = [#vit.schedule<batch = 1 to 64, block = [" << t.bm << ", " << t.bn
    << ", " << t.bk << "], warp = [" << t.wm << ", " << t.wn << "], stages = " << t.stages
    << ">]} {\n";
  return s.str();
}

std::string tensor(const std::string &shape, const std::string &type) {
  return "tensor<" + shape + "x" + type + ">";
}

/// linear + bias + gelu, stored as `type`.
std::string geluKernel(const Tile &tile, int n, int k, const std::string &type) {
  std::string x = tensor("?x" + std::to_string(k), type),
              w = tensor(std::to_string(n) + "x" + std::to_string(k), type),
              b = tensor(std::to_string(n), "f32"), y = tensor("?x" + std::to_string(n), type);
  return "vit.kernel @gemm(%x: " + x + ", %w: " + w + ", %b: " + b + ") -> " + y + schedule(tile) +
         "  %0 = vit.linear %x, %w : " + x + ", " + w + " -> " + y +
         "\n  %1 = vit.bias_add %0, %b : " + y + ", " + b + " -> " + y +
         "\n  %2 = vit.gelu erf %1 : " + y + " -> " + y + "\n  vit.yield %2 : " + y + "\n}\n";
}

/// linear + table + layer scale + residual in f32, stored as f32 and as `type`: everything that an
/// epilogue can read, and two results.
std::string residualKernel(const Tile &tile, int tokens, int n, int k, const std::string &type) {
  std::string rows = "?x" + std::to_string(tokens) + "x";
  std::string x = tensor(rows + std::to_string(k), type),
              w = tensor(std::to_string(n) + "x" + std::to_string(k), type),
              t = tensor(std::to_string(tokens) + "x" + std::to_string(n), "f32"),
              g = tensor(std::to_string(n), "f32"), f = tensor(rows + std::to_string(n), "f32"),
              y = tensor(rows + std::to_string(n), type);
  return "vit.kernel @gemm(%x: " + x + ", %w: " + w + ", %t: " + t + ", %g: " + g + ", %r: " + f +
         ") -> (" + f + ", " + y + ")" + schedule(tile) + "  %0 = vit.linear %x, %w : " + x + ", " +
         w + " -> " + f + "\n  %1 = vit.position %0, %t : " + f + ", " + t + " -> " + f +
         "\n  %2 = vit.scale %1 columns %g : " + g + " by 0.5 : " + f + " -> " + f +
         "\n  %3 = vit.add %2, %r : " + f + ", " + f + " -> " + f + "\n  %4 = vit.cast %3 : " + f +
         " -> " + y + "\n  vit.yield %3, %4 : " + f + ", " + y + "\n}\n";
}

struct Bound {
  double norm, element;
};
/// What rounding to nearest costs, and half as much again.
Bound boundOf(const std::string &type) {
  return type == "f16" ? Bound{4e-4, 4e-3} : Bound{3e-3, 3e-2};
}

void check(const std::string &text, int64_t count, const std::string &type, double scale) {
  INFO(text << "count " << count);
  KernelRunner runner(text);
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(count, 7 * count + text.size(), scale);
  KernelRun run = runner.run(arguments, count);
  REQUIRE(run.error == "");
  auto expected = runner.expected(arguments, count);
  CHECK(worstDistance(run.results, expected) < boundOf(type).norm);
  CHECK(worstElement(run.results, expected) < boundOf(type).element);
}

const Tile tiles[] = {
    {128, 128, 32, 64, 32, 3}, {128, 128, 32, 64, 64, 2}, {128, 128, 64, 64, 32, 2},
    {64, 128, 32, 32, 64, 3},  {64, 128, 64, 64, 32, 2},  {96, 128, 32, 48, 64, 3},
    {96, 96, 32, 48, 48, 4},   {64, 64, 32, 32, 32, 4},   {64, 64, 64, 32, 32, 2},
    {32, 32, 64, 16, 16, 3},   {32, 32, 64, 32, 32, 2},   {48, 80, 32, 48, 16, 3},
    {16, 48, 32, 16, 16, 2},   {48, 32, 64, 16, 32, 2},
};

} // namespace

TEST_CASE("gemm: every tile, with edges in M, N and K") {
  bool swap = false; // half of the tiles the other way round
  for (const Tile &tile : tiles) {
    swap = !swap;
    const char *first = swap ? "f16" : "bf16", *second = swap ? "bf16" : "f16";
    check(geluKernel(tile, 104, 72, first), 131, first, 0.5);
    check(residualKernel(tile, 5, 200, 136, second), 27, second, 0.5);
  }
}

TEST_CASE("gemm: any N, odd ones too") {
  Tile tile{64, 64, 32, 32, 32, 3};
  for (int n : {1, 2, 3, 7, 8, 10, 37, 64, 65, 100, 1000}) {
    check(geluKernel(tile, n, 64, "f16"), 65, "f16", 0.5);
    check(residualKernel(tile, 3, n, 40, "bf16"), 5, "bf16", 0.5);
  }
}

TEST_CASE("gemm: K shorter than the ring, and ending anywhere in a block") {
  for (Tile tile : {Tile{32, 32, 32, 16, 16, 4}, Tile{32, 32, 64, 16, 32, 3}})
    for (int k : {8, 16, 24, 32, 40, 64, 72, 96, 104, 128, 200, 264})
      check(geluKernel(tile, 40, k, "f16"), 33, "f16", 0.5);
}

TEST_CASE("gemm: a single row, and rows that fill blocks exactly") {
  Tile tile{64, 64, 32, 32, 32, 3};
  for (int count : {1, 2, 63, 64, 65, 128, 129})
    check(geluKernel(tile, 64, 64, "f16"), count, "f16", 0.5);
}

TEST_CASE("gemm: a planted error is seen") {
  KernelRunner runner(geluKernel({64, 64, 32, 32, 32, 3}, 64, 128, "f16"));
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(70, 1, 0.5);
  auto expected = runner.expected(arguments, 70);
  std::string whole = runner.ptx();

  // The second k16 step reads the first once more.
  std::string wrong = whole;
  size_t at = wrong.find(", 32;", wrong.find("xor.b32"));
  REQUIRE(at != std::string::npos);
  bool found = false;
  for (; at != std::string::npos; at = wrong.find(", 32;", at + 1))
    if (wrong.rfind("xor.b32", at) > wrong.rfind('\n', at)) {
      wrong.replace(at, 5, ", 0;");
      found = true;
    }
  REQUIRE(found);
  runner.replacePtx(wrong);
  KernelRun run = runner.run(arguments, 70);
  CHECK((run.error != "" || worstDistance(run.results, expected) > 1e-2));

  // The wait for a k-block is gone: the emulator reports a read of what may not have arrived.
  wrong = whole;
  for (at = wrong.find("cp.async.wait_group"); at != std::string::npos;
       at = wrong.find("cp.async.wait_group", at + 3))
    wrong.insert(at, "//");
  runner.replacePtx(wrong);
  CHECK(runner.run(arguments, 70).error != "");
}
