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
#include <variant>
#include <vector>

namespace vitc::cost {

// The numbers of the attributes in dialect/VitSchedules.td, which says what they mean.

struct GemmSchedule {
  std::array<int, 3> tile{}; ///< M, N, K
  std::array<int, 2> warp{}; ///< M, N
  int stages = 2, buffers = 1, splits = 1;

  auto operator<=>(const GemmSchedule &) const = default;

  /// Warps of a block along M and N.
  int warpsM() const { return tile[0] / warp[0]; }
  int warpsN() const { return tile[1] / warp[1]; }
  /// f32 sums of one thread for all linears.
  int64_t accumulators(const Work &work) const {
    return int64_t(work.products) * warp[0] * warp[1] / 32;
  }
};

struct AttentionSchedule {
  int rows = 0, keys = 0, stages = 1;
  bool resident = false;
  int warp = 16; ///< query rows of a warp

  auto operator<=>(const AttentionSchedule &) const = default;
};

struct NormSchedule {
  int rows = 0, warp = 1;
  bool recompute = false;

  auto operator<=>(const NormSchedule &) const = default;
};

struct VectorSchedule {
  int elements = 0, warp = 0;

  auto operator<=>(const VectorSchedule &) const = default;
};
struct TokensSchedule : VectorSchedule {
  auto operator<=>(const TokensSchedule &) const = default;
};
struct ElementwiseSchedule : VectorSchedule {
  auto operator<=>(const ElementwiseSchedule &) const = default;
};

struct Schedule {
  std::variant<GemmSchedule, AttentionSchedule, NormSchedule, TokensSchedule, ElementwiseSchedule>
      numbers;       ///< in the order of Family
  int registers = 0; ///< bound for ptxas; 0: none

  auto operator<=>(const Schedule &) const = default;

  Family family() const { return Family(numbers.index()); }
  /// The numbers of a schedule of that family.
  const GemmSchedule &gemm() const { return std::get<GemmSchedule>(numbers); }
  GemmSchedule &gemm() { return std::get<GemmSchedule>(numbers); }
  const AttentionSchedule &attention() const { return std::get<AttentionSchedule>(numbers); }
  const NormSchedule &norm() const { return std::get<NormSchedule>(numbers); }
  NormSchedule &norm() { return std::get<NormSchedule>(numbers); }

  /// Whether several blocks share a tile of the result, each with a part of K.
  bool isSplit() const {
    auto *gemm = std::get_if<GemmSchedule>(&numbers);
    return gemm && gemm->splits > 1;
  }
};

/// The numbers of any schedule, as texts and names have them.
struct Written {
  std::vector<int> block, warp;
  int stages = 1, buffers = 1, splits = 1;
  bool recompute = false;
};
Written written(const Schedule &schedule);

/// What a block computes, what a warp computes and the stages of its main loop, then what is not as
/// it is by default: "64x64x64/32x32/3 buffers 2 splits 4 registers 96", "208x197/16/1", "8/1/1
/// recompute". Files and reports have this form.
std::string text(const Schedule &schedule);
/// Reads such a text as a schedule for `work` on `gpu`; empty if it is none.
std::optional<Schedule> readSchedule(const std::string &text, const Work &work, const Gpu &gpu);

/// Most f32 sums of a thread: that leave room for fragments and addresses beside them; and, where
/// spills are wanted (--force-fuse), that ptxas does not take minutes for.
inline constexpr int mostAccumulators = 160, mostForcedAccumulators = 256;

/// Threads of a block, on every device.
inline constexpr int mostThreads = 1024;

/// What kernels may ask for.
struct Limits {
  std::string device; ///< whose they are, for messages; empty: of no one device
  int64_t smemPerBlock;
  int accumulators;
};
Limits limitsOf(const Gpu &gpu, bool force = false);
/// Of emitters, which do not know the device: the largest of all that are known. What the device at
/// hand has is for passes and the caller of the code generator to see to.
Limits widestLimits();

/// Why no kernel can be built so for `work`, in the form "expected ..., found ..."; empty if one
/// can.
std::string objection(const Work &work, const Schedule &schedule, const Limits &limits);

/// Parses "BMxBNxBK/WMxWN/STAGES" for linears. Empty and `error` set if it is not of that form, or
/// if kernels with one product cannot be built for it on `gpu`. `force`: as with limitsOf.
std::optional<GemmSchedule> parseTile(const std::string &text, const Gpu &gpu, std::string &error,
                                      bool force = false);

} // namespace vitc::cost

#endif // PASSES_COST_SCHEDULE_H
