//===- ReferenceTables.cpp - Tables of positions, in f64 ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceOps.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace vitc::vit;
using namespace vitc::reference;

/// The filter at distance `x`; `a` is the free number of cubic convolution.
static double filterAt(Filter filter, double a, double x) {
  x = std::fabs(x);
  if (filter == Filter::Linear)
    return x < 1 ? 1 - x : 0;
  if (x < 1)
    return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

/// What each place of the input counts for at each place of the result, along one axis:
/// weights[place of the result][place of the input].
static std::vector<std::vector<double>> resamplingWeights(Filter filter, bool antialias,
                                                          int64_t from, int64_t to) {
  double scale = double(from) / double(to), stretch = antialias && scale > 1 ? scale : 1;
  int64_t radius = filter == Filter::Linear ? 1 : 2;
  std::vector<std::vector<double>> weights(to, std::vector<double>(from, 0.0));
  for (int64_t y = 0; y < to; ++y) {
    double centre = (y + 0.5) * scale - 0.5, sum = 0;
    auto first = static_cast<int64_t>(std::floor(centre - radius * stretch)) - 1;
    auto last = static_cast<int64_t>(std::ceil(centre + radius * stretch)) + 1;
    for (int64_t place = first; place <= last; ++place) {
      double weight = filterAt(filter, antialias ? -0.5 : -0.75, (place - centre) / stretch);
      if (antialias && (place < 0 || place >= from))
        continue;
      weights[y][std::clamp<int64_t>(place, 0, from - 1)] += weight;
      sum += weight;
    }
    if (antialias)
      for (double &weight : weights[y])
        weight /= sum;
  }
  return weights;
}

/// Adds to `result` the rows `input` of a grid `from`, resized to a grid `to`.
static void addResized(Filter filter, bool antialias, ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                       const double *input, int64_t columns, double *result) {
  auto down = resamplingWeights(filter, antialias, from[0], to[0]);
  auto right = resamplingWeights(filter, antialias, from[1], to[1]);
  for (int64_t y = 0; y < to[0]; ++y)
    for (int64_t x = 0; x < to[1]; ++x)
      for (int64_t i = 0; i < from[0]; ++i)
        for (int64_t j = 0; j < from[1]; ++j)
          if (double weight = down[y][i] * right[x][j]; weight != 0)
            for (int64_t c = 0; c < columns; ++c)
              result[(y * to[1] + x) * columns + c] +=
                  weight * input[(i * from[1] + j) * columns + c];
}

static void compute(ResampleOp op, const Call &call) {
  addResized(op.getFilter(), op.getAntialias(), op.getFrom(), op.getTo(),
             call.operands[0].values.data(), call.shape[1], call.result.data());
}

static void compute(RelativeBiasOp op, const Call &call) {
  int64_t height = op.getWindow()[0], width = op.getWindow()[1], lead = op.getLead();
  int64_t tokens = call.shape[0], heads = call.shape[1];
  int64_t distances[] = {2 * height - 1, 2 * width - 1},
          rows = distances[0] * distances[1] + 3 * lead;
  ArrayRef<double> table = call.operands[0].values;
  std::vector<double> resized;
  if (auto from = op.getFrom()) {
    resized.assign(rows * heads, 0.0);
    addResized(Filter::Linear, /*antialias=*/false, *from, distances, table.data(), heads,
               resized.data());
    llvm::copy(table.take_back(3 * lead * heads), resized.end() - 3 * lead * heads);
    table = resized;
  }
  for (int64_t query = 0; query < tokens; ++query)
    for (int64_t key = 0; key < tokens; ++key) {
      int64_t row;
      if (query < lead || key < lead)
        row = rows - (query >= lead ? 2 : key >= lead ? 3 : 1);
      else {
        int64_t yq = (query - lead) / width, xq = (query - lead) % width;
        int64_t yk = (key - lead) / width, xk = (key - lead) % width;
        row = (yq - yk + height - 1) * (2 * width - 1) + xq - xk + width - 1;
      }
      for (int64_t head = 0; head < heads; ++head)
        call.result[(query * heads + head) * call.shape[2] + key] = table[row * heads + head];
    }
}

static void compute(RopeTableOp op, const Call &call) {
  int64_t across = op.getGrid()[1], lead = op.getLead(), pairs = call.shape[1] / 2;
  for (int64_t token = 0; token < call.shape[0]; ++token) {
    int64_t line = (token - lead) / across, column = (token - lead) % across;
    double y = op.getOrigin()[0] + op.getStep()[0] * double(line);
    double x = op.getOrigin()[1] + op.getStep()[1] * double(column);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      double angle = token < lead ? 0 : y * op.getRows()[pair] + x * op.getColumns()[pair];
      call.result[2 * (token * pairs + pair)] = std::cos(angle);
      call.result[2 * (token * pairs + pair) + 1] = std::sin(angle);
    }
  }
}

bool vitc::reference::computeTableOp(Operation *op, const Call &call) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<ResampleOp, RelativeBiasOp, RopeTableOp>([&](auto known) {
        compute(known, call);
        return true;
      })
      .Default(false);
}
