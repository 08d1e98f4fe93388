//===- ReferenceRows.cpp - Ops that mix values, in f64 --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceMath.h"
#include "dialect/reference/ReferenceOps.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace vitc::vit;
using namespace vitc::reference;

/// Calls `compute` for every row of operand 0, `width` values long, and of the result.
static void
forEachRow(const Call &call,
           llvm::function_ref<void(const double *x, double *y, int64_t width)> compute) {
  const double *input = call.operands[0].values.data();
  int64_t width = call.shape.back();
  parallelFor(call.threads, call.result.size() / width, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      compute(input + row * width, call.result.data() + row * width, width);
  });
}

static void compute(LayerNormOp op, const Call &call) {
  ArrayRef<double> scale = call.operands[1].values, shift = call.operands[2].values;
  double eps = op.getEps().convertToDouble();
  forEachRow(call, [&](const double *x, double *y, int64_t width) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i)
      mean += x[i];
    mean /= width;
    for (int64_t i = 0; i < width; ++i)
      variance += (x[i] - mean) * (x[i] - mean);
    variance /= width;
    double factor = 1 / std::sqrt(variance + eps);
    for (int64_t i = 0; i < width; ++i)
      y[i] = (x[i] - mean) * factor * scale[i] + shift[i];
  });
}

static void compute(RmsNormOp op, const Call &call) {
  ArrayRef<double> scale = call.operands[1].values;
  double eps = op.getEps().convertToDouble();
  forEachRow(call, [&](const double *x, double *y, int64_t width) {
    double squares = 0;
    for (int64_t i = 0; i < width; ++i)
      squares += x[i] * x[i];
    double factor = 1 / std::sqrt(squares / width + eps);
    for (int64_t i = 0; i < width; ++i)
      y[i] = x[i] * factor * scale[i];
  });
}

static void compute(LinearOp, const Call &call) {
  View input = call.operands[0], weight = call.operands[1];
  int64_t n = weight.shape[0], k = weight.shape[1];
  PackedMatrix packed(call.threads, weight.values.data(), /*kStride=*/1, /*nStride=*/k, k, n);
  multiply(call.threads, call.result.size() / n, input.values.data(), k, packed, call.result.data(),
           n);
}

namespace {
/// The rows of one operand that attend to each other, one head of them.
struct Rows {
  const double *data;
  int64_t stride, count;
};
} // namespace

/// Divides the exponentials of a row by their sum. A row of NaN stays one.
static void softmax(double *row, int64_t count, double scale) {
  double highest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i)
    highest = std::max(highest, row[i] *= scale);
  for (int64_t i = 0; i < count; ++i)
    sum += row[i] = std::exp(row[i] - highest);
  for (int64_t i = 0; i < count; ++i)
    row[i] /= sum;
}

static void attend(Rows query, Rows key, Rows value, int64_t headDim, double scale, double *result,
                   int64_t resultStride) {
  std::vector<double> scores(query.count * key.count);
  PackedMatrix keys(1, key.data, /*kStride=*/1, /*nStride=*/key.stride, headDim, key.count);
  multiply(1, query.count, query.data, query.stride, keys, scores.data(), key.count);
  for (int64_t row = 0; row < query.count; ++row)
    softmax(scores.data() + row * key.count, key.count, scale);
  PackedMatrix values(1, value.data, /*kStride=*/value.stride, /*nStride=*/1, key.count, headDim);
  multiply(1, query.count, scores.data(), key.count, values, result, resultStride);
}

static void compute(AttentionOp op, const Call &call) {
  int64_t heads = op.getHeads(), headDim = op.getHeadDim();
  bool batch = op.getAxis() == Axis::Batch;
  auto tokens = [](ArrayRef<int64_t> shape) { return shape.size() == 3 ? shape[1] : 1; };
  // A group is what attends to each other: the tokens of an image, or the images of a token.
  int64_t groups = batch ? tokens(call.shape) : call.shape[0];
  auto rows = [&](ArrayRef<int64_t> shape, const double *data, int64_t group, int64_t column) {
    int64_t width = shape.back(), perImage = tokens(shape) * width;
    return batch ? Rows{data + group * width + column, perImage, shape[0]}
                 : Rows{data + group * perImage + column, width, tokens(shape)};
  };
  parallelFor(call.threads, groups * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t group = i / heads, column = i % heads * headDim;
      Rows from[3];
      for (int o = 0; o < 3; ++o)
        from[o] = rows(call.operands[o].shape, call.operands[o].values.data(), group,
                       op.getOffsets()[o] + column);
      Rows to = rows(call.shape, call.result.data(), group, column);
      attend(from[0], from[1], from[2], headDim, op.getScale().convertToDouble(),
             const_cast<double *>(to.data), to.stride);
    }
  });
}

bool vitc::reference::computeRowOp(Operation *op, const Call &call) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<LayerNormOp, RmsNormOp, LinearOp, AttentionOp>([&](auto known) {
        compute(known, call);
        return true;
      })
      .Default(false);
}
