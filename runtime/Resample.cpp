//===- Resample.cpp - Pictures of another size -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Almost all time goes into the sums of the first pass. An output is a sum over
// neighbours of three interleaved channels; eight of them are 24 values, which
// become 24 sums without any shuffle, and those are added up by channel at the
// end. Loops have constant trip counts, which compilers turn into vectors; they
// are compiled once for every x86-64 and once for AVX2.
//===----------------------------------------------------------------------===//
#include "runtime/Resample.h"

#include "runtime/FilterWeights.h"

#include <algorithm>
#include <cmath>

namespace vitrt {
namespace {

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// PyTorch looks at the weights of all outputs, whatever is cropped later.
int pytorchShift(FilterWeights &weights, int64_t out) {
  double largest = 0;
  for (int64_t i = 0; i != out; ++i) {
    Range inputs = weights.compute(i);
    for (int64_t k = 0; k != inputs.size(); ++k)
      largest = std::max(largest, weights[k]);
  }
  int shift = 0;
  while (shift < 22 && int(std::floor(0.5 + largest * (1 << (shift + 1)))) < (1 << 15))
    ++shift;
  return shift;
}

int32_t fixed(double weight, int shift) {
  double scaled = weight * (1 << shift);
  return int32_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

uint8_t finish(int32_t sum, int shift) {
  return uint8_t(std::clamp(sum >> shift, 0, 255)); // the half was there from the start
}
float finish(float sum, int) { return sum; }

int32_t startOf(int32_t, int shift) { return shift == 0 ? 0 : 1 << (shift - 1); }
float startOf(float, int) { return 0; }

/// One row; `taps` is a multiple of 8, and all of them lie in the row.
template <int channels, class Value, class Weight>
[[gnu::always_inline]] inline void sumRow(const Value *row, const int64_t *begins, int64_t outputs,
                                          const Weight *weights, int64_t taps, int shift,
                                          Value *out) {
  constexpr int lanes = 8 * channels;
  for (int64_t x = 0; x != outputs; ++x) {
    Weight sums[lanes] = {};
    const Value *in = row + begins[x] * channels;
    for (int64_t tap = 0; tap != taps; tap += 8, in += lanes, weights += lanes)
      for (int i = 0; i != lanes; ++i)
        sums[i] += weights[i] * Weight(in[i]);
    for (int c = 0; c != channels; ++c) {
      Weight sum = startOf(Weight(), shift);
      for (int i = c; i < lanes; i += channels)
        sum += sums[i];
      out[x * channels + c] = finish(sum, shift);
    }
  }
}

template <class Value, class Sum>
[[gnu::always_inline]] inline void addRow(Sum *sums, Sum weight, const Value *values,
                                          int64_t count) {
  for (int64_t i = 0; i != count; ++i)
    sums[i] += weight * Sum(values[i]);
}

// The same twice: `plain` for every machine, `wide` for those with AVX2.
template <int channels, class Value, class Weight, class... Args> void sumRowPlain(Args... args) {
  sumRow<channels, Value, Weight>(args...);
}
template <class Value, class Sum> void addRowPlain(Sum *s, Sum w, const Value *v, int64_t n) {
  addRow(s, w, v, n);
}
#ifdef __x86_64__
template <int channels, class Value, class Weight, class... Args>
[[gnu::target("avx2")]] void sumRowWide(Args... args) {
  sumRow<channels, Value, Weight>(args...);
}
template <class Value, class Sum>
[[gnu::target("avx2")]] void addRowWide(Sum *s, Sum w, const Value *v, int64_t n) {
  addRow(s, w, v, n);
}
bool isWide() { return __builtin_cpu_supports("avx2"); }
#else
template <int channels, class Value, class Weight, class... Args> void sumRowWide(Args... args) {
  sumRow<channels, Value, Weight>(args...);
}
template <class Value, class Sum> void addRowWide(Sum *s, Sum w, const Value *v, int64_t n) {
  addRow(s, w, v, n);
}
bool isWide() { return false; }
#endif

} // namespace

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

ResampleTable::ResampleTable(uint32_t filter, WeightRule rule, int64_t in, int64_t out,
                             Range window) {
  FilterWeights computed(filter, in, out);
  shift = rule == WeightRule::Pillow    ? 22
          : rule == WeightRule::PyTorch ? pytorchShift(computed, out)
                                        : 0;
  for (int64_t output = window.begin; output != window.end; ++output) {
    Range inputs = computed.compute(output);
    begins.push_back(inputs.begin);
    counts.push_back(inputs.size());
    taps = std::max(taps, inputs.size());
  }
  size_t size = size_t(window.size() * taps);
  rule == WeightRule::Float ? reals.resize(size) : weights.resize(size);
  for (int64_t i = 0; i != window.size(); ++i) {
    computed.compute(window.begin + i);
    for (int64_t k = 0; k != counts[size_t(i)]; ++k)
      if (rule == WeightRule::Float)
        reals[size_t(i * taps + k)] = float(computed[k]);
      else
        weights[size_t(i * taps + k)] = fixed(computed[k], shift);
  }
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

RowPass::RowPass(const ResampleTable &table, int64_t in, int channels)
    : in(in), taps((table.taps + 7) / 8 * 8), channels(channels), shift(table.shift) {
  size_t outputs = table.begins.size();
  bool real = !table.reals.empty();
  real ? reals.resize(outputs * size_t(taps * channels))
       : weights.resize(outputs * size_t(taps * channels));
  for (size_t x = 0; x != outputs; ++x) {
    // Zeros come in front where they would be read beyond the end of the row.
    int64_t begin = std::max<int64_t>(0, std::min(table.begins[x], in - taps));
    begins.push_back(begin);
    size_t to = x * size_t(taps * channels) + size_t((table.begins[x] - begin) * channels);
    for (int64_t k = 0; k != table.counts[x]; ++k)
      for (int c = 0; c != channels; ++c, ++to)
        if (size_t from = x * size_t(table.taps) + size_t(k); real)
          reals[to] = table.reals[from];
        else
          weights[to] = table.weights[from];
  }
}

template <class Value, class Weight>
void RowPass::dispatch(const Value *row, const std::vector<Weight> &weights, Value *out,
                       std::vector<Value> &scratch) const {
  if (in < taps) { // a row too short for one group of taps
    scratch.assign(size_t(taps * channels), Value());
    std::copy(row, row + in * channels, scratch.begin());
    row = scratch.data();
  }
  using Args =
      void (*)(const Value *, const int64_t *, int64_t, const Weight *, int64_t, int, Value *);
  static const Args three =
      isWide() ? Args(sumRowWide<3, Value, Weight>) : Args(sumRowPlain<3, Value, Weight>);
  static const Args one =
      isWide() ? Args(sumRowWide<1, Value, Weight>) : Args(sumRowPlain<1, Value, Weight>);
  (channels == 3 ? three : one)(row, begins.data(), int64_t(begins.size()), weights.data(), taps,
                                shift, out);
}

void RowPass::run(const uint8_t *row, uint8_t *out, std::vector<uint8_t> &scratch) const {
  dispatch(row, weights, out, scratch);
}
void RowPass::run(const float *row, float *out, std::vector<float> &scratch) const {
  dispatch(row, reals, out, scratch);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

ColumnPass::ColumnPass(const ResampleTable &table, int64_t rowValues)
    : table(table), rowValues(rowValues) {
  size_t count = table.begins.size() * size_t(rowValues);
  if (table.reals.empty())
    sums.assign(count, startOf(int32_t(), table.shift));
  else
    realSums.assign(count, 0);
}

template <class Value, class Sum>
void ColumnPass::addTo(std::vector<Sum> &all, const std::vector<Sum> &weights, int64_t row,
                       const Value *values) {
  using Function = void (*)(Sum *, Sum, const Value *, int64_t);
  static const Function function =
      isWide() ? Function(addRowWide<Value, Sum>) : Function(addRowPlain<Value, Sum>);
  // Inputs of later outputs begin and end later.
  size_t outputs = table.begins.size(), first = 0;
  for (size_t size = outputs; size != 0;) {
    size_t half = size / 2, middle = first + half;
    bool before = table.begins[middle] + table.counts[middle] <= row;
    first = before ? middle + 1 : first;
    size = before ? size - half - 1 : half;
  }
  for (size_t y = first; y != outputs && table.begins[y] <= row; ++y)
    function(&all[y * size_t(rowValues)],
             weights[y * size_t(table.taps) + size_t(row - table.begins[y])], values, rowValues);
}

void ColumnPass::add(int64_t row, const uint8_t *values) {
  addTo(sums, table.weights, row, values);
}
void ColumnPass::add(int64_t row, const float *values) {
  addTo(realSums, table.reals, row, values);
}

void ColumnPass::take(int64_t index, uint8_t *out) const {
  const int32_t *row = &sums[size_t(index * rowValues)];
  for (int64_t i = 0; i != rowValues; ++i)
    out[i] = finish(row[i], table.shift);
}
void ColumnPass::take(int64_t index, float *out) const {
  std::copy_n(&realSums[size_t(index * rowValues)], rowValues, out);
}

} // namespace vitrt
