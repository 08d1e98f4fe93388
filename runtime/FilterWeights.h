//===- FilterWeights.h - What a resized value is a sum of -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Antialiased filters as Pillow and PyTorch have them, which are one: for
// pictures, and for tables of positions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_FILTERWEIGHTS_H
#define VITC_RUNTIME_FILTERWEIGHTS_H

#include "vit/library.h"

#include <cstdint>
#include <vector>

namespace vitrt {

/// A part of a row or column: [begin, end).
struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

/// The weights of single outputs of a resize from `in` values to `out`, in f64. They add up to one.
class FilterWeights {
public:
  FilterWeights(uint32_t filter, int64_t in, int64_t out); ///< vit_picture_filter

  /// The most inputs that an output has.
  int64_t taps() const;
  /// Computes those of an output; returns its inputs.
  Range compute(int64_t output);
  /// Of the i-th input of the output that was computed last.
  double operator[](int64_t i) const { return values[size_t(i)]; }

private:
  uint32_t filter;
  int64_t in;
  double scale, grown, support;
  std::vector<double> values;
};

} // namespace vitrt
#endif // VITC_RUNTIME_FILTERWEIGHTS_H
