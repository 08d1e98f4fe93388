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
#include <numeric>

namespace vitc::cost {

/// What products read; sums are f32, or of i8 whole numbers. GPUs' other types are f32 here.
enum class CpuProducts { F32, Bf16, I8 };

/// Columns of the result that lie side by side in a packed weight.
inline constexpr int64_t cpuPanel = 32;

/// What code is written for: an x86-64 core of the last ten years, as far as tiles depend on it.
struct Cpu {
  int64_t lanes; ///< f32 values in a register
  /// Rows of a product's result whose sums are in registers at a time, two vectors of each: of 16
  /// registers they leave two for a step's weights and two for values of the input, of 32 some
  /// more, without which compilers keep a sum in memory.
  int64_t microRows;
  int64_t l1Line, l1Sets; ///< bytes of a line; sets
};
inline constexpr Cpu avx2Cpu = {8, 6, 64, 64};
inline constexpr Cpu avx512Cpu = {16, 12, 64, 64};

/// Tiles of products begin at multiples of what either form has in registers.
inline constexpr int64_t cpuRowStep = std::lcm(avx2Cpu.microRows, avx512Cpu.microRows);

/// Rows that a tile of a product has at most, with so many columns in its result. A tile is one
/// panel: its weights come from far away and are in the second-level cache from the second few rows
/// on, so with few rows a tile is a copy from memory. The input may lie further away: it is read
/// line by line, all rows side by side, which processors foresee. Narrow results have fewer rows in
/// a tile, so that there are tiles for more than a few threads.
int64_t cpuProductRows(int64_t columns);

/// Whether neighbouring rows of so many bytes lie on the same few lines of the first-level cache,
/// which then loses one for another while a product goes along all of them.
bool cpuRowsCollide(int64_t bytes);

/// Keys of an attention that are looked at together: their scores with 32 queries should stay in
/// the first-level cache. `keys`: all there are, 0 if that is not known; few are one block.
int64_t cpuAttentionKeys(int64_t keys);

/// Rows of `width` values that a tile of a kernel has that goes over memory once: enough work to be
/// worth a thread's while.
int64_t cpuStreamRows(int64_t width);

} // namespace vitc::cost

#endif // PASSES_COST_CPU_H
