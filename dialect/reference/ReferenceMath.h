//===- ReferenceMath.h - Threads and a matrix product in f64 ----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The two things that make the reference fast enough for whole models. The order of a sum over k
// depends on k alone: not on threads, and not on the other rows.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECT_REFERENCEMATH_H
#define DIALECT_REFERENCEMATH_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <vector>

namespace vitc::reference {

/// Calls body(begin, end) for pieces of [0, count) of `grain` each, in any order, on at most
/// `threads` threads, of which the caller is one.
void parallelFor(unsigned threads, int64_t count, int64_t grain,
                 llvm::function_ref<void(int64_t begin, int64_t end)> body);

/// B of a product, K x N, packed in panels of 8 columns. Element (k, n) comes from
/// data[k * kStride + n * nStride].
class PackedMatrix {
public:
  PackedMatrix(unsigned threads, const double *data, int64_t kStride, int64_t nStride, int64_t k,
               int64_t n);

  int64_t k, n;
  std::vector<double> panels; ///< [ceil(n / 8)][k][8], zeros in the columns after n
};

/// c[m][n] = sum over k of a[m][k] * b[k][n], for `rows` rows that are `aStride` and `cStride`
/// apart.
void multiply(unsigned threads, int64_t rows, const double *a, int64_t aStride,
              const PackedMatrix &b, double *c, int64_t cStride);

/// 1 / sqrt(variance + eps); NaN where squares have left f64: of infinity it would be 0, and a row
/// finite and wrong.
double reciprocalDeviation(double variance, double eps);

} // namespace vitc::reference

#endif // DIALECT_REFERENCEMATH_H
