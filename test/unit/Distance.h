//===- Distance.h - How far values are from others --------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_DISTANCE_H
#define VITC_TEST_UNIT_DISTANCE_H

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

/// The norm of the difference over that of `b`; the test fails if one has more values.
template <class Value>
double relativeDistance(const std::vector<Value> &a, const std::vector<double> &b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

#endif // VITC_TEST_UNIT_DISTANCE_H
