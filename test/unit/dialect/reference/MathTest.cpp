//===- MathTest.cpp - The fast product against the slow one ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "ReferenceTesting.h"
#include "dialect/reference/ReferenceMath.h"

#include <atomic>

using namespace vitc::reference;

TEST_CASE("parallelFor visits every index once") {
  for (int64_t count : {0, 1, 7, 64, 1000})
    for (int64_t grain : {1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> visits(count);
      parallelFor(3, count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          ++visits[i];
      });
      CHECK(std::all_of(visits.begin(), visits.end(), [](auto &n) { return n == 1; }));
    }
}

/// Product of rows x k and k x n matrices whose rows are 3 elements further apart than needed.
static void checkProduct(int64_t rows, int64_t k, int64_t n, bool transposed, unsigned threads) {
  INFO(rows << " x " << k << " times " << k << " x " << n << (transposed ? ", transposed" : ""));
  int64_t aStride = k + 3, cStride = n + 3;
  std::vector<double> a = scrambled({rows, aStride}, rows + 1000).values;
  std::vector<double> b = scrambled({k, n}, n).values;
  int64_t kStride = transposed ? 1 : n, nStride = transposed ? k : 1;
  std::vector<double> c(rows * cStride, 7);
  multiply(threads, rows, a.data(), aStride,
           PackedMatrix(threads, b.data(), kStride, nStride, k, n), c.data(), cStride);
  double worst = 0;
  bool rest = true;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += a[row * aStride + i] * b[i * kStride + column * nStride];
      worst = std::max(worst, std::abs(sum - c[row * cStride + column]));
    }
    for (int64_t column = n; column < cStride; ++column)
      rest &= c[row * cStride + column] == 7;
  }
  CHECK(worst < 1e-11);
  CHECK(rest); // nothing beyond the columns was written
}

TEST_CASE("products of every remainder") {
  for (int64_t rows : {1, 3, 4, 5, 64, 67})
    for (int64_t k : {1, 2, 255, 256, 257, 600})
      for (int64_t n : {1, 7, 8, 9, 70}) {
        checkProduct(rows, k, n, true, 1);
        checkProduct(rows, k, n, false, 2);
      }
  checkProduct(130, 33, 1100, true, 3); // several tasks in both directions
}

TEST_CASE("a row's bits depend neither on the other rows nor on threads") {
  std::vector<double> a = scrambled({70, 300}, 1).values, b = scrambled({40, 300}, 2).values;
  PackedMatrix packed(1, b.data(), 1, 300, 300, 40);
  std::vector<double> all(70 * 40), one(40);
  multiply(4, 70, a.data(), 300, packed, all.data(), 40);
  for (int64_t row = 0; row < 70; ++row) {
    multiply(1, 1, a.data() + row * 300, 300, packed, one.data(), 40);
    CHECK(std::equal(one.begin(), one.end(), all.begin() + row * 40));
  }
}
