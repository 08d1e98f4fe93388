//===- ReferenceElementwise.cpp - Ops element by element, in f64 ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceMath.h"
#include "dialect/reference/ReferenceOps.h"

#include <cmath>

using namespace mlir;
using namespace vitc::vit;
using namespace vitc::reference;

static constexpr int64_t elementsPerTask = 1 << 14;

/// result[i] = function(input[i])
template <typename Function> static void map(const Call &call, Function function) {
  const double *input = call.operands[0].values.data();
  parallelFor(call.threads, call.result.size(), elementsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      call.result[i] = function(input[i]);
  });
}

/// result[i] = function(input[i], other[i]), where a shorter `other` repeats: a vector for every
/// row, a table for every image.
template <typename Function> static void zip(const Call &call, Function function) {
  const double *input = call.operands[0].values.data();
  ArrayRef<double> other = call.operands[1].values;
  parallelFor(call.threads, call.result.size(), elementsPerTask, [&](int64_t begin, int64_t end) {
    int64_t period = other.size(), place = begin % period;
    for (int64_t i = begin; i < end; ++i) {
      call.result[i] = function(input[i], other[place]);
      if (++place == period)
        place = 0;
    }
  });
}

/// Every row of operand 0 times `factor` and its element of operand 1.
static void scaleRows(const Call &call, double factor) {
  View input = call.operands[0], rows = call.operands[1];
  for (size_t i = 0, row = input.values.size() / rows.values.size(); i < input.values.size(); ++i)
    call.result[i] = input.values[i] * factor * rows.values[i / row];
}

static double gelu(GeluForm form, double x) {
  switch (form) {
  case GeluForm::Erf:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case GeluForm::Tanh:
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case GeluForm::Quick:
    return x / (1 + std::exp(-1.702 * x));
  }
  llvm_unreachable("a form that has no meaning yet");
}

/// Pairs of neighbours below `columns`, each turned by its cosine and sine in the token's row of
/// operand 1.
static void rotate(const Call &call, int64_t columns) {
  View input = call.operands[0], table = call.operands[1];
  int64_t width = call.shape.back(), tokens = table.shape[0], period = table.shape[1];
  parallelFor(call.threads, call.result.size() / width, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      ArrayRef<double> x = input.values.slice(row * width, width);
      ArrayRef<double> turn = table.values.slice(row % tokens * period, period);
      double *y = call.result.data() + row * width;
      llvm::copy(x, y);
      for (int64_t i = 0; i < columns; i += 2) {
        double cosine = turn[i % period], sine = turn[i % period + 1];
        y[i] = x[i] * cosine - x[i + 1] * sine;
        y[i + 1] = x[i + 1] * cosine + x[i] * sine;
      }
    }
  });
}

/// Mean and squared deviations from it, of each group of a row.
static void makeMoments(const Call &call, int64_t group) {
  ArrayRef<double> input = call.operands[0].values;
  for (size_t i = 0; i < input.size() / group; ++i) {
    double mean = 0, squares = 0;
    for (double x : input.slice(i * group, group))
      mean += x / double(group);
    for (double x : input.slice(i * group, group))
      squares += (x - mean) * (x - mean);
    call.result[2 * i] = mean;
    call.result[2 * i + 1] = squares;
  }
}

/// Mean of a row, and the mean of the squares of its distances from `mean`, or from 0 if there is
/// none to subtract.
static std::pair<double, double> rowMoments(ArrayRef<double> moments, double group, bool centred) {
  double groups = double(moments.size()) / 2, mean = 0, squares = 0;
  for (size_t i = 0; centred && i < moments.size(); i += 2)
    mean += moments[i] / groups;
  for (size_t i = 0; i < moments.size(); i += 2)
    squares += moments[i + 1] + group * (moments[i] - mean) * (moments[i] - mean);
  return {mean, squares / (groups * group)};
}

static void normalize(const Call &call, NormalizeOp op) {
  View input = call.operands[0], moments = call.operands[1];
  size_t width = call.shape.back(), pairs = moments.shape.back();
  for (size_t row = 0; row < input.values.size() / width; ++row) {
    auto [mean, variance] = rowMoments(moments.values.slice(row * pairs, pairs),
                                       double(op.getGroup()), op.getSums() != nullptr);
    double factor = reciprocalDeviation(variance, op.getEps().convertToDouble());
    for (size_t i = 0; i < width; ++i) {
      double shift = op.getSums() ? mean * call.operands[2].values[i] : 0;
      call.result[row * width + i] = (input.values[row * width + i] - shift) * factor;
    }
  }
}

void vitc::reference::computeElementwise(ElementwiseInterface op, const Call &call) {
  switch (op.getArithmetic()) {
  case Arithmetic::Add:
    return zip(call, [](double a, double b) { return a + b; });
  case Arithmetic::Mul:
    return zip(call, [](double a, double b) { return a * b; });
  case Arithmetic::Scale: {
    double factor = cast<ScaleOp>(op).getFactor().convertToDouble();
    if (cast<ScaleOp>(op).getColumns())
      return zip(call, [=](double x, double column) { return x * factor * column; });
    if (cast<ScaleOp>(op).getRows())
      return scaleRows(call, factor);
    return map(call, [=](double x) { return x * factor; });
  }
  case Arithmetic::Gelu:
    return map(call, [form = cast<GeluOp>(op).getForm()](double x) { return gelu(form, x); });
  case Arithmetic::Relu:
    return map(call, [](double x) { return x < 0 ? 0 : x; });
  case Arithmetic::Silu:
    return map(call, [](double x) { return x / (1 + std::exp(-x)); });
  case Arithmetic::Tanh:
    return map(call, [](double x) { return std::tanh(x); });
  case Arithmetic::Sigmoid:
    return map(call, [](double x) { return 1 / (1 + std::exp(-x)); });
  case Arithmetic::Rope:
    return rotate(call, cast<RopeOp>(op).getColumns());
  case Arithmetic::Moments:
    return makeMoments(call, static_cast<int64_t>(cast<MomentsOp>(op).getGroup()));
  case Arithmetic::Normalize:
    return normalize(call, cast<NormalizeOp>(op));
  case Arithmetic::Copy:
    return map(call, [](double x) { return x; });
  }
  llvm_unreachable("all functions are above");
}
