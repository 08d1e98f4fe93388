//===- Schedule.cpp - How a kernel is mapped to the device ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Schedule.h"

#include "passes/cost/Attention.h"

#include <algorithm>
#include <charconv>

using namespace vitc::cost;

static std::string number(int64_t value) { return std::to_string(value); }

static std::string times(int a, int b) { return number(a) + "x" + number(b); }

template <size_t count> static std::string joined(const std::array<int, count> &sizes) {
  std::string text;
  for (int size : sizes)
    if (size)
      text += (text.empty() ? "" : "x") + number(size);
  return text;
}

std::string vitc::cost::text(const Schedule &s) {
  std::string text = joined(s.block) + "/" + joined(s.warp) + "/" + number(s.stages);
  auto add = [&](const char *name, int value, int usual) {
    if (value != usual)
      text += " " + std::string(name) + " " + number(value);
  };
  add("buffers", s.buffers, 1);
  add("splits", s.splits, 1);
  add("registers", s.registers, 0);
  return s.recompute ? text + " recompute" : text;
}

//===----------------------------------------------------------------------===//
// What kernels make of the numbers
//===----------------------------------------------------------------------===//

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

static vitc::AttentionPlan attentionPlan(const Work &work, const Schedule &s) {
  int64_t keys = work.overBatch ? s.block[1] : work.keys;
  return vitc::planAttention(keys, work.headDim, work.overBatch ? keys : work.queries, s.block[0]);
}

int vitc::cost::copiesPerThread(const Work &work, const Schedule &s) {
  int threads = threadsOf(work, s), row = s.block[2] / 8;
  return int(ceilDiv(s.block[0] * row, threads) +
             work.products * ceilDiv(s.block[1] * row, threads));
}

int vitc::cost::columnsPerLane(const Work &work) {
  return int(ceilDiv(ceilDiv(work.columns, work.vector), 32)) * work.vector;
}

bool vitc::cost::readsRowAgain(const Work &work, const Schedule &s) {
  return s.recompute || columnsPerLane(work) > mostHeldColumns;
}

int vitc::cost::threadsOf(const Work &work, const Schedule &s) {
  switch (work.root) {
  case Root::Linear:
    return 32 * s.warpsM() * s.warpsN();
  case Root::Attention:
    return int(attentionPlan(work, s).threads);
  case Root::LayerNorm: {
    // As many warps as leave each thread the registers for its part of the row.
    int columns = columnsPerLane(work);
    int most = readsRowAgain(work, s) ? 32 : columns > 64 ? 8 : columns > 16 ? 16 : 32;
    return 32 * std::min(s.block[0] / s.warp[0], most);
  }
  default:
    return 32 * (s.block[0] / s.warp[0]);
  }
}

int64_t vitc::cost::smemOf(const Work &work, const Schedule &s) {
  if (work.root == Root::Attention)
    return attentionPlan(work, s).shared;
  if (work.root != Root::Linear)
    return 0;
  int64_t ring = 2ll * s.stages * (s.block[0] + work.products * s.block[1]) * s.block[2];
  // Results leave through slots of 16 rows for each warp, whose rows are an odd number of 8
  // columns.
  int64_t columnBytes = s.splits > 1 ? 4 * work.products : work.outputBytes;
  int64_t slot = 16 * (s.warp[1] / 8 | 1) * 8 * columnBytes;
  int64_t warps = s.warpsM() * s.warpsN();
  return std::max(ring, warps * slot * (2 * warps * slot <= ring ? 2 : 1));
}

//===----------------------------------------------------------------------===//
// What cannot be built
//===----------------------------------------------------------------------===//

static std::string linearObjection(const Work &work, const Schedule &s, const Gpu &gpu,
                                   bool warpLimit) {
  auto [bm, bn, bk] = s.block;
  auto [wm, wn] = s.warp;
  if (bk != 32 && bk != 64)
    return "BK must be 32 or 64, but is " + number(bk);
  if (wm % 16 || wn % 8)
    return "WM must be a multiple of 16 and WN one of 8, but they are " + number(wm) + " and " +
           number(wn);
  if (bm % wm || bn % wn)
    return "WM and WN must divide BM and BN, but " + times(wm, wn) + " does not divide " +
           times(bm, bn);
  if (s.warpsM() * s.warpsN() > 32)
    return "a block has at most 32 warps, but BM/WM * BN/WN is " + number(s.warpsM() * s.warpsN());
  if (s.stages < 2 || s.stages > 8)
    return "STAGES must be 2 to 8, but is " + number(s.stages);
  if (s.splits > 1 &&
      (s.splits - 1) * ceilDiv(ceilDiv(work.depth, 64), s.splits) * 64 >= work.depth)
    return number(s.splits) + " splits leave no columns of K = " + number(work.depth) +
           " for the last";
  if (int64_t bytes = smemOf(work, s); bytes > gpu.smemPerBlock)
    return "it needs " + number(bytes) + " bytes of shared memory, but " + gpu.name + " has " +
           number(gpu.smemPerBlock) + " for a block";
  if (int sums = s.accumulators(work); warpLimit && sums > mostAccumulators)
    return "a thread would hold " + number(sums) + " accumulators, at most " +
           number(mostAccumulators) + " leave room in 255 registers";
  return "";
}

std::string vitc::cost::objection(const Work &work, const Schedule &s, const Gpu &gpu,
                                  bool warpLimit) {
  for (int size : {s.block[0], s.warp[0]})
    if (size < 1 || size > 65536)
      return "sizes must be 1 to 65536, but one is " + number(size);
  if (work.root == Root::Linear)
    return s.block[1] < 1 || s.warp[1] < 1 ? "sizes must be positive"
                                           : linearObjection(work, s, gpu, warpLimit);
  if (work.root == Root::Attention) {
    int64_t keys = work.overBatch ? s.block[1] : work.keys;
    if (keys < 1 || keys > maxAttentionKeys)
      return "whole rows have 1 to " + number(maxAttentionKeys) + " keys, but it has " +
             number(keys);
    if (work.headDim < 1 || work.headDim > 128)
      return "heads have 1 to 128 columns, but it has " + number(work.headDim);
  }
  if (s.block[0] % s.warp[0])
    return "a warp's part must divide a block's, but " + number(s.warp[0]) + " does not divide " +
           number(s.block[0]);
  if (int threads = threadsOf(work, s); threads > 1024)
    return "a block has at most 1024 threads, but it asks for " + number(threads);
  int64_t bytes = smemOf(work, s);
  if (bytes > gpu.smemPerBlock)
    return "it needs " + number(bytes) + " bytes of shared memory, but " + gpu.name + " has " +
           number(gpu.smemPerBlock) + " for a block";
  return "";
}

//===----------------------------------------------------------------------===//
// Tiles by hand
//===----------------------------------------------------------------------===//

/// A positive number at the front of `text`, which is taken off; 0 if there is none.
static int takeNumber(std::string_view &text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0)
    return 0;
  text.remove_prefix(end - text.data());
  return value;
}

static bool take(std::string_view &text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Reads "axbxc" into as many sizes as there are, at least one.
template <size_t count>
static bool takeSizes(std::string_view &text, std::array<int, count> &sizes) {
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && !take(text, "x"))
      return true;
    if (!(sizes[i] = takeNumber(text)))
      return false;
  }
  return true;
}

std::optional<Schedule> vitc::cost::readSchedule(const std::string &given) {
  Schedule s;
  std::string_view text = given;
  if (!takeSizes(text, s.block) || !take(text, "/") || !takeSizes(text, s.warp) ||
      !take(text, "/") || !(s.stages = takeNumber(text)))
    return std::nullopt;
  if (take(text, " buffers "))
    s.buffers = takeNumber(text);
  if (take(text, " splits "))
    s.splits = takeNumber(text);
  if (take(text, " registers "))
    s.registers = takeNumber(text);
  s.recompute = take(text, " recompute");
  bool known = s.buffers >= 1 && s.buffers <= 2 && s.splits >= 1 && s.registers <= 255;
  return text.empty() && known ? std::optional(s) : std::nullopt;
}

std::optional<Schedule> vitc::cost::parseTile(const std::string &text, const Gpu &gpu,
                                              std::string &error, bool warpLimit) {
  std::optional<Schedule> read = readSchedule(text);
  if (!read || text.find(' ') != std::string::npos || !read->block[2] || !read->warp[1]) {
    error =
        "expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '" + text + "'";
    return std::nullopt;
  }
  Schedule tile = *read;
  for (int value : {tile.block[0], tile.block[1], tile.block[2], tile.warp[0], tile.warp[1]})
    if (value > 4096) {
      error = "tile '" + text + "': sizes are at most 4096, but one is " + number(value);
      return std::nullopt;
    }
  Work any{.root = Root::Linear, .depth = 4096};
  if (std::string why = objection(any, tile, gpu, warpLimit); !why.empty()) {
    error = "tile '" + text + "': " + why;
    return std::nullopt;
  }
  return tile;
}
