//===- FastPaths.cpp - Vector code for the host at hand -------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The slots of an mma are matrices already. A0, viewed over its 32 lanes, is an 8x8 row-major block
// of 16-bit values, and so are A1..A3 and (transposed) B0, B1. C0 and C1 hold the even and the odd
// columns, so with columns in the order 0 2 4 6 1 3 5 7 a row of C is two plain 16-byte loads, and
// B is transposed in that order.
//
//===----------------------------------------------------------------------===//

#include "FastPaths.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define VIT_AVX __attribute__((target("avx2,fma,f16c")))
#endif

namespace vitc::emu {

#if defined(__x86_64__)
namespace {

VIT_AVX void fma32(float *d, const float *a, const float *b, const float *c) {
  for (unsigned i = 0; i < 32; i += 8)
    _mm256_storeu_ps(d + i, _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i),
                                            _mm256_loadu_ps(c + i)));
}

VIT_AVX inline __m256i load(const void *p) {
  return _mm256_loadu_si256(static_cast<const __m256i *>(p));
}
VIT_AVX inline __m128i loadHalf(const void *p) {
  return _mm_loadu_si128(static_cast<const __m128i *>(p));
}

VIT_AVX void halfToFloat32(uint32_t *d, const uint32_t *a) {
  for (unsigned i = 0; i < 32; i += 8) {
    __m256i words = _mm256_and_si256(load(a + i), _mm256_set1_epi32(0xffff));
    __m128i halves =
        _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm256_storeu_ps(reinterpret_cast<float *>(d + i), _mm256_cvtph_ps(halves));
  }
}

/// Eight floats to halves in the low 16 bits of each word; NaN becomes 0x7fff as on the device.
VIT_AVX inline __m256i toHalves(const uint32_t *p) {
  __m256 value = _mm256_loadu_ps(reinterpret_cast<const float *>(p));
  __m256i words = _mm256_cvtepu16_epi32(_mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(words, _mm256_set1_epi32(0x7fff), nan);
}
VIT_AVX void packHalves32(uint32_t *d, const uint32_t *high, const uint32_t *low) {
  for (unsigned i = 0; i < 32; i += 8) {
    __m256i word = toHalves(low + i);
    if (high)
      word = _mm256_or_si256(word, _mm256_slli_epi32(toHalves(high + i), 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(d + i), word);
  }
}

/// Row r of an 8x8 block of 16-bit values, as floats.
template <bool bfloat> VIT_AVX inline __m256 row(const uint32_t *slot, unsigned r) {
  __m128i values = loadHalf(slot + 4 * r);
  if constexpr (bfloat)
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(values), 16));
  else
    return _mm256_cvtph_ps(values);
}

/// out[k] = row k of B with the columns in the order 0 2 4 6 1 3 5 7.
template <bool bfloat> VIT_AVX inline void transpose(const uint32_t *slot, __m256 *out) {
  __m256 r0 = row<bfloat>(slot, 0), r1 = row<bfloat>(slot, 2), r2 = row<bfloat>(slot, 4),
         r3 = row<bfloat>(slot, 6);
  __m256 r4 = row<bfloat>(slot, 1), r5 = row<bfloat>(slot, 3), r6 = row<bfloat>(slot, 5),
         r7 = row<bfloat>(slot, 7);
  __m256 t0 = _mm256_unpacklo_ps(r0, r1), t1 = _mm256_unpackhi_ps(r0, r1);
  __m256 t2 = _mm256_unpacklo_ps(r2, r3), t3 = _mm256_unpackhi_ps(r2, r3);
  __m256 t4 = _mm256_unpacklo_ps(r4, r5), t5 = _mm256_unpackhi_ps(r4, r5);
  __m256 t6 = _mm256_unpacklo_ps(r6, r7), t7 = _mm256_unpackhi_ps(r6, r7);
  __m256 u0 = _mm256_shuffle_ps(t0, t2, 0x44), u1 = _mm256_shuffle_ps(t0, t2, 0xee);
  __m256 u2 = _mm256_shuffle_ps(t1, t3, 0x44), u3 = _mm256_shuffle_ps(t1, t3, 0xee);
  __m256 u4 = _mm256_shuffle_ps(t4, t6, 0x44), u5 = _mm256_shuffle_ps(t4, t6, 0xee);
  __m256 u6 = _mm256_shuffle_ps(t5, t7, 0x44), u7 = _mm256_shuffle_ps(t5, t7, 0xee);
  out[0] = _mm256_permute2f128_ps(u0, u4, 0x20);
  out[1] = _mm256_permute2f128_ps(u1, u5, 0x20);
  out[2] = _mm256_permute2f128_ps(u2, u6, 0x20);
  out[3] = _mm256_permute2f128_ps(u3, u7, 0x20);
  out[4] = _mm256_permute2f128_ps(u0, u4, 0x31);
  out[5] = _mm256_permute2f128_ps(u1, u5, 0x31);
  out[6] = _mm256_permute2f128_ps(u2, u6, 0x31);
  out[7] = _mm256_permute2f128_ps(u3, u7, 0x31);
}

/// Eight rows of D at a time, their sums in registers.
template <bool bfloat>
VIT_AVX inline void halfMma(uint32_t *even, uint32_t *odd, const uint32_t *a0, const uint32_t *a2,
                            const __m256 *b, const uint32_t *evenC, const uint32_t *oddC) {
  alignas(32) float left[8][16];
  __m256 sum[8];
  for (unsigned r = 0; r < 8; ++r) {
    _mm256_store_ps(left[r], row<bfloat>(a0, r));
    _mm256_store_ps(left[r] + 8, row<bfloat>(a2, r));
    sum[r] = _mm256_castsi256_ps(_mm256_inserti128_si256(
        _mm256_castsi128_si256(loadHalf(evenC + 4 * r)), loadHalf(oddC + 4 * r), 1));
  }
  for (unsigned k = 0; k < 16; ++k)
    for (unsigned r = 0; r < 8; ++r)
      sum[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(&left[r][k]), b[k], sum[r]);
  for (unsigned r = 0; r < 8; ++r) {
    _mm_storeu_ps(reinterpret_cast<float *>(even + 4 * r), _mm256_castps256_ps128(sum[r]));
    _mm_storeu_ps(reinterpret_cast<float *>(odd + 4 * r), _mm256_extractf128_ps(sum[r], 1));
  }
}

/// The same on 8x4 blocks of tf32, whose last 13 bits do not count. A0 and A1 are rows beside each
/// other, A2 and A3 the next four columns of them; B is four rows of eight columns, transposed.
VIT_AVX void mmaTf32x8(uint32_t *const *d, const uint32_t *const *a, const uint32_t *const *b,
                       const uint32_t *const *c) {
  const __m256i kept = _mm256_set1_epi32(~0x1fff);
  constexpr unsigned order[] = {0, 2, 4, 6, 1, 3, 5, 7};
  alignas(32) uint32_t right[8][8], left[4][32];
  for (unsigned k = 0; k < 8; ++k)
    for (unsigned column = 0; column < 8; ++column)
      right[k][column] = b[k / 4][4 * order[column] + k % 4] & ~0x1fffu;
  for (unsigned block = 0; block < 4; ++block)
    for (unsigned i = 0; i < 32; i += 8)
      _mm256_store_si256(reinterpret_cast<__m256i *>(left[block] + i),
                         _mm256_and_si256(load(a[block] + i), kept));
  __m256 sums[2][8];
  for (unsigned half = 0; half < 2; ++half)
    for (unsigned r = 0; r < 8; ++r)
      sums[half][r] = _mm256_castsi256_ps(
          _mm256_inserti128_si256(_mm256_castsi128_si256(loadHalf(c[2 * half] + 4 * r)),
                                  loadHalf(c[2 * half + 1] + 4 * r), 1));
  for (unsigned half = 0; half < 2; ++half) {
    __m256 *sum = sums[half];
    for (unsigned k = 0; k < 8; ++k) {
      __m256 row = _mm256_load_ps(reinterpret_cast<const float *>(right[k]));
      const uint32_t *column = left[half + 2 * (k / 4)] + k % 4;
      for (unsigned r = 0; r < 8; ++r)
        sum[r] = _mm256_fmadd_ps(
            _mm256_broadcast_ss(reinterpret_cast<const float *>(column + 4 * r)), row, sum[r]);
    }
    for (unsigned r = 0; r < 8; ++r) {
      _mm_storeu_ps(reinterpret_cast<float *>(d[2 * half] + 4 * r), _mm256_castps256_ps128(sum[r]));
      _mm_storeu_ps(reinterpret_cast<float *>(d[2 * half + 1] + 4 * r),
                    _mm256_extractf128_ps(sum[r], 1));
    }
  }
}

template <bool bfloat>
VIT_AVX void mma16(uint32_t *const *d, const uint32_t *const *a, const uint32_t *const *b,
                   const uint32_t *const *c) {
  __m256 right[16];
  transpose<bfloat>(b[0], right);
  transpose<bfloat>(b[1], right + 8);
  halfMma<bfloat>(d[0], d[1], a[0], a[2], right, c[0], c[1]);
  halfMma<bfloat>(d[2], d[3], a[1], a[3], right, c[2], c[3]);
}

FastPaths choose() {
  FastPaths paths;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c")) {
    paths.fma = fma32;
    paths.halfToFloat = halfToFloat32;
    paths.packHalves = packHalves32;
    paths.mmaHalf16 = mma16<false>;
    paths.mmaBfloat16 = mma16<true>;
    paths.mmaTf32x8 = mmaTf32x8;
  }
  return paths;
}

} // namespace
#else
static FastPaths choose() { return {}; }
#endif

const FastPaths &fastPaths() {
  static const FastPaths paths = choose();
  return paths;
}

} // namespace vitc::emu
