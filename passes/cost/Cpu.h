//===- Cpu.h - How kernels are cut into tiles on a CPU ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A kernel of a CPU is a grid of tiles that threads take one after the other. No tile changes what
// is added to what, so none of these numbers has an effect on bits.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_CPU_H
#define PASSES_COST_CPU_H

#include <cstdint>

namespace vitc::cost {

/// Columns of the result that lie side by side in a packed weight.
inline constexpr int64_t cpuPanel = 32;

/// What code is written for: an x86-64 core of the last ten years, as far as tiles depend on it.
struct Cpu {
  int64_t vectors;    ///< registers
  int64_t lanes;      ///< f32 values in one
  int64_t l1, l2;     ///< bytes of its own caches
  double fmaPerCycle; ///< vector instructions
};
inline constexpr Cpu avx2Cpu = {16, 8, 32 << 10, 256 << 10, 2};
inline constexpr Cpu avx512Cpu = {32, 16, 32 << 10, 1 << 20, 2};

/// Rows of a product's result whose sums are in registers at a time, two vectors of each: as many
/// as leave two registers for a step's weights and one or two for a value of the input.
constexpr int64_t microRows(const Cpu &cpu) { return (cpu.vectors - 4) / 2; }

/// Rows that a tile of a product has, with sums over `depth` values. The rows of the input should
/// stay in the second-level cache while the tiles of all panels go over them, beside a panel; a
/// multiple of what either form has in registers, and enough of them that a panel, which comes from
/// far away, is used often.
int64_t cpuProductRows(int64_t depth);

/// Keys of an attention that are looked at together: their scores with 32 queries should stay in
/// the first-level cache. `keys`: all there are, 0 if that is not known; few are one block.
int64_t cpuAttentionKeys(int64_t keys);

/// Rows of `width` values that a tile of a kernel has that goes over memory once: enough work to be
/// worth a thread's while.
int64_t cpuStreamRows(int64_t width);

} // namespace vitc::cost

#endif // PASSES_COST_CPU_H
