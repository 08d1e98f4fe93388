//===- Resample.h - Pictures of another size -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Separable, antialiased resizing as Pillow and PyTorch do it: columns first,
// then rows. Of 8-bit pictures both passes end in 8 bits, with weights of fixed
// point, so that results are equal bit by bit. Only a window of the result is
// computed, and a row of the picture is needed only until it has been added.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_RESAMPLE_H
#define VITC_RUNTIME_RESAMPLE_H

#include "runtime/FilterWeights.h"

#include <cstdint>
#include <vector>

namespace vitrt {

/// How weights become integers.
enum class WeightRule : uint8_t {
  Pillow,  ///< 22 bits behind the point
  PyTorch, ///< as many as let the largest of all weights fit into 16 bits
  Float    ///< not at all: f32
};

/// What the outputs of a window are sums of, in one direction.
struct ResampleTable {
  ResampleTable() = default;
  /// Of a resize from `in` values to `out`.
  ResampleTable(uint32_t filter, WeightRule rule, int64_t in, int64_t out, Range window);

  /// The inputs that any output of the window needs.
  Range inputs() const {
    return begins.empty() ? Range() : Range{begins.front(), begins.back() + counts.back()};
  }

  int shift = 0;               ///< bits behind the point of integer weights
  int64_t taps = 0;            ///< the most inputs of an output
  std::vector<int64_t> begins; ///< the first input of each output
  std::vector<int64_t> counts;
  std::vector<int32_t> weights; ///< outputs x taps
  std::vector<float> reals;     ///< the same where the rule is Float
};

/// The first pass: values of an interleaved row become those of the window.
class RowPass {
public:
  RowPass() = default;
  RowPass(const ResampleTable &table, int64_t in, int channels);

  void run(const uint8_t *row, uint8_t *out, std::vector<uint8_t> &scratch) const;
  void run(const float *row, float *out, std::vector<float> &scratch) const;

private:
  template <class Value, class Weight>
  void dispatch(const Value *row, const std::vector<Weight> &weights, Value *out,
                std::vector<Value> &scratch) const;

  int64_t in = 0, taps = 0; // taps: padded
  int channels = 3, shift = 0;
  std::vector<int64_t> begins;
  std::vector<int32_t> weights; ///< of each output, of each tap, one for each channel
  std::vector<float> reals;
};

/// The second pass: rows are added to the sums of the outputs that they are part of, in any order
/// where weights are integers.
class ColumnPass {
public:
  ColumnPass() = default;
  ColumnPass(const ResampleTable &table, int64_t rowValues);

  void add(int64_t row, const uint8_t *values);
  void add(int64_t row, const float *values);
  /// Row `index` of the window, when all its inputs were added.
  void take(int64_t index, uint8_t *out) const;
  void take(int64_t index, float *out) const;

private:
  template <class Value, class Sum>
  void addTo(std::vector<Sum> &sums, const std::vector<Sum> &weights, int64_t row,
             const Value *values);

  ResampleTable table;
  int64_t rowValues = 0;
  std::vector<int32_t> sums;
  std::vector<float> realSums;
};

} // namespace vitrt
#endif // VITC_RUNTIME_RESAMPLE_H
