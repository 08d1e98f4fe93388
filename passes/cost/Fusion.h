//===- Fusion.h - Whether two kernels become one ----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FUSION_H
#define PASSES_COST_FUSION_H

#include "passes/cost/Search.h"

#include <limits>
#include <map>

namespace vitc::cost {

/// What is to be done, and the numbers that say so.
struct Decision {
  bool fuse = false;
  std::string reason; ///< why not; empty if fused
};

/// Compares two kernels with the one that would do the work of both, each with its best schedules,
/// at the batches a library is built for. Remembers what it has found: models repeat their layers.
class FusionModel {
public:
  FusionModel(const Preferences &preferences, int64_t maxBatch);

  /// Whether `joint`, with `parameters` arguments and results, is better than `first` and then
  /// `second`.
  Decision decide(const Work &first, const Work &second, const Work &joint, int parameters);

  /// Why `norm`, a layer_norm of what `product` computes, is no epilogue of it; and why `second`, a
  /// linear of what the linear `first` computes, is no part of one kernel with it.
  std::string normAfterLinear(const Work &product, const Work &norm);
  std::string linearAfterLinear(const Work &first, const Work &second);

private:
  /// The batches that are compared: 1, 8 and the largest.
  std::vector<int64_t> batches;
  Preferences preferences;

  /// With its best schedule, and the gap before it.
  struct Launch {
    double seconds = std::numeric_limits<double>::infinity();
    std::string problem; ///< why there is no schedule
  };
  const Launch &launch(const Work &work, int64_t batch);
  double seconds(const Work &work, int64_t batch) { return launch(work, batch).seconds; }
  std::map<std::pair<Work, int64_t>, Launch> known;
};

} // namespace vitc::cost

#endif // PASSES_COST_FUSION_H
