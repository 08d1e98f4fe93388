//===- Fusion.cpp - Whether two kernels become one ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A fusion saves the traffic of a value and a launch. What it may cost shows in the best schedule
// of the joint kernel: a linear's epilogue works column group by column group after the products
// are done, when their fragments are dead, so it costs no registers; a second set of accumulators
// halves the tile; a value that is read again, and not kept, costs its traffic. So both forms are
// predicted at several batches, and the shorter one is taken.
//
// Kernels have limits of their own beside that: pointers take two registers each, and values of one
// column group that are live together a set for each result and operand.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Fusion.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

using namespace vitc::cost;

static std::string number(int64_t value) { return std::to_string(value); }

/// "12.3"
static std::string decimal(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.1f", value);
  return text;
}

static std::string kilobytes(int64_t bytes) { return number((bytes + 512) / 1024) + " KB"; }

FusionModel::FusionModel(const Preferences &preferences, int64_t maxBatch)
    : preferences(preferences) {
  for (int64_t batch : {int64_t(1), int64_t(8), maxBatch})
    if (batch <= maxBatch && (batches.empty() || batch > batches.back()))
      batches.push_back(batch);
}

const FusionModel::Launch &FusionModel::launch(const Work &work, int64_t batch) {
  auto [found, isNew] = known.try_emplace({work, batch});
  if (isNew) {
    Launch &launch = found->second;
    if (auto schedule = best(work, batch, preferences, &launch.problem))
      launch = {schedule->prediction.seconds + preferences.gpu->launchGapUs * 1e-6, ""};
    else if (launch.problem.empty())
      launch.problem = "no schedule fits";
  }
  return found->second;
}

/// What no kernel should have more of.
static std::string limitExceeded(const Work &joint, int parameters) {
  struct Limit {
    const char *what;
    int value, most;
  };
  const Limit limits[] = {
      {"results", joint.results, 4},
      {"activations read beside the root's operands", joint.activations, 6},
      {"vectors", joint.vectors, 12},
      {"elementwise ops", joint.before.ops() + joint.after.ops(), 24},
      {"parameters", parameters, 24},
  };
  for (const Limit &limit : limits)
    if (limit.value > limit.most)
      return number(limit.value) + " " + limit.what + ", limit " + number(limit.most);
  return "";
}

Decision FusionModel::decide(const Work &first, const Work &second, const Work &joint,
                             int parameters) {
  if (std::string reason = limitExceeded(joint, parameters); !reason.empty())
    return {false, reason};
  if (const Launch &largest = launch(joint, batches.back()); !largest.problem.empty())
    return {false, largest.problem};
  double ratio = 0, worst = 0;
  int64_t worstBatch = 1;
  for (int64_t batch : batches) {
    double here = seconds(joint, batch) / (seconds(first, batch) + seconds(second, batch));
    ratio += here / double(batches.size());
    if (here > worst)
      worst = here, worstBatch = batch;
  }
  if (ratio < 1)
    return {true, ""};
  double apart = seconds(first, worstBatch) + seconds(second, worstBatch);
  return {false, "predicted " + decimal(seconds(joint, worstBatch) * 1e6) + " us together, " +
                     decimal(apart * 1e6) + " us apart at batch " + number(worstBatch)};
}

//===----------------------------------------------------------------------===//
// What no kernel does
//===----------------------------------------------------------------------===//

std::string FusionModel::normAfterLinear(const Work &product, const Work &norm) {
  // One block would compute whole rows: a tile as wide as the result.
  const Gpu &gpu = *preferences.gpu;
  int64_t columns = product.columns, batch = batches.back();
  int64_t registerBytes = int64_t(gpu.registersPerSm) * 4;
  std::string text = "whole rows of " + number(columns) + " columns in one block: 64 rows are " +
                     kilobytes(64 * columns * 4) + " of sums, an SM has " +
                     kilobytes(registerBytes) + " of registers";
  // Rows that fit beside fragments and addresses, in sixteens; then every block reads all weights.
  int64_t rows = registerBytes * 5 / 8 / (columns * 4) / 16 * 16;
  rows = std::min<int64_t>(rows, 128);
  double apart = seconds(product, batch) + seconds(norm, batch);
  if (rows < 16)
    return text + ", and not even 16 rows fit";
  double blocks = std::ceil(double(product.rows) * double(batch) / double(rows));
  double bytes = blocks * double(columns + rows) * double(product.depth) * product.inputBytes;
  double rate = gpu.tensorTflops * gpu.mmaShare * 1e12 / gpu.multiprocessors;
  double products = std::ceil(blocks / gpu.multiprocessors) * 2.0 * double(rows) * double(columns) *
                    double(product.depth) / rate;
  double together = std::max(bytes / (gpu.l2GBs * 1e9), products);
  if (together < apart)
    return text + "; no kernel does that";
  return text + "; with " + number(rows) + " rows it takes at least " + decimal(together * 1e6) +
         " us, apart " + decimal(apart * 1e6) + " us at batch " + number(batch);
}

std::string FusionModel::linearAfterLinear(const Work &first, const Work &second) {
  const Gpu &gpu = *preferences.gpu;
  int64_t hidden = 64 * first.columns * second.inputBytes, sums = 64 * second.columns * 4;
  return "the second needs all " + number(first.columns) + " columns of the first: 64 rows are " +
         kilobytes(hidden) + ", shared memory has " + kilobytes(gpu.smemPerBlock) +
         "; summed as they come, 64 rows of its " + number(second.columns) + " columns are " +
         kilobytes(sums) + " of sums, an SM has " + kilobytes(int64_t(gpu.registersPerSm) * 4) +
         " of registers";
}
