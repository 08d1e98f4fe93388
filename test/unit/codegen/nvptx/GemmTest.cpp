//===- GemmTest.cpp - GEMM kernels in numbers -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Every tile shape, all types, edges in M, N and K, through the emulator and against f64. Inputs
// are rounded to how they are stored first, so what is left is the rounding of results.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include <catch2/catch.hpp>

#include <random>
#include <sstream>

namespace {

struct Tile {
  int bm, bn, bk, wm, wn, stages, buffers = 1, splits = 1;
};

std::string schedule(const Tile &t) {
  std::ostringstream s;
  s << " attributes {schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [" << t.bm << ", "
    << t.bn << ", " << t.bk << "], warp = [" << t.wm << ", " << t.wn << "], stages = " << t.stages;
  if (t.buffers != 1)
    s << " buffers = " << t.buffers;
  if (t.splits != 1)
    s << " splits = " << t.splits;
  s << ">]} {\n";
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

/// mul(silu(x w1 + b1), x w2 + b2): two linears of one input.
std::string gatedKernel(const Tile &tile, int n, int k, const std::string &type) {
  std::string x = tensor("?x" + std::to_string(k), type),
              w = tensor(std::to_string(n) + "x" + std::to_string(k), type),
              b = tensor(std::to_string(n), "f32"), y = tensor("?x" + std::to_string(n), type);
  return "vit.kernel @gemm(%x: " + x + ", %w: " + w + ", %v: " + w + ", %b: " + b + ", %c: " + b +
         ") -> " + y + schedule(tile) + "  %0 = vit.linear %x, %w : " + x + ", " + w + " -> " + y +
         "\n  %1 = vit.linear %x, %v : " + x + ", " + w + " -> " + y +
         "\n  %2 = vit.bias_add %0, %b : " + y + ", " + b + " -> " + y +
         "\n  %3 = vit.silu %2 : " + y + " -> " + y + "\n  %4 = vit.bias_add %1, %c : " + y + ", " +
         b + " -> " + y + "\n  %5 = vit.mul %3, %4 : " + y + ", " + y + " -> " + y +
         "\n  vit.yield %5 : " + y + "\n}\n";
}

struct Bound {
  double norm, element;
};
/// What rounding to nearest costs: in norm, and half as much again; of one element, which may be 16
/// times the root mean square where factors are multiplied.
Bound boundOf(const std::string &type) {
  if (type == "f32")
    return {1e-6, 2e-5};
  return type == "bf16" ? Bound{3e-3, 6e-2} : Bound{4e-4, 8e-3};
}

/// The tile whose rows have as many bytes on elements of 4 bytes as `tile` has on those of 2.
Tile ofWords(Tile tile) {
  tile.bk /= 2;
  return tile;
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
    {128, 128, 32, 64, 32, 3},
    {128, 128, 32, 64, 64, 2},
    {128, 128, 64, 64, 32, 2},
    {64, 128, 32, 32, 64, 3},
    {64, 128, 64, 64, 32, 2},
    {96, 128, 32, 48, 64, 3},
    {96, 96, 32, 48, 48, 4},
    {64, 64, 32, 32, 32, 4},
    {64, 64, 64, 32, 32, 2},
    {32, 32, 64, 16, 16, 3},
    {32, 32, 64, 32, 32, 2},
    {48, 80, 32, 48, 16, 3},
    {16, 48, 32, 16, 16, 2},
    {48, 32, 64, 16, 32, 2},
    // Odd numbers of n8 tiles; copies that do not divide evenly; up to eight stages.
    {48, 40, 32, 48, 40, 2},
    {16, 8, 64, 16, 8, 8},
    {16, 8, 32, 16, 8, 3},
    {80, 72, 64, 16, 24, 2},
    {112, 24, 32, 16, 8, 4},
    {32, 104, 64, 32, 8, 3},
    {208, 56, 32, 208, 8, 5},
    // Fragments of the next step loaded while this one is multiplied.
    {128, 128, 32, 64, 32, 3, 2},
    {64, 64, 64, 32, 32, 2, 2},
    {48, 40, 32, 48, 8, 8, 2},
    {32, 24, 64, 16, 24, 3, 2},
    {16, 8, 32, 16, 8, 2, 2},
    {96, 64, 32, 48, 64, 4, 2},
};

} // namespace

TEST_CASE("gemm: every tile, with edges in M, N and K", "[exhaustive]") {
  bool swap = false; // half of the tiles the other way round
  for (const Tile &tile : tiles) {
    swap = !swap;
    const char *first = swap ? "f16" : "bf16", *second = swap ? "bf16" : "f16";
    check(geluKernel(tile, 104, 72, first), 131, first, 0.5);
    check(residualKernel(tile, 5, 200, 136, second), 27, second, 0.5);
  }
  for (const Tile &tile : tiles) {
    swap = !swap;
    const char *first = swap ? "tf32" : "f32", *second = swap ? "f32" : "tf32";
    check(geluKernel(ofWords(tile), 104, 72, first), 131, first, 0.5);
    check(residualKernel(ofWords(tile), 5, 200, 68, second), 27, second, 0.5);
  }
}

TEST_CASE("gemm: any N, odd ones too") {
  Tile tile{64, 64, 32, 32, 32, 3};
  for (int n : {1, 2, 3, 7, 8, 10, 37, 64, 65, 100, 1000}) {
    check(geluKernel(tile, n, 64, "f16"), 65, "f16", 0.5);
    check(residualKernel(tile, 3, n, 40, "bf16"), 5, "bf16", 0.5);
    const char *type = n % 2 ? "tf32" : "f32";
    check(geluKernel(ofWords(tile), n, 36, type), 65, type, 0.5);
  }
}

TEST_CASE("gemm: K shorter than the ring, and ending anywhere in a block") {
  for (Tile tile : {Tile{32, 32, 32, 16, 16, 4}, Tile{32, 32, 64, 16, 32, 3},
                    Tile{32, 32, 32, 16, 16, 4, 2}, Tile{32, 32, 64, 16, 32, 3, 2}})
    for (int k : {8, 16, 24, 32, 40, 64, 72, 96, 104, 128, 200, 264}) {
      check(geluKernel(tile, 40, k, "f16"), 33, "f16", 0.5);
      const char *type = k % 16 ? "tf32" : "f32";
      check(geluKernel(ofWords(tile), 40, k / 2, type), 33, type, 0.5);
    }
}

TEST_CASE("gemm: a single row, and rows that fill blocks exactly") {
  Tile tile{64, 64, 32, 32, 32, 3};
  for (int count : {1, 2, 63, 64, 65, 128, 129})
    check(geluKernel(tile, 64, 64, "f16"), count, "f16", 0.5);
}

TEST_CASE("gemm: two linears of one input") {
  const Tile tiles[] = {{64, 64, 32, 32, 32, 3},
                        {128, 64, 32, 64, 32, 2},
                        {32, 40, 64, 16, 8, 3},
                        {64, 32, 32, 32, 16, 4, 2},
                        {48, 24, 64, 48, 24, 2, 2}};
  bool swap = false;
  for (const Tile &tile : tiles) {
    swap = !swap;
    check(gatedKernel(tile, 104, 136, swap ? "f16" : "bf16"), 131, swap ? "f16" : "bf16", 0.5);
    check(gatedKernel(ofWords(tile), 104, 68, swap ? "tf32" : "f32"), 65, swap ? "tf32" : "f32",
          0.5);
  }
  for (int n : {7, 50, 64}) // odd and ragged N
    check(gatedKernel(tiles[0], n, 72, "f16"), 65, "f16", 0.5);
}

TEST_CASE("gemm: sums split along K") {
  bool swap = false;
  for (int splits : {2, 3, 5})
    for (Tile tile : {Tile{64, 64, 32, 32, 32, 3}, Tile{32, 40, 64, 16, 8, 2}, //
                      Tile{48, 24, 32, 48, 24, 4, 2}}) {
      tile.splits = splits;
      swap = !swap;
      const char *type = swap ? "f16" : "bf16";
      int ragged = 128 * splits - 56; // the last split has less, and ends inside a block
      check(geluKernel(tile, 104, ragged, type), 77, type, 0.5);
      check(residualKernel(tile, 5, 40, 640, type), 9, type, 0.5);
      check(gatedKernel(tile, 37, ragged, type), 33, type, 0.5);
      const char *words = swap ? "tf32" : "f32";
      check(geluKernel(ofWords(tile), 104, ragged / 2, words), 77, words, 0.5);
    }
}

// Which products are summed in which order is a matter of K and of the splits alone.
TEST_CASE("gemm: a tile does not change bits, splits do") {
  const Tile tiles[] = {{64, 64, 32, 32, 32, 3},   {32, 32, 64, 16, 16, 2},
                        {128, 128, 32, 64, 32, 4}, {48, 40, 32, 16, 40, 2},
                        {16, 8, 64, 16, 8, 3},     {64, 64, 32, 32, 32, 3, 2},
                        {32, 48, 64, 32, 24, 2, 2}};
  std::vector<std::vector<double>> bits;
  for (int splits : {1, 2, 3}) {
    for (Tile tile : tiles) {
      tile.splits = splits;
      KernelRunner runner(geluKernel(tile, 56, 416, "f16"));
      REQUIRE(runner.error() == "");
      KernelRun run = runner.run(runner.randomArguments(70, 3, 0.5), 70);
      REQUIRE(run.error == "");
      if (bits.size() < size_t(splits))
        bits.push_back(run.results[0].values);
      CHECK(run.results[0].values == bits.back());
    }
  }
  CHECK(bits[0] != bits[1]);
  CHECK(bits[1] != bits[2]);
}

TEST_CASE("gemm: tiles and shapes at random") {
  std::mt19937 bits(20);
  auto pick = [&](int from, int to) { return from + static_cast<int>(bits() % (to - from + 1)); };
  for (int made = 0; made < 40;) {
    Tile t{};
    t.wm = 16 * pick(1, 4), t.wn = 8 * pick(1, 8), t.bk = 32 * pick(1, 2);
    t.bm = t.wm * pick(1, 3), t.bn = t.wn * pick(1, 3);
    t.stages = pick(2, 6), t.buffers = pick(1, 2), t.splits = pick(1, 4);
    int n = pick(1, 150), k = 8 * pick(1, 60), count = pick(1, 150), form = pick(0, 2);
    int columns = ((k + 63) / 64 + t.splits - 1) / t.splits * 64;
    if ((t.splits > 1 && columns * (t.splits - 1) >= k) ||
        2 * t.stages * (t.bm + 2 * t.bn) * t.bk > 99 * 1024)
      continue;
    ++made;
    const char *types[] = {"f16", "bf16", "tf32", "f32"}, *type = types[pick(0, 3)];
    if (std::string(type).ends_with("32"))
      t = ofWords(t), k /= 2;
    if (form == 0)
      check(geluKernel(t, n, k, type), count, type, 0.5);
    else if (form == 1)
      check(residualKernel(t, pick(1, 9), n, k, type), (count + 8) / 9, type, 0.5);
    else
      check(gatedKernel(t, n, k, type), count, type, 0.5);
  }
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

TEST_CASE(
    "gemm: errors planted where fragments have two buffers, and between the parts, are seen") {
  KernelRunner runner(geluKernel({64, 64, 32, 32, 32, 3, 2, 2}, 64, 328, "f16"));
  REQUIRE(runner.error() == "");
  auto arguments = runner.randomArguments(70, 1, 0.5);
  auto expected = runner.expected(arguments, 70);
  REQUIRE(worstDistance(runner.run(arguments, 70).results, expected) < boundOf("f16").norm);
  const std::string whole = runner.ptx();
  struct Bug {
    const char *what, *from, *to;
    bool last;
  };
  const Bug bugs[] = {
      {"block 0 is not waited for", "cp.async.wait_group", "// ", false},
      {"nor the others", "cp.async.wait_group", "// ", true},
      {"stages are left without a barrier", "bar.sync", "// ", true},
      {"a partial sum is lost", "add.rn.f32", "max.f32", true},
      {"the second split begins where the first does", "%ctaid.z", "%ctaid.y", false},
  };
  for (const Bug &bug : bugs) {
    INFO(bug.what);
    std::string text = whole;
    size_t at = bug.last ? text.rfind(bug.from) : text.find(bug.from);
    REQUIRE(at != std::string::npos);
    runner.replacePtx(text.replace(at, std::string(bug.from).size(), bug.to));
    KernelRun run = runner.run(arguments, 70);
    CHECK((run.error != "" || worstDistance(run.results, expected) > 1e-2));
  }
}
