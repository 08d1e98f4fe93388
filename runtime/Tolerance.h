//===- Tolerance.h - How far an output may be off --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One rule for `vitc check`, vit-run and vit_model_check, which docs/use.md has.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_TOLERANCE_H
#define VITC_RUNTIME_TOLERANCE_H

#include "vit/runtime.h"

#include <cstdint>
#include <string>

namespace vitrt {

/// Of a model that computes in the type; F64 is the reference.
double toleranceOf(vit_dtype dtype);
/// Half the distance of neighbours, as a part of them. Products of f32 are as good as 0x1p-22.
double roundingUnit(vit_dtype dtype);

/// The error of one output: the norm of the difference over the norm of what is wanted.
class OutputError {
public:
  void add(double value, double wanted) {
    difference += (value - wanted) * (value - wanted);
    norm += wanted * wanted;
  }
  double value() const; ///< infinite for an output of zeros, NaN if there is one

private:
  double difference = 0, norm = 0; // sums of squares
};

/// "NAME error E tolerance T ok|FAIL", a line.
std::string errorLine(const std::string &name, double error, double tolerance, bool ok);

/// Outputs of at most so many values are judged by what rounding can do to them, for the error of
/// more is an average of what happens to each: so many runs with weights and input each off by a
/// random part of the unit; the tolerance is so many times the root mean square of what comes out,
/// which hardly a correct run exceeds, if that is more.
inline constexpr int64_t fewValues = 256;
inline constexpr int roundingRuns = 12;
inline constexpr double roundingDeviations = 3;

/// Numbers in [-1, 1), the same everywhere.
class Noise {
public:
  explicit Noise(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15 + 1) {}
  double next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return double(int64_t(z ^ z >> 31) >> 11) * 0x1p-52;
  }

private:
  uint64_t state;
};

} // namespace vitrt
#endif // VITC_RUNTIME_TOLERANCE_H
