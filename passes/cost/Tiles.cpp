//===- Tiles.cpp - Which tile a linear gets -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// On the devices we build for the tensor cores are the slow unit, so time is the number of tiles
// the busiest SM computes, at the rate of its tensor cores. That punishes tiles that do not divide
// the problem into whole waves, which is what costs most at the shapes of a ViT. Small tiles load
// more for each product: L2 bandwidth bounds them from below.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Cost.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace vitc::cost;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

std::string Tile::text() const {
  auto n = [](int value) { return std::to_string(value); };
  return n(blockM) + "x" + n(blockN) + "x" + n(blockK) + "/" + n(warpM) + "x" + n(warpN) + "/" +
         n(stages);
}

const std::vector<Tile> &vitc::cost::linearTiles() {
  static const std::vector<Tile> tiles = {
      {128, 128, 32, 64, 32, 3}, {128, 64, 32, 64, 32, 3}, {64, 128, 32, 64, 32, 3},
      {64, 64, 32, 32, 32, 3},   {32, 64, 32, 32, 16, 3},  {32, 32, 32, 16, 16, 3},
  };
  return tiles;
}

int vitc::cost::predictRegisters(const Tile &tile) {
  int accumulators = tile.warpM * tile.warpN / 32;
  int fragments = tile.warpM / 16 * 4 + tile.warpN / 8 * 2;
  double chunks = double(tile.blockM + tile.blockN) * tile.blockK / 8 / tile.threads();
  return accumulators + fragments + 17 + static_cast<int>(std::lround(3.6 * chunks));
}

int vitc::cost::blocksPerSm(const Tile &tile, const Gpu &gpu) {
  // Registers are given to warps in units of 256, from four quarters of the file.
  int perWarp = static_cast<int>(ceilDiv(predictRegisters(tile) * 32, 256)) * 256;
  int byRegisters = gpu.registersPerSm / 4 / perWarp * 4 / tile.warps();
  int smem = static_cast<int>(ceilDiv(tile.smemBytes() + 1024, 128)) * 128; // 1 KB is the system's
  int bySmem = gpu.smemPerSm / smem;
  return std::min({byRegisters, bySmem, gpu.warpsPerSm / tile.warps(), gpu.blocksPerSm});
}

double vitc::cost::predictSeconds(const Product &product, const Tile &tile, const Gpu &gpu) {
  constexpr double mainloopEfficiency = 0.93; // of the tensor cores' rate
  constexpr double fill = 1.2e-6;             // first loads and last stores, seconds
  double rate = gpu.tensorTflops * 1e12 / gpu.multiprocessors;
  int64_t tiles = ceilDiv(product.m, tile.blockM) * ceilDiv(product.n, tile.blockN);
  int64_t k = ceilDiv(product.k, tile.blockK) * tile.blockK;
  // Tiny tiles have few independent products and load more fragments for each.
  double area = double(tile.blockM) * tile.blockN;
  double efficiency = mainloopEfficiency * (0.55 + 0.45 * std::min(1.0, area / (64 * 64)));
  double compute = ceilDiv(tiles, gpu.multiprocessors) * 2 * area * k / (rate * efficiency);
  double loads = 2.0 * tiles * (tile.blockM + tile.blockN) * k / (gpu.l2GBs * 1e9);
  return std::max(compute, loads) + fill;
}

Tile vitc::cost::chooseTile(const std::vector<Product> &products, const Gpu &gpu) {
  const Tile *best = nullptr;
  double bestSeconds = 0;
  for (const Tile &tile : linearTiles()) {
    if (tile.smemBytes() > gpu.smemPerBlock || blocksPerSm(tile, gpu) < 1)
      continue;
    double seconds = 0;
    for (const Product &product : products)
      seconds += predictSeconds(product, tile, gpu);
    if (!best || seconds < bestSeconds) {
      best = &tile;
      bestSeconds = seconds;
    }
  }
  return best ? *best : linearTiles().back();
}

//===----------------------------------------------------------------------===//
// Tiles by hand
//===----------------------------------------------------------------------===//

/// Reads "a<separator>b..." into `values`; true if all are positive numbers and nothing is left.
static bool readNumbers(const char *&at, const char *end, const char *separators, int *values) {
  for (const char *separator = separators; at < end; ++separator) {
    auto [next, error] = std::from_chars(at, end, *values);
    if (error != std::errc() || *values <= 0)
      return false;
    at = next;
    ++values;
    if (*separator == 0)
      return at == end;
    if (at == end || *at != *separator)
      return false;
    ++at;
  }
  return false;
}

/// What kernels cannot be built for; empty if they can.
static std::string objection(const Tile &t, const Gpu &gpu) {
  auto number = [](int64_t value) { return std::to_string(value); };
  if (t.blockK != 32 && t.blockK != 64)
    return "BK must be 32 or 64, but is " + number(t.blockK);
  if (t.warpM % 16 || t.warpN % 16)
    return "WM and WN must be multiples of 16, but are " + number(t.warpM) + " and " +
           number(t.warpN);
  if (t.blockM % t.warpM || t.blockN % t.warpN)
    return "WM and WN must divide BM and BN, but " + number(t.warpM) + "x" + number(t.warpN) +
           " does not divide " + number(t.blockM) + "x" + number(t.blockN);
  if (t.warps() > 32)
    return "a block has at most 32 warps, but BM/WM * BN/WN is " + number(t.warps());
  if (t.blockM * t.blockK / 8 % t.threads() || t.blockN * t.blockK / 8 % t.threads())
    return "both operands must split evenly into 16-byte copies of " + number(t.threads()) +
           " threads, but have " + number(t.blockM * t.blockK / 8) + " and " +
           number(t.blockN * t.blockK / 8);
  if (t.stages < 2 || t.stages > 8)
    return "STAGES must be 2 to 8, but is " + number(t.stages);
  if (t.smemBytes() > gpu.smemPerBlock)
    return "it needs " + number(t.smemBytes()) + " bytes of shared memory, but " + gpu.name +
           " has " + number(gpu.smemPerBlock) + " for a block";
  if (t.warpM * t.warpN / 32 > 160)
    return "a thread would hold " + number(t.warpM * t.warpN / 32) +
           " accumulators, at most 160 leave room in 255 registers";
  return "";
}

std::optional<Tile> vitc::cost::parseTile(const std::string &text, const Gpu &gpu,
                                          std::string &error) {
  int v[6];
  const char *at = text.data(), *end = at + text.size();
  // Block, warp and stages, told apart by the separators.
  if (!readNumbers(at, end, "xx/x/", v)) {
    error =
        "expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '" + text + "'";
    return std::nullopt;
  }
  Tile tile{v[0], v[1], v[2], v[3], v[4], v[5]};
  for (int value : v)
    if (value > 4096) {
      error = "tile '" + text + "': sizes are at most 4096, but one is " + std::to_string(value);
      return std::nullopt;
    }
  if (std::string why = objection(tile, gpu); !why.empty()) {
    error = "tile '" + text + "': " + why;
    return std::nullopt;
  }
  return tile;
}
