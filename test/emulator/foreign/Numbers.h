//===- Numbers.h - Small floats for references --------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Written apart from the emulator's conversions, which they check.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_TEST_EMULATOR_NUMBERS_H
#define VITC_TEST_EMULATOR_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <limits>

namespace foreign {

/// Sign, exponent and fraction of a float of up to 16 bits.
struct Format {
  int exponentBits, fractionBits;
  bool infinities = true;
};
constexpr Format half{5, 10}, bfloat{8, 7}, e5m2{5, 2}, e4m3{4, 3, false};

inline double decode(const Format &f, unsigned bits) {
  int bias = (1 << (f.exponentBits - 1)) - 1;
  int exponent = int(bits >> f.fractionBits & ((1u << f.exponentBits) - 1));
  unsigned fraction = bits & ((1u << f.fractionBits) - 1);
  bool top = exponent == (1 << f.exponentBits) - 1;
  double value;
  if (top && f.infinities)
    value = fraction ? NAN : INFINITY;
  else if (top && fraction == (1u << f.fractionBits) - 1)
    value = NAN;
  else
    value = std::ldexp((exponent ? 1u << f.fractionBits : 0) + fraction,
                       (exponent ? exponent : 1) - bias - f.fractionBits);
  return bits >> (f.exponentBits + f.fractionBits) & 1 ? -value : value;
}

/// Nearest, ties to even; what is too large becomes an infinity, or if `saturates` the largest.
inline unsigned encode(const Format &f, double value, bool saturates = false) {
  unsigned sign = std::signbit(value) ? 1u << (f.exponentBits + f.fractionBits) : 0;
  unsigned magnitudes = 1u << (f.exponentBits + f.fractionBits);
  if (std::isnan(value))
    return magnitudes - 1;
  // Magnitudes are in the order of their bits: search for the last that is not above.
  unsigned low = 0, high = magnitudes;
  auto at = [&](unsigned bits) {
    double v = decode(f, bits);
    if (f.infinities && bits == ((1u << f.exponentBits) - 1) << f.fractionBits)
      v = std::ldexp(1.0, 1 << (f.exponentBits - 1)); // where infinity stands in the row
    return std::isnan(v) ? std::numeric_limits<double>::max() : v;
  };
  double size = std::fabs(value);
  while (high - low > 1)
    (at((low + high) / 2) <= size ? low : high) = (low + high) / 2;
  if (saturates) {
    unsigned largest =
        f.infinities ? (((1u << f.exponentBits) - 1) << f.fractionBits) - 1 : magnitudes - 2;
    if (low >= largest)
      return sign | largest;
  }
  double below = size - at(low), above = at(low + 1) - size;
  if (!std::isinf(size) && (above < below || (above == below && low & 1)))
    ++low;
  unsigned infinity = ((1u << f.exponentBits) - 1) << f.fractionBits;
  return sign | (f.infinities && low > infinity ? infinity : low);
}

inline float rounded(const Format &f, double value) { return float(decode(f, encode(f, value))); }

} // namespace foreign

#endif // VITC_TEST_EMULATOR_NUMBERS_H
