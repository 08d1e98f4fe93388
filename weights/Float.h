//===- Float.h - f16, bf16 and tf32, exactly -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Narrowing rounds once, straight from f64: going through f32 would round twice and
// differ in ties. These go to even; of tf32 away from zero, as cvt.rna has it, which
// is how kernels round: the device has no other way. Widening is exact. Inline, because a
// checkpoint has hundreds of millions of these.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_FLOAT_H
#define VITC_RUNTIME_WEIGHTS_FLOAT_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace vitrt {

inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, mantissa = half & 1023;
  if (exponent == 31) // infinity, NaN
    return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float subnormal = float(mantissa) * 0x1p-24f;
  return sign ? -subnormal : subnormal;
}

inline float bfloatToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

/// Rounds to a float with `mantissaBits` stored bits and `exponentBits`, at most 16 bits in all.
template <int exponentBits, int mantissaBits> uint16_t roundToFloat16(double value) {
  constexpr int bias = (1 << (exponentBits - 1)) - 1;
  constexpr uint16_t infinity = ((1 << exponentBits) - 1) << mantissaBits;
  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint16_t sign = uint16_t(bits >> 63 << 15);
  int exponent = int(bits >> 52 & 2047) - 1023;
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  if (exponent == 1024)
    return sign | infinity | (mantissa ? 1 << (mantissaBits - 1) : 0);
  if (exponent > bias)
    return sign | infinity;
  if (exponent < -bias - mantissaBits) // less than half of the smallest; f64 subnormals too
    return sign;
  // The result in units of its last place: a subnormal has a fixed unit and no hidden bit.
  bool subnormal = exponent < 1 - bias;
  int drop = 52 - mantissaBits + (subnormal ? 1 - bias - exponent : 0);
  uint64_t full = mantissa | uint64_t(1) << 52;
  uint64_t kept = full >> drop, rest = full & ((uint64_t(1) << drop) - 1);
  uint64_t half = uint64_t(1) << (drop - 1);
  kept += rest > half || (rest == half && (kept & 1));
  // The hidden bit adds one to the exponent; so does a carry out of the mantissa, up to infinity.
  uint64_t base = subnormal ? 0 : uint64_t(exponent + bias - 1) << mantissaBits;
  return sign | uint16_t(base + kept);
}

/// Of an f32, whose bf16 is its upper half: without branches, so that loops become vectors.
inline uint16_t floatToBfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, nan = (bits >> 16 & 0x8000) | 0x7FC0;
  return uint16_t((bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded);
}

inline uint16_t doubleToHalf(double value) { return roundToFloat16<5, 10>(value); }
inline uint16_t doubleToBfloat(double value) { return roundToFloat16<8, 7>(value); }

/// The f32 that a tf32 is: 10 bits of mantissa.
inline float doubleToTf32(double value) {
  if (!(std::fabs(value) >= 0x1p-126)) // a subnormal has a fixed unit; NaN
    return float(std::round(value * 0x1p136) * 0x1p-136);
  constexpr uint64_t dropped = (uint64_t(1) << (52 - 10)) - 1;
  uint64_t bits = std::bit_cast<uint64_t>(value) + dropped / 2 + 1; // a carry goes to the exponent
  return float(std::bit_cast<double>(bits & ~dropped));             // beyond f32: infinite
}

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_FLOAT_H
