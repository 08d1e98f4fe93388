//===- Schedule.h - How a kernel is mapped to the device --------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_SCHEDULE_H
#define PASSES_COST_SCHEDULE_H

#include "passes/cost/Gpu.h"
#include "passes/cost/Work.h"

#include <array>
#include <compare>
#include <optional>
#include <string>

namespace vitc::cost {

/// The numbers of #vit.schedule, which says what they mean for each root; unused ones are 0.
struct Schedule {
  std::array<int, 3>
      block{}; ///< linear: M, N, K; attention: query rows, keys; else rows or elements
  std::array<int, 2> warp{};
  int stages = 1, buffers = 1, splits = 1;
  int registers = 0; ///< bound for ptxas; 0: none
  bool recompute = false;

  auto operator<=>(const Schedule &) const = default;

  /// Warps of a linear's block along M and N, and their sum.
  int warpsM() const { return block[0] / warp[0]; }
  int warpsN() const { return block[1] / warp[1]; }
  /// f32 sums of one thread of a linear.
  int accumulators(const Work &work) const { return work.products * warp[0] * warp[1] / 32; }
};

/// Block, warp and stages, then what is not as it is by default: "64x64x64/32x32/3 buffers 2 splits
/// 4 registers 96", "208x197/16/1", "8/1/1 recompute".
std::string text(const Schedule &schedule);
/// Reads such a text; empty if it is none.
std::optional<Schedule> readSchedule(const std::string &text);

/// Threads of a block.
int threadsOf(const Work &work, const Schedule &schedule);
/// Bytes of shared memory that a block asks for.
int64_t smemOf(const Work &work, const Schedule &schedule);

/// 16-byte copies that one thread of a linear starts for a k-block.
int copiesPerThread(const Work &work, const Schedule &schedule);

/// Columns of a layer_norm's row that one lane has; and whether kernels read the row again for each
/// of its uses instead of keeping it: if they are told to, or where a lane cannot hold its part.
int columnsPerLane(const Work &work);
bool readsRowAgain(const Work &work, const Schedule &schedule);
inline constexpr int mostHeldColumns = 128;

/// Why no kernel can be built so for `work` on `gpu`, with the numbers; empty if one can.
/// `warpLimit` false allows warp tiles whose sums cannot be kept in registers.
std::string objection(const Work &work, const Schedule &schedule, const Gpu &gpu,
                      bool warpLimit = true);

/// Parses "BMxBNxBK/WMxWN/STAGES" for linears. Empty and `error` set if it is not of that form, or
/// if kernels with one product cannot be built for it on `gpu`.
std::optional<Schedule> parseTile(const std::string &text, const Gpu &gpu, std::string &error,
                                  bool warpLimit = true);

/// Most sums that a thread can hold beside fragments and addresses.
inline constexpr int mostAccumulators = 160;

} // namespace vitc::cost

#endif // PASSES_COST_SCHEDULE_H
