//===- Region.cpp - The fused ops of a kernel -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Region.h"

#include <cmath>

using namespace mlir;

namespace vitc::codegen {

using Values = SmallVector<Value>;

// Functions ------------------------------------------------------------------

// x / (1 + e^-sx): in one form with silu (s = 1), quick GELU and, with an argument that is not
// linear, tanh GELU, since x/2 (1 + tanh u) = x / (1 + e^-2u). Exact to a few ulp at both ends.
static Value logistic(PtxBuilder &b, Value exponentBase2) {
  return b.rcp(b.addF(b.ex2(exponentBase2), b.immF(1.0)));
}
static Value timesLogistic(PtxBuilder &b, Value x, Value exponentBase2) {
  return b.mulF(x, logistic(b, exponentBase2));
}

static constexpr double log2e = 1.44269504088896340736;

Value emitSilu(PtxBuilder &b, Value x) { return timesLogistic(b, x, b.mulF(x, b.immF(-log2e))); }
Value emitSigmoid(PtxBuilder &b, Value x) { return logistic(b, b.mulF(x, b.immF(-log2e))); }

// erf by Abramowitz and Stegun 7.1.26: 1 - erf(z) = (a1 t + ... + a5 t^5) e^(-z^2) with
// t = 1 / (1 + p z), within 1.5e-7. With z = |x| / sqrt 2 and q = (1 - erf z) / 2, GELU is
// x - x q right of zero and x q left of it: max(x, 0) - |x| q, without cancellation.
static Value geluErf(PtxBuilder &b, Value x) {
  constexpr double p = 0.3275911,
                   a[] = {0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429};
  Value magnitude = b.absF(x);
  Value t = b.rcp(b.fma(magnitude, b.immF(p * M_SQRT1_2), b.immF(1.0)));
  Value sum = b.immF(a[4] / 2);
  for (int i = 3; i >= 0; --i)
    sum = b.fma(sum, t, b.immF(a[i] / 2));
  Value decay = b.ex2(b.mulF(b.mulF(x, b.immF(-log2e / 2)), x));
  Value q = b.mulF(b.mulF(sum, t), decay);
  return b.fma(b.negF(magnitude), q, b.maxF(x, b.immF(0.0)));
}

Value emitGelu(PtxBuilder &b, vit::GeluForm form, Value x) {
  switch (form) {
  case vit::GeluForm::Erf:
    return geluErf(b, x);
  case vit::GeluForm::Quick:
    return timesLogistic(b, x, b.mulF(x, b.immF(-1.702 * log2e)));
  case vit::GeluForm::Tanh: {
    const double outer = -2.0 * std::sqrt(2.0 / M_PI) * log2e;
    Value bracket = b.fma(b.mulF(x, x), b.immF(outer * 0.044715), b.immF(outer));
    return timesLogistic(b, x, b.mulF(x, bracket));
  }
  }
  llvm_unreachable("all forms of gelu are above");
}

// Sums -----------------------------------------------------------------------

Value emitSum(PtxBuilder &b, Values values) {
  while (values.size() > 1) {
    Values sums;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      sums.push_back(b.addF(values[i], values[i + 1]));
    if (values.size() % 2)
      sums.push_back(values.back());
    values = sums;
  }
  return values[0];
}

Value emitReciprocalDeviation(PtxBuilder &b, Value squares, int64_t columns, double eps) {
  Value variance = b.mulF(squares, b.immF(1.0 / static_cast<double>(columns)));
  return b.fma(variance, b.immF(0.0), b.rsqrt(b.addF(variance, b.immF(eps))));
}

// Evaluation -----------------------------------------------------------------

Value Region::address(Value pointer, RankedTensorType type, const Place &place) {
  int64_t width = type.getShape().back();
  Value offset = place.column;
  if (vit::isBatchTensor(type)) {
    offset = k.add(k.mul(place.row, width), place.column);
  } else if (type.getRank() == 2) { // a table: one row for each token
    Value token = place.token ? place.token : k.remU(place.row, k.tokens(type.getDimSize(0)));
    offset = k.add(k.mul(token, width), place.column);
  }
  return k.at(pointer, type.getElementType(), offset, place.delta);
}

Values Region::load(Value argument, const Place &place, unsigned count) {
  RankedTensorType type = k.typeOf(argument);
  return k.loadValues(address(k.pointer(argument), type, place), type.getElementType(), count,
                      /*readOnly=*/true);
}

namespace {

template <typename Function> Values map(const Values &a, Function function) {
  Values result;
  for (Value value : a)
    result.push_back(function(value));
  return result;
}

template <typename Function> Values map(const Values &a, const Values &b, Function function) {
  Values result;
  for (auto [left, right] : llvm::zip_equal(a, b))
    result.push_back(function(left, right));
  return result;
}

} // namespace

/// Pairs of neighbours, each turned by its cosine and sine in the token's row of the table. A place
/// may be behind the turned columns, and the table is narrower than a row.
Values Region::rotate(vit::RopeOp op, const Place &place, const Values &values) {
  RankedTensorType type = k.typeOf(op.getTable());
  int64_t period = type.getDimSize(1), columns = op.getColumns();
  bool all = columns == k.widthOf(op.getInput());
  Value token = place.token ? place.token : k.remU(place.row, k.tokens(type.getDimSize(0)));
  Value tableRow = k.mul(token, period), table = k.pointer(op.getTable());
  assert(values.size() % 2 == 0 && "a lane has whole pairs");
  Values result;
  for (size_t i = 0; i < values.size(); i += 2) {
    Value column = k.add(place.column, k.imm(place.delta + static_cast<int64_t>(i)));
    Value turn = k.at(table, type.getElementType(), k.add(tableRow, k.remU(column, period)));
    Values factors = k.loadValues(turn, type.getElementType(), 2, /*readOnly=*/true);
    Value cosine = factors[0], sine = factors[1], a = values[i], b = values[i + 1];
    if (!all) {
      Value turned = k.less(column, columns);
      cosine = k.select(turned, cosine, k.immF(1.0));
      sine = k.select(turned, sine, k.immF(0.0));
    }
    result.push_back(k.fma(a, cosine, k.negF(k.mulF(b, sine))));
    result.push_back(k.fma(b, cosine, k.mulF(a, sine)));
  }
  return result;
}

/// The f32 meaning of every elementwise op; `operand` gives the values of an operand.
Values Region::compute(vit::ElementwiseInterface op, const Place &place,
                       llvm::function_ref<Values(Value)> operand) {
  auto unary = [&](auto function) { return map(operand(op->getOperand(0)), function); };
  auto binary = [&](auto function) {
    Values right = operand(op->getOperand(1)); // its loads first
    return map(operand(op->getOperand(0)), right, function);
  };
  auto times = [&](Value a, Value b) { return k.mulF(a, b); };

  switch (op.getArithmetic()) {
  case vit::Arithmetic::Add:
    return binary([&](Value a, Value b) { return k.addF(a, b); });
  case vit::Arithmetic::Mul:
    return binary(times);
  case vit::Arithmetic::Scale: {
    auto scale = cast<vit::ScaleOp>(op);
    Values scaled = operand(scale.getInput());
    if (double factor = scale.getFactor().convertToDouble(); factor != 1.0)
      scaled = map(scaled, [&](Value x) { return k.mulF(x, k.immF(factor)); });
    return scale.getColumns() ? map(scaled, operand(scale.getColumns()), times) : scaled;
  }
  case vit::Arithmetic::Copy:
    return operand(op->getOperand(0)); // rounds when stored
  case vit::Arithmetic::Gelu:
    return unary([&](Value x) { return emitGelu(k, cast<vit::GeluOp>(op).getForm(), x); });
  case vit::Arithmetic::Relu:
    return unary([&](Value x) { return k.maxF(x, k.immF(0.0)); });
  case vit::Arithmetic::Silu:
    return unary([&](Value x) { return emitSilu(k, x); });
  case vit::Arithmetic::Tanh:
    return unary([&](Value x) { return k.tanh(x); });
  case vit::Arithmetic::Sigmoid:
    return unary([&](Value x) { return emitSigmoid(k, x); });
  case vit::Arithmetic::Normalize: {
    auto normal = cast<vit::NormalizeOp>(op);
    Values sums = normal.getSums() ? operand(normal.getSums()) : Values();
    return normalize(normal, place, operand(normal.getInput()), sums);
  }
  case vit::Arithmetic::Moments:
    llvm_unreachable("evaluate() asks for them itself: its operand is elsewhere");
  case vit::Arithmetic::Rope:
    return rotate(cast<vit::RopeOp>(op), place, operand(op->getOperand(0)));
  }
  llvm_unreachable("all functions are above");
}

Values Region::evaluate(Value value, const Place &place, unsigned count, Known &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  auto operand = [&](Value of) { return evaluate(of, place, count, known); };
  Values result;
  if (isa<BlockArgument>(value))
    result = load(value, place, count);
  else if (auto moments = value.getDefiningOp<vit::MomentsOp>())
    result = makeMoments(moments, place, count);
  else
    result = compute(value.getDefiningOp<vit::ElementwiseInterface>(), place, operand);
  known[value] = result;
  return result;
}

SmallVector<Values> Region::results(const Place &place, unsigned count, Known &known) {
  SmallVector<Values> values;
  for (Value yielded : k.kernel.getYield().getValues())
    values.push_back(evaluate(yielded, place, count, known));
  return values;
}

void Region::store(const Place &place, ArrayRef<Values> values) {
  for (auto [i, value] : llvm::enumerate(values))
    store(i, place, value);
}

void Region::store(unsigned result, const Place &place, ArrayRef<Value> values) {
  RankedTensorType type = k.resultType(result);
  k.storeValues(values, address(k.resultPointer(result), type, place), type.getElementType());
}

unsigned Region::rowOperands() {
  return llvm::count_if(k.kernel.getBody().getArguments(), [&](BlockArgument argument) {
    return k.typeOf(argument).getRank() != 1 && !isMoments(argument) &&
           llvm::any_of(argument.getUsers(),
                        [](Operation *user) { return isa<vit::ElementwiseInterface>(user); });
  });
}

void overVectors(KernelBuilder &k, RankedTensorType type, const cost::VectorGeometry &geometry,
                 VectorBody body) {
  Value first = k.add(k.mul(k.ctaX(), geometry.vectors), k.tid());
  Value end = k.mul(k.rows(type), geometry.vectorsPerRow);
  for (int64_t i = 0; i < geometry.vectors; i += geometry.threads) {
    Value index = k.add(first, i);
    k.ifThen(k.less(index, end), [&] {
      Value row = k.divU(index, geometry.vectorsPerRow);
      body(row, k.mul(k.sub(index, k.mul(row, geometry.vectorsPerRow)), geometry.vector), index);
    });
  }
}

} // namespace vitc::codegen
