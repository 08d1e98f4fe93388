//===- ReferenceRows.cpp - Ops that mix values, in f64 --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceMath.h"
#include "dialect/reference/ReferenceOps.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace vitc::vit;
using namespace vitc::reference;

/// Calls `compute` for every row of operand 0 and of the result, or for each of the equal groups of
/// a row, with the `width` values that count; those behind them become zeros.
static void
forEachRow(const Call &call, NormInterface op,
           llvm::function_ref<void(const double *x, double *y, int64_t width)> compute) {
  const double *input = call.operands[0].values.data();
  int64_t width = call.shape.back() / static_cast<int64_t>(op.getGroups());
  int64_t columns = op.getColumns() ? static_cast<int64_t>(op.getColumns()) : width;
  parallelFor(call.threads, call.result.size() / width, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      double *result = call.result.data() + row * width;
      compute(input + row * width, result, columns);
      std::fill(result + columns, result + width, 0.0);
    }
  });
}

double vitc::reference::reciprocalDeviation(double variance, double eps) {
  return std::isinf(variance) ? std::numeric_limits<double>::quiet_NaN()
                              : 1 / std::sqrt(variance + eps);
}

static void compute(LayerNormOp op, const Call &call) {
  ArrayRef<double> scale = call.operands[1].values, shift = call.operands[2].values;
  double eps = op.getEps().convertToDouble();
  forEachRow(call, cast<NormInterface>(op.getOperation()),
             [&](const double *x, double *y, int64_t width) {
               double mean = 0, variance = 0;
               for (int64_t i = 0; i < width; ++i)
                 mean += x[i];
               mean /= width;
               for (int64_t i = 0; i < width; ++i)
                 variance += (x[i] - mean) * (x[i] - mean);
               double factor = reciprocalDeviation(variance / width, eps);
               for (int64_t i = 0; i < width; ++i)
                 y[i] = (x[i] - mean) * factor * scale[i] + shift[i];
             });
}

static void compute(RmsNormOp op, const Call &call) {
  ArrayRef<double> scale;
  if (op.getScale())
    scale = call.operands[1].values;
  double eps = op.getEps().convertToDouble();
  forEachRow(call, cast<NormInterface>(op.getOperation()),
             [&](const double *x, double *y, int64_t width) {
               double squares = 0;
               for (int64_t i = 0; i < width; ++i)
                 squares += x[i] * x[i];
               double factor = reciprocalDeviation(squares / width, eps);
               for (int64_t i = 0; i < width; ++i)
                 y[i] = x[i] * factor * (scale.empty() ? 1 : scale[i]);
             });
}

/// Zeros behind each row.
static void compute(QuantizeOp, const Call &call) {
  View input = call.operands[0];
  int64_t from = input.shape.back(), to = call.shape.back();
  for (int64_t row = 0, rows = call.result.size() / to; row < rows; ++row)
    llvm::copy(input.values.slice(row * from, from), call.result.begin() + row * to);
}

static void compute(LinearOp, const Call &call) {
  View input = call.operands[0], weight = call.operands[1];
  int64_t n = call.shape.back(), k = weight.shape[1];
  std::vector<double> rows;
  if (weight.shape.size() == 3) { // panels
    int64_t panel = weight.shape[2];
    rows.resize(n * k);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < k; ++j)
        rows[i * k + j] = weight.values[(i / panel * k + j) * panel + i % panel];
    weight.values = rows;
  }
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
static void softmax(double *row, int64_t count) {
  double highest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i)
    highest = std::max(highest, row[i]);
  for (int64_t i = 0; i < count; ++i)
    sum += row[i] = std::exp(row[i] - highest);
  for (int64_t i = 0; i < count; ++i)
    row[i] /= sum;
}

/// What is added to the score of a query and a key, by their numbers.
using Bias = llvm::function_ref<double(int64_t query, int64_t key)>;

static void attend(Rows query, Rows key, Rows value, int64_t headDim, double scale, Bias bias,
                   double *result, int64_t resultStride) {
  std::vector<double> scores(query.count * key.count);
  PackedMatrix keys(1, key.data, /*kStride=*/1, /*nStride=*/key.stride, headDim, key.count);
  multiply(1, query.count, query.data, query.stride, keys, scores.data(), key.count);
  for (int64_t row = 0; row < query.count; ++row) {
    double *scored = scores.data() + row * key.count;
    for (int64_t i = 0; i < key.count; ++i)
      scored[i] = scored[i] * scale + bias(row, i);
    softmax(scored, key.count);
  }
  PackedMatrix values(1, value.data, /*kStride=*/value.stride, /*nStride=*/1, key.count, headDim);
  multiply(1, query.count, scores.data(), key.count, values, result, resultStride);
}

/// The windows of a shifted grid.
namespace {
class Windows {
public:
  explicit Windows(WindowsAttr attribute)
      : grid(attribute.getGrid()), size(attribute.getSize()), shift(attribute.getShift()) {}

  int64_t count() const { return grid[0] / size[0] * (grid[1] / size[1]); }

  /// The token of the grid that is member `member` of window `window`.
  int64_t token(int64_t window, int64_t member) const {
    auto [y, x] = rolled(window, member);
    return (y + shift[0]) % grid[0] * grid[1] + (x + shift[1]) % grid[1];
  }

  /// Whether rolling the grid brought two members of a window together.
  bool areStrangers(int64_t window, int64_t a, int64_t b) const {
    auto region = [&](int64_t place, int axis) {
      return shift[axis] > 0 && place >= grid[axis] - shift[axis];
    };
    auto [ya, xa] = rolled(window, a);
    auto [yb, xb] = rolled(window, b);
    return region(ya, 0) != region(yb, 0) || region(xa, 1) != region(xb, 1);
  }

private:
  std::pair<int64_t, int64_t> rolled(int64_t window, int64_t member) const {
    int64_t across = grid[1] / size[1];
    return {window / across * size[0] + member / size[1],
            window % across * size[1] + member % size[1]};
  }
  ArrayRef<int64_t> grid, size, shift;
};
} // namespace

/// The rows of one head, copied together: `member` says which token is the i-th.
static std::vector<double> gather(View operand, int64_t image, int64_t column, int64_t headDim,
                                  int64_t count, llvm::function_ref<int64_t(int64_t)> member) {
  int64_t width = operand.shape.back(), tokens = operand.shape[1];
  std::vector<double> rows;
  for (int64_t i = 0; i < count; ++i)
    llvm::append_range(
        rows, operand.values.slice((image * tokens + member(i)) * width + column, headDim));
  return rows;
}

static void attendInWindows(AttentionOp op, const Call &call) {
  int64_t heads = op.getHeads(), headDim = op.getHeadDim(), count = op.getWindows()->tokens();
  Windows windows(*op.getWindows());
  int64_t perImage = windows.count() * heads;
  parallelFor(call.threads, call.shape[0] * perImage, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t image = i / perImage, window = i % perImage / heads, head = i % heads;
      auto member = [&](int64_t of) { return windows.token(window, of); };
      std::vector<double> rows[3], out(count * headDim);
      for (int o = 0; o < 3; ++o)
        rows[o] = gather(call.operands[o], image, op.getOffsets()[o] + head * headDim, headDim,
                         count, member);
      auto bias = [&](int64_t query, int64_t key) {
        double known = 0;
        if (op.getBias()) {
          View table = call.operands[3];
          known = table.values[(query * heads + head) * table.shape[2] + key];
        }
        return windows.areStrangers(window, query, key) ? known - 100 : known;
      };
      Rows from[3];
      for (int o = 0; o < 3; ++o)
        from[o] = {rows[o].data(), headDim, count};
      attend(from[0], from[1], from[2], headDim, op.getScale().convertToDouble(), bias, out.data(),
             headDim);
      int64_t width = call.shape.back();
      for (int64_t row = 0; row < count; ++row)
        std::copy_n(out.data() + row * headDim, headDim,
                    call.result.data() + (image * call.shape[1] + member(row)) * width +
                        head * headDim);
    }
  });
}

static void compute(AttentionOp op, const Call &call) {
  if (op.getWindows())
    return attendInWindows(op, call);
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
      auto bias = [&](int64_t query, int64_t key) {
        if (!op.getBias())
          return 0.0;
        View table = call.operands[3];
        return table.values[(query * heads + i % heads) * table.shape[2] + key];
      };
      attend(from[0], from[1], from[2], headDim, op.getScale().convertToDouble(), bias,
             const_cast<double *>(to.data), to.stride);
    }
  });
}

bool vitc::reference::computeRowOp(Operation *op, const Call &call) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<LayerNormOp, RmsNormOp, QuantizeOp, LinearOp, AttentionOp>([&](auto known) {
        compute(known, call);
        return true;
      })
      .Default(false);
}
