//===- Search.h - The schedules of a kernel ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_SEARCH_H
#define PASSES_COST_SEARCH_H

#include "passes/cost/Predict.h"

#include <functional>
#include <vector>

namespace vitc::cost {

/// How schedules are chosen: by the model, or by the well-known rules of Classic.h.
enum class TilePolicy { Model, Classic };
/// Rows of a layer_norm with ops before it: kept in registers, computed again, or as is better.
enum class FusePolicy { Auto, Keep, Recompute };

struct Preferences {
  const Gpu *gpu = nullptr;
  int registerBudget = 255; ///< most registers of a thread
  TilePolicy tilePolicy = TilePolicy::Model;
  FusePolicy fusePolicy = FusePolicy::Auto;
  std::optional<GemmSchedule> tile; ///< of every linear; its buffers are chosen
  bool force = false;               ///< `tile` may hold more sums than registers can
  bool batchInvariant = false;      ///< all batches sum in the same order

  auto operator<=>(const Preferences &) const = default;
};

/// Every schedule that kernels can be built for and that is predicted to keep the register budget
/// without spilling, each with its bound; in a fixed order. Empty if there is none.
std::vector<Schedule> candidates(const Work &work, int64_t maxBatch,
                                 const Preferences &preferences);

/// One kernel's launches of one form.
struct Use {
  Work work;
  int count = 1;
};

/// Of the first with the most rows; there is one.
const Work &mostRows(const std::vector<Use> &uses);

/// What is run for batches `minBatch` to `maxBatch`: the first alternative, or the next where ptxas
/// spills. The last one is smaller than the others.
struct BatchRange {
  int64_t minBatch = 1, maxBatch = 1;
  std::vector<Schedule> alternatives;
};

struct Selection {
  std::vector<BatchRange> ranges; ///< ascending, from 1 to the largest batch
  std::string note;               ///< why the register budget is not kept; empty if it is
  std::string objection;          ///< why nothing can be built; then there are no ranges
};

/// How many ranges of batches a kernel gets.
struct RangePolicy {
  bool finer = false; ///< ranges end at numbers between powers of two, too
  double share = 1;   ///< of the model's time that the kernel takes
};

/// Schedules for batches up to `maxBatch` of a kernel that is launched so. Ranges end at powers of
/// two; neighbours are joined where one schedule is all but as good for both, or where what that
/// loses is little beside the model's time.
Selection select(const std::vector<Use> &uses, int64_t maxBatch, const Preferences &preferences,
                 const RangePolicy &policy = {});

/// The fastest schedule of a kernel at one batch, as measured.
struct Measured {
  int64_t batch;
  Schedule schedule;
};

/// Whether what was measured at one batch says something about another one.
using Holds = std::function<bool(const Measured &, int64_t batch)>;
/// While it is predicted to lose no more time there, beside the best of `predicted`, than where it
/// was measured, but for a little: a tile that fills the device at one batch need not at another.
Holds losesNoMore(const std::vector<Use> &uses, const std::vector<BatchRange> &predicted,
                  const Gpu &gpu);

/// `predicted`, with what was measured in front of the alternatives where it says something: from
/// the measured batch down to the one measured before, but to no less than a quarter, and from the
/// largest one up to four times it, where it `holds`. `measured` ascends.
std::vector<BatchRange> withMeasured(const std::vector<BatchRange> &predicted,
                                     const std::vector<Measured> &measured, int64_t maxBatch,
                                     const Holds &holds);

/// The best schedule for one batch, and its prediction. Empty and `why` set if nothing can be
/// built.
struct Best {
  Schedule schedule;
  Prediction prediction;
};
std::optional<Best> best(const Work &work, int64_t batch, const Preferences &preferences,
                         std::string *why = nullptr);

/// Each kernel's share of the time of all, at batch 1 or at `maxBatch`, whichever is more; 1 for
/// one that cannot be built. `kernels`: the launches of each.
std::vector<double> sharesOfTime(const std::vector<std::vector<Use>> &kernels, int64_t maxBatch,
                                 const Preferences &preferences);

} // namespace vitc::cost

#endif // PASSES_COST_SEARCH_H
