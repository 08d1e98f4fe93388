//===- Region.cpp - The fused ops of a kernel -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Region.h"
#include "codegen/cpu/Math.h"

using namespace mlir;

namespace vitc::codegen::cpu {

Value Region::address(Value pointer, RankedTensorType type, const Place &place) {
  int64_t width = type.getShape().back();
  Value offset = place.column;
  if (vit::isBatchTensor(type)) {
    offset = k.add(k.mul(place.row, width), place.column);
  } else if (type.getRank() == 2) { // a table: one row for each token
    Value token = k.rem(place.row, k.tokens(type.getDimSize(0)));
    offset = k.add(k.mul(token, width), place.column);
  }
  return k.at(pointer, offset, type.getElementType());
}

/// Pairs of neighbours (a, b), each turned by its cosine c and sine s in the token's row of the
/// table: (a*c - b*s, b*c + a*s). The table is narrower than a row, and a vector may begin anywhere
/// in it.
Value Region::rotate(vit::RopeOp op, const Place &place, Value value) {
  RankedTensorType type = k.typeOf(op.getTable());
  int64_t period = type.getDimSize(1), columns = op.getColumns();
  Value token = k.rem(place.row, k.tokens(type.getDimSize(0)));
  Value row = k.at(k.pointer(op.getTable()), k.mul(token, period));
  Value turn;
  if (period % lanes == 0 && k.widthOf(op.getInput()) % lanes == 0) {
    turn = k.load(k.at(row, k.rem(place.column, period)), place.mask);
  } else {
    Value all = LLVM::PoisonOp::create(k, k.integers);
    for (int64_t i = 0; i < lanes; ++i) {
      Value column = k.rem(k.add(place.column, i), period);
      all = k.insert(all, LLVM::TruncOp::create(k, k.i32, column), i);
    }
    turn = k.gather(row, all, place.mask);
  }
  SmallVector<int32_t> even, odd, swapped;
  SmallVector<float> signs;
  for (int32_t i = 0; i < lanes; ++i) {
    even.push_back(i & ~1);
    odd.push_back(i | 1);
    swapped.push_back(i ^ 1);
    signs.push_back(i % 2 ? 1.0f : -1.0f);
  }
  Value cosine = k.shuffle(turn, even), sine = k.shuffle(turn, odd);
  Value sign = k.constant(signs);
  Value turned = k.fma(value, cosine, k.mulF(k.mulF(k.shuffle(value, swapped), sign), sine));
  if (columns == k.widthOf(op.getInput()))
    return turned;
  Value inside = k.lanesBelow(place.column, columns);
  if (!inside)
    return turned;
  return k.select(inside, turned, value);
}

/// A product of i8 is off by a hundred times what the cheaper form is, and so are the steps that
/// its result is rounded to for the next one.
Value Region::gelu(vit::GeluForm form, Value x) {
  auto linear = dyn_cast_or_null<vit::LinearOp>(k.kernel.getRoot());
  bool ofI8 = linear && k.typeOf(linear.getInput()).getElementType().isInteger(8);
  return ofI8 && form == vit::GeluForm::Erf ? emitRoughGelu(k, x) : emitGelu(k, form, x);
}

/// The f32 meaning of every elementwise op.
Value Region::compute(vit::ElementwiseInterface op, const Place &place, Known &known) {
  auto operand = [&](unsigned i) { return evaluate(op->getOperand(i), place, known); };
  switch (op.getArithmetic()) {
  case vit::Arithmetic::Add: {
    Value left = operand(0);
    return k.addF(left, operand(1));
  }
  case vit::Arithmetic::Mul: {
    Value left = operand(0);
    return k.mulF(left, operand(1));
  }
  case vit::Arithmetic::Scale: {
    auto scale = cast<vit::ScaleOp>(op);
    Value scaled = operand(0);
    if (double factor = scale.getFactor().convertToDouble(); factor != 1.0)
      scaled = k.mulF(scaled, k.splat(factor));
    return scale.getColumns() ? k.mulF(scaled, evaluate(scale.getColumns(), place, known)) : scaled;
  }
  case vit::Arithmetic::Copy:
    return operand(0);
  case vit::Arithmetic::Gelu:
    return gelu(cast<vit::GeluOp>(op).getForm(), operand(0));
  case vit::Arithmetic::Relu: {
    Value x = operand(0);
    return k.select(k.lessF(x, k.splat(0.0)), k.splat(0.0), x);
  }
  case vit::Arithmetic::Silu:
    return emitSilu(k, operand(0));
  case vit::Arithmetic::Tanh:
    return emitTanh(k, operand(0));
  case vit::Arithmetic::Sigmoid:
    return emitSigmoid(k, operand(0));
  case vit::Arithmetic::Rope:
    return rotate(cast<vit::RopeOp>(op), place, operand(0));
  case vit::Arithmetic::Moments:
  case vit::Arithmetic::Normalize:
    break; // only vit-fold-norm makes them, which is not for CPUs
  }
  llvm_unreachable("checked before: all functions are above");
}

Value Region::evaluate(Value value, const Place &place, Known &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Value result;
  if (isa<BlockArgument>(value))
    result = k.loadAs(k.typeOf(value).getElementType(),
                      address(k.pointer(value), k.typeOf(value), place), place.mask);
  else
    result = compute(value.getDefiningOp<vit::ElementwiseInterface>(), place, known);
  known[value] = result;
  return result;
}

bool Region::isBefore(Value value) {
  SmallVector<Operation *> roots = k.kernel.getRoots();
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op)
      continue;
    if (llvm::is_contained(roots, op))
      return false;
    llvm::append_range(pending, op->getOperands());
  }
  return true;
}

void Region::storeResult(unsigned i, const Place &place, Known &known) {
  if (k.kernel.getYield().getOperand(i).getDefiningOp<vit::QuantizeOp>())
    return; // of whole rows, which the family stores
  Value value = evaluate(k.kernel.getYield().getOperand(i), place, known);
  RankedTensorType type = k.resultType(i);
  k.storeAs(type.getElementType(), value, address(k.resultPointer(i), type, place), place.mask);
}

void Region::store(const Place &place, Known &known) {
  for (unsigned i = 0; i < k.numResults(); ++i)
    storeResult(i, place, known);
}

void Region::storeBefore(const Place &place, Known &known) {
  for (unsigned i = 0; i < k.numResults(); ++i)
    if (isBefore(k.kernel.getYield().getOperand(i)))
      storeResult(i, place, known);
}

void Region::storeAfter(const Place &place, Known &known) {
  for (unsigned i = 0; i < k.numResults(); ++i)
    if (!isBefore(k.kernel.getYield().getOperand(i)))
      storeResult(i, place, known);
}

} // namespace vitc::codegen::cpu
