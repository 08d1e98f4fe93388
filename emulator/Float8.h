//===- Float8.h - 8-bit floats as numbers -------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// e4m3 has no infinity and one NaN of each sign; e5m2 is the upper half of an f16. Conversions to
// them saturate: the largest number stands for what is larger, infinity too.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_FLOAT8_H
#define VITC_EMULATOR_FLOAT8_H

#include "Half.h"

#include <algorithm>

namespace vitc::emu {

inline float e4m3ToFloat(uint8_t v) {
  int exponent = v >> 3 & 15, fraction = v & 7;
  float value = (v & 127) == 127 ? std::nanf("")
                : exponent       ? std::ldexp(float(8 + fraction), exponent - 10)
                                 : std::ldexp(float(fraction), -9);
  return v & 128 ? -value : value;
}
inline float e5m2ToFloat(uint8_t v) { return halfToFloat(uint16_t(v << 8)); }

/// Nearest, ties to even.
inline uint8_t floatToFloat8(float v, int fractionBits, int smallestExponent, float largest) {
  uint8_t sign = std::signbit(v) ? 128 : 0;
  if (std::isnan(v))
    return 127;
  double size = std::fmin(std::fabs(double(v)), double(largest));
  int exponent = smallestExponent;
  if (size != 0)
    exponent = std::max(exponent, std::ilogb(size));
  // Units of the last place; a carry out of the fraction runs into the exponent as it should.
  int units = int(std::nearbyint(std::ldexp(size, fractionBits - exponent)));
  return uint8_t(sign | (units + ((exponent - smallestExponent) << fractionBits)));
}
inline uint8_t floatToE4m3(float v) { return floatToFloat8(v, 3, -6, 448); }
inline uint8_t floatToE5m2(float v) { return floatToFloat8(v, 2, -14, 57344); }

} // namespace vitc::emu

#endif // VITC_EMULATOR_FLOAT8_H
