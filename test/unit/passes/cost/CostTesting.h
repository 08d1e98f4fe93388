//===- CostTesting.h - The launches of a ViT as works -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef COSTTESTING_H
#define COSTTESTING_H

#include "passes/cost/Cost.h"

namespace costtest {

using namespace vitc::cost;

inline const Gpu &rtx4090() { return *findGpu("rtx4090"); }

inline Preferences preferencesFor(const Gpu &gpu) {
  Preferences preferences;
  preferences.gpu = &gpu;
  return preferences;
}

/// rows x k times k x n with f16 in and out; `residuals` are activations added in the epilogue.
inline Work linear(int64_t rows, int64_t n, int64_t k, int residuals = 0, int gelus = 0,
                   int products = 1) {
  Work work;
  work.family = Family::Gemm;
  work.rows = rows, work.columns = n, work.depth = k, work.products = products;
  work.rootRead = rows * k * 2, work.written = rows * n * 2;
  work.otherRead = residuals * rows * n * 2, work.activations = residuals;
  work.weightRead = products * n * k * 2;
  work.after = {residuals, gelus};
  return work;
}

/// Of a packed q|k|v value.
inline Work attention(int64_t tokens, int64_t heads, int64_t headDim) {
  Work work;
  work.family = Family::Attention;
  work.rows = work.queries = work.keys = tokens;
  work.heads = heads, work.headDim = headDim, work.columns = heads * headDim;
  work.rootRead = 3 * tokens * work.columns * 2, work.written = tokens * work.columns * 2;
  return work;
}

inline Work norm(int64_t rows, int64_t width, int bytes = 2) {
  Work work;
  work.family = Family::Norm;
  work.rows = rows, work.columns = width, work.inputBytes = work.outputBytes = bytes;
  work.narrowest = bytes;
  work.rootRead = work.written = rows * width * bytes;
  work.weightRead = width * 8;
  return work;
}

inline Work elementwise(int64_t rows, int64_t width, int reads, Arithmetic ops) {
  Work work;
  work.rows = rows, work.columns = width;
  work.otherRead = reads * rows * width * 2, work.activations = reads;
  work.written = rows * width * 2;
  work.after = ops;
  return work;
}

/// A tile that must be one.
inline Schedule tile(const std::string &text, const Gpu &gpu = rtx4090()) {
  std::string error;
  auto parsed = parseTile(text, gpu, error);
  return {parsed ? *parsed : GemmSchedule()};
}

inline Schedule rows(int count) { return {NormSchedule{.rows = count}}; }
inline Schedule elements(int count) { return {ElementwiseSchedule{{count, 256}}}; }

inline int threadsOf(const Work &work, const Schedule &s) { return geometryOf(work, s).threads; }
inline int64_t smemOf(const Work &work, const Schedule &s) { return geometryOf(work, s).shared; }

inline double teraflops(const Work &work, double seconds, int64_t batch = 1) {
  return 2.0 * double(work.rows * batch) * double(work.columns) * double(work.depth) *
         work.products / seconds / 1e12;
}

} // namespace costtest

#endif // COSTTESTING_H
