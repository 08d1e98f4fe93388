//===- Half.h - 16-bit floats as numbers ----------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Conversions by integer arithmetic, so that they give the same bits on every host; the hot paths
// have vector forms in FastPaths.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_HALF_H
#define VITC_EMULATOR_HALF_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace vitc::emu {

inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13 | (fraction ? 1u << 22 : 0));
  if (exponent == 0) {
    float value = float(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Nearest, ties to even; NaN becomes 0x7fff as on the device.
inline uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u)
    return 0x7fff;
  if (bits >= 0x477ff000u) // rounds to 65520 or more
    return sign | 0x7c00;
  if (bits < 0x38800000u) { // subnormal: let a float addition round
    float shifted = std::bit_cast<float>(bits) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  bits += 0xfffu + (bits >> 13 & 1);
  return uint16_t(sign | ((bits - 0x38000000u) >> 13));
}

inline float bfloatToFloat(uint16_t value) { return std::bit_cast<float>(uint32_t(value) << 16); }

inline uint16_t floatToBfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return 0x7fff;
  return uint16_t((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/// To float with the last bit set if anything was lost: rounding again to 16 bits is then exact.
inline float toOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || std::isnan(value))
    return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(double(nearest)) > std::fabs(value))
    --bits; // towards zero
  return std::bit_cast<float>(bits | 1);
}
inline uint16_t doubleToHalf(double value) { return floatToHalf(toOdd(value)); }
inline uint16_t doubleToBfloat(double value) { return floatToBfloat(toOdd(value)); }

/// a * b + c of 16-bit floats as a double whose last bit says whether anything was lost.
inline double fmaToOdd(float a, float b, float c) {
  double product = double(a) * double(b); // exact: at most 2 * 24 bits
  double sum = product + double(c);
  double back = sum - product;
  double lost = (product - (sum - back)) + (double(c) - back);
  if (lost == 0 || !std::isfinite(sum))
    return sum;
  uint64_t bits = std::bit_cast<uint64_t>(sum);
  if ((lost < 0) != (sum < 0))
    --bits;
  return std::bit_cast<double>(bits | 1);
}

} // namespace vitc::emu

#endif // VITC_EMULATOR_HALF_H
