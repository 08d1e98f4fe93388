//===- ReferenceMath.cpp - Threads and a matrix product in f64 ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The product keeps 4 rows x 8 columns of sums in registers and walks k in slices whose panel stays
// in the L1 cache. It is compiled twice, for any x86-64 and for AVX2, and the machine chooses, so
// that the tools need no build flags.
//
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceMath.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

using namespace vitc::reference;

void vitc::reference::parallelFor(unsigned threads, int64_t count, int64_t grain,
                                  llvm::function_ref<void(int64_t, int64_t)> body) {
  grain = std::max<int64_t>(grain, 1);
  int64_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1 || threads <= 1) {
    if (count > 0)
      body(0, count);
    return;
  }
  std::atomic<int64_t> next = 0;
  auto work = [&] {
    for (int64_t piece; (piece = next.fetch_add(1)) < pieces;)
      body(piece * grain, std::min(count, (piece + 1) * grain));
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < std::min<int64_t>(threads, pieces); ++i)
    others.emplace_back(work);
  work();
  for (std::thread &thread : others)
    thread.join();
}

namespace {
constexpr int64_t panelWidth = 8;
constexpr int64_t tileRows = 4;
constexpr int64_t sliceK = 256;     // 16 KB of a panel
constexpr int64_t blockRows = 64;   // rows of one task; 128 KB of a slice
constexpr int64_t blockPanels = 64; // panels of one task

using Vector = double __attribute__((vector_size(32)));

/// From any address; clang loses the alignment of a vector type that is declared with less.
inline __attribute__((always_inline)) void load(const double *from, Vector &to) {
  std::memcpy(&to, from, sizeof to);
}

/// Adds the products over a slice of k to a tile of `rows` <= 4 rows and `columns` <= 8 columns.
template <int rows>
inline __attribute__((always_inline)) void addTile(const double *a, int64_t aStride,
                                                   const double *panel, int64_t k, double *c,
                                                   int64_t cStride, int64_t columns) {
  Vector sum[rows][2] = {};
  for (int64_t i = 0; i < k; ++i) {
    Vector b[2];
    load(panel + i * panelWidth, b[0]);
    load(panel + i * panelWidth + 4, b[1]);
    for (int row = 0; row < rows; ++row) {
      double value = a[row * aStride + i];
      sum[row][0] += value * b[0];
      sum[row][1] += value * b[1];
    }
  }
  for (int row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      c[row * cStride + column] += sum[row][column / 4][column % 4];
}

/// A task: all slices of k for `rows` rows and the panels [firstPanel, lastPanel).
struct Task {
  const double *a;
  int64_t rows, aStride;
  const PackedMatrix &b;
  int64_t firstPanel, lastPanel;
  double *c;
  int64_t cStride;
};

inline __attribute__((always_inline)) void runTask(const Task &task) {
  for (int64_t k = 0; k < task.b.k; k += sliceK) {
    int64_t slice = std::min(sliceK, task.b.k - k);
    for (int64_t p = task.firstPanel; p < task.lastPanel; ++p) {
      const double *panel = task.b.panels.data() + (p * task.b.k + k) * panelWidth;
      int64_t columns = std::min(panelWidth, task.b.n - p * panelWidth);
      int64_t row = 0;
      for (; row + tileRows <= task.rows; row += tileRows)
        addTile<tileRows>(task.a + row * task.aStride + k, task.aStride, panel, slice,
                          task.c + row * task.cStride + p * panelWidth, task.cStride, columns);
      for (; row < task.rows; ++row)
        addTile<1>(task.a + row * task.aStride + k, task.aStride, panel, slice,
                   task.c + row * task.cStride + p * panelWidth, task.cStride, columns);
    }
  }
}

void runTaskAnywhere(const Task &task) { runTask(task); }
#ifdef __x86_64__
__attribute__((target("avx2,fma"))) void runTaskAvx2(const Task &task) { runTask(task); }
bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
void runTaskAvx2(const Task &task) { runTask(task); }
bool hasAvx2() { return false; }
#endif
} // namespace

PackedMatrix::PackedMatrix(unsigned threads, const double *data, int64_t kStride, int64_t nStride,
                           int64_t k, int64_t n)
    : k(k), n(n), panels((n + panelWidth - 1) / panelWidth * panelWidth * k) {
  parallelFor(threads, (n + panelWidth - 1) / panelWidth, 16, [&](int64_t begin, int64_t end) {
    for (int64_t column = begin * panelWidth; column < std::min(n, end * panelWidth); ++column) {
      double *to = panels.data() + column / panelWidth * k * panelWidth + column % panelWidth;
      const double *from = data + column * nStride;
      for (int64_t i = 0; i < k; ++i)
        to[i * panelWidth] = from[i * kStride];
    }
  });
}

void vitc::reference::multiply(unsigned threads, int64_t rows, const double *a, int64_t aStride,
                               const PackedMatrix &b, double *c, int64_t cStride) {
  static const bool avx2 = hasAvx2();
  int64_t panels = (b.n + panelWidth - 1) / panelWidth;
  int64_t across = (panels + blockPanels - 1) / blockPanels;
  int64_t down = (rows + blockRows - 1) / blockRows;
  parallelFor(threads, across * down, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t row = i / across * blockRows, panel = i % across * blockPanels;
      int64_t count = std::min(blockRows, rows - row);
      Task task = {
          a + row * aStride, count,  aStride, b, panel, std::min(panels, panel + blockPanels),
          c + row * cStride, cStride};
      for (int64_t r = 0; r < count; ++r)
        std::fill_n(task.c + r * cStride + panel * panelWidth,
                    std::min(b.n, task.lastPanel * panelWidth) - panel * panelWidth, 0.0);
      avx2 ? runTaskAvx2(task) : runTaskAnywhere(task);
    }
  });
}
