//===- FastPaths.h - Vector code for the host at hand ---------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Each pointer is null where the host lacks AVX2, FMA or F16C; the caller then uses its plain loop,
// which gives the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_FASTPATHS_H
#define VITC_EMULATOR_FASTPATHS_H

#include <cstdint>

namespace vitc::emu {

/// D = A * B + C of one m16n8k16 (or k8) mma on register slots of 32 lanes: `a` has 4 (or 2), `b` 2
/// (or 1), `c` and `d` 4 slots. Sums run over ascending k, one fma each.
using MmaFunction = void (*)(uint32_t *const *d, const uint32_t *const *a, const uint32_t *const *b,
                             const uint32_t *const *c);

struct FastPaths {
  void (*fma)(float *d, const float *a, const float *b, const float *c) = nullptr; ///< 32 lanes
  void (*halfToFloat)(uint32_t *d, const uint32_t *a) = nullptr; ///< 32 lanes, low 16 bits of a
  /// 32 lanes: the halves of `high` and `low` packed; `high` may be null for zero.
  void (*packHalves)(uint32_t *d, const uint32_t *high, const uint32_t *low) = nullptr;
  MmaFunction mmaHalf16 = nullptr, mmaBfloat16 = nullptr; ///< k16
  MmaFunction mmaTf32x8 = nullptr;                        ///< k8: 4 and 2 slots
};

const FastPaths &fastPaths();

} // namespace vitc::emu

#endif // VITC_EMULATOR_FASTPATHS_H
