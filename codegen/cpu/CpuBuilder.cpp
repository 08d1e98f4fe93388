//===- CpuBuilder.cpp - What kernels of a CPU are written with ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CpuBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;

namespace vitc::codegen::cpu {

CpuBuilder::CpuBuilder(const ImplicitLocOpBuilder &builder)
    : ImplicitLocOpBuilder(builder), i1(getI1Type()), i32(getI32Type()), i64(getI64Type()),
      f32(getF32Type()), ptr(LLVM::LLVMPointerType::get(getContext())),
      vector(VectorType::get(lanes, getF32Type())), integers(VectorType::get(lanes, getI32Type())),
      mask(VectorType::get(lanes, getI1Type())) {}

std::optional<int64_t> constantOf(Value value) {
  IntegerAttr attribute;
  if (value && matchPattern(value, m_Constant(&attribute)))
    return attribute.getInt();
  return std::nullopt;
}

// Integers -------------------------------------------------------------------

Value CpuBuilder::imm(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}

Value CpuBuilder::add(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  if (x && y)
    return imm(*x + *y);
  if (x == 0 || y == 0)
    return x == 0 ? b : a;
  return arith::AddIOp::create(*this, a, b);
}
Value CpuBuilder::add(Value a, int64_t b) { return add(a, imm(b)); }

Value CpuBuilder::sub(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  if (x && y)
    return imm(*x - *y);
  return y == 0 ? a : Value(arith::SubIOp::create(*this, a, b));
}

Value CpuBuilder::mul(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  if (x && y)
    return imm(*x * *y);
  if (x == 1 || y == 1)
    return x == 1 ? b : a;
  if (x == 0 || y == 0)
    return imm(0);
  return arith::MulIOp::create(*this, a, b);
}
Value CpuBuilder::mul(Value a, int64_t b) { return mul(a, imm(b)); }

Value CpuBuilder::div(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  if (x && y)
    return imm(*x / *y);
  return y == 1 ? a : Value(arith::DivUIOp::create(*this, a, b));
}
Value CpuBuilder::div(Value a, int64_t b) { return div(a, imm(b)); }

Value CpuBuilder::rem(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  if (x && y)
    return imm(*x % *y);
  return y == 1 ? imm(0) : Value(arith::RemUIOp::create(*this, a, b));
}
Value CpuBuilder::rem(Value a, int64_t b) { return rem(a, imm(b)); }

Value CpuBuilder::min(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  return x && y ? imm(std::min(*x, *y)) : Value(arith::MinSIOp::create(*this, a, b));
}
Value CpuBuilder::max(Value a, Value b) {
  std::optional<int64_t> x = constantOf(a), y = constantOf(b);
  return x && y ? imm(std::max(*x, *y)) : Value(arith::MaxSIOp::create(*this, a, b));
}
Value CpuBuilder::less(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value CpuBuilder::less(Value a, int64_t b) { return less(a, imm(b)); }
Value CpuBuilder::toFloat(Value a) {
  Type type = isa<VectorType>(a.getType()) ? Type(vector) : f32;
  return arith::SIToFPOp::create(*this, type, a);
}
Value CpuBuilder::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, imm(b));
}
Value CpuBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}

// f32 ------------------------------------------------------------------------

Value CpuBuilder::immF(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(value)));
}
Value CpuBuilder::splat(double value) {
  return arith::ConstantOp::create(*this,
                                   DenseElementsAttr::get(vector, static_cast<float>(value)));
}
Value CpuBuilder::splat(Value scalar) {
  auto type = VectorType::get(lanes, scalar.getType());
  Value poison = LLVM::PoisonOp::create(*this, type);
  Value zero = LLVM::ConstantOp::create(*this, i64, getI64IntegerAttr(0));
  Value one = LLVM::InsertElementOp::create(*this, type, poison, scalar, zero);
  return LLVM::ShuffleVectorOp::create(*this, one, poison, SmallVector<int32_t>(lanes, 0));
}
Value CpuBuilder::constant(ArrayRef<float> values) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(vector, values));
}
Value CpuBuilder::constant(ArrayRef<int32_t> values) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(integers, values));
}
Value CpuBuilder::addF(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value CpuBuilder::subF(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value CpuBuilder::mulF(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value CpuBuilder::divF(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
Value CpuBuilder::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }
Value CpuBuilder::negF(Value a) { return arith::NegFOp::create(*this, a); }
Value CpuBuilder::absF(Value a) { return LLVM::FAbsOp::create(*this, a); }
Value CpuBuilder::sqrt(Value a) { return LLVM::SqrtOp::create(*this, a); }
Value CpuBuilder::lessF(Value a, Value b) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
}
Value CpuBuilder::maxF(Value a, Value b) { return select(lessF(b, a), a, b); }
Value CpuBuilder::equalF(Value a, Value b) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, b);
}
Value CpuBuilder::isNan(Value a) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, a, a);
}
Value CpuBuilder::bits(Value value) { return arith::BitcastOp::create(*this, integers, value); }
Value CpuBuilder::fromBits(Value value) { return arith::BitcastOp::create(*this, vector, value); }
Value CpuBuilder::shiftLeft(Value value, int64_t count) {
  return arith::ShLIOp::create(*this, value, splatLike(value, count));
}
Value CpuBuilder::addI(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value CpuBuilder::mulI(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
Value CpuBuilder::subI(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
Value CpuBuilder::minI(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
Value CpuBuilder::splatLike(Value of, int64_t value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(cast<VectorType>(of.getType()), static_cast<int32_t>(value)));
}
Value CpuBuilder::shiftRight(Value value, int64_t count) {
  return arith::ShRUIOp::create(*this, value, splatLike(value, count));
}
Value CpuBuilder::andI(Value value, int64_t mask) {
  return arith::AndIOp::create(*this, value, splatLike(value, mask));
}

// Parts of vectors -----------------------------------------------------------

Value CpuBuilder::shuffle(Value a, ArrayRef<int32_t> from) {
  return LLVM::ShuffleVectorOp::create(*this, a, a, from);
}
Value CpuBuilder::extract(Value of, int64_t lane) {
  Value index = LLVM::ConstantOp::create(*this, i64, getI64IntegerAttr(lane));
  return LLVM::ExtractElementOp::create(*this, of, index);
}
Value CpuBuilder::insert(Value into, Value scalar, int64_t lane) {
  Value index = LLVM::ConstantOp::create(*this, i64, getI64IntegerAttr(lane));
  return LLVM::InsertElementOp::create(*this, into.getType(), into, scalar, index);
}

Value CpuBuilder::halved(Value of, llvm::function_ref<Value(Value, Value)> join) {
  for (int32_t half = lanes / 2; half >= 1; half /= 2) {
    SmallVector<int32_t> upper(lanes, -1);
    std::iota(upper.begin(), upper.begin() + half, half);
    of = join(of, shuffle(of, upper));
  }
  return extract(of, 0);
}
Value CpuBuilder::sumOf(Value of) {
  return halved(of, [this](Value a, Value b) { return addF(a, b); });
}
Value CpuBuilder::largestOf(Value of) {
  return halved(of, [this](Value a, Value b) { return maxF(a, b); });
}

// Memory ---------------------------------------------------------------------

Value CpuBuilder::at(Value pointer, Value offset) {
  if (constantOf(offset) == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, ptr, f32, pointer, ArrayRef<LLVM::GEPArg>{offset});
}
Value CpuBuilder::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, ptr, f32, pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
}
Value CpuBuilder::at(Value pointer, Value offset, Type element) {
  if (constantOf(offset) == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, ptr, element, pointer, ArrayRef<LLVM::GEPArg>{offset});
}
Value CpuBuilder::atByte(Value pointer, int64_t offset) {
  return LLVM::GEPOp::create(*this, ptr, getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
}

Value CpuBuilder::load(Value pointer, Value lanesRead) {
  if (!lanesRead)
    return LLVM::LoadOp::create(*this, vector, pointer, /*alignment=*/4u);
  return LLVM::MaskedLoadOp::create(*this, vector, pointer, lanesRead, splat(0.0),
                                    /*alignment=*/4u);
}
Value CpuBuilder::loadScalar(Value pointer) {
  return LLVM::LoadOp::create(*this, f32, pointer, /*alignment=*/4u);
}
Value CpuBuilder::loadWord(Value pointer) {
  return LLVM::LoadOp::create(*this, i32, pointer, /*alignment=*/4u);
}
Value CpuBuilder::loadIntegers(Value pointer) {
  return LLVM::LoadOp::create(*this, integers, pointer, /*alignment=*/4u);
}
Value CpuBuilder::loadBytes(Value pointer, Value lanesRead) {
  auto type = VectorType::get(lanes, getI8Type());
  Value bytes;
  if (lanesRead)
    bytes = LLVM::MaskedLoadOp::create(*this, type, pointer, lanesRead,
                                       Value(arith::ConstantOp::create(*this, getZeroAttr(type))),
                                       /*alignment=*/1u);
  else
    bytes = LLVM::LoadOp::create(*this, type, pointer, /*alignment=*/1u);
  return LLVM::UIToFPOp::create(*this, vector, bytes);
}
void CpuBuilder::storeBytes(Value value, Value pointer, Value lanesWritten) {
  Value bytes = arith::TruncIOp::create(*this, VectorType::get(lanes, getI8Type()), value);
  if (lanesWritten)
    LLVM::MaskedStoreOp::create(*this, bytes, pointer, lanesWritten, /*alignment=*/1u);
  else
    LLVM::StoreOp::create(*this, bytes, pointer, /*alignment=*/1u);
}
void CpuBuilder::store(Value value, Value pointer, Value lanesWritten) {
  if (lanesWritten)
    LLVM::MaskedStoreOp::create(*this, value, pointer, lanesWritten, /*alignment=*/4u);
  else
    LLVM::StoreOp::create(*this, value, pointer, /*alignment=*/4u);
}
void CpuBuilder::storeScalar(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer, /*alignment=*/4u);
}

Value CpuBuilder::loadAs(Type element, Value pointer, Value lanesRead) {
  if (element.isF32())
    return load(pointer, lanesRead);
  auto halves = VectorType::get(lanes, getI16Type());
  Value read;
  if (lanesRead) {
    Value zeros = arith::ConstantOp::create(*this, getZeroAttr(halves));
    read = LLVM::MaskedLoadOp::create(*this, halves, pointer, lanesRead, zeros, /*alignment=*/2u);
  } else {
    read = LLVM::LoadOp::create(*this, halves, pointer, /*alignment=*/2u);
  }
  return fromBits(shiftLeft(arith::ExtUIOp::create(*this, integers, read), 16));
}

// To the nearest, of two equally near to the even one: adding 0x7fff and the last bit that stays
// carries into it just then. The instruction for it, which few processors have, would take small
// values for zero. NaN keeps a bit that says so.
void CpuBuilder::storeAs(Type element, Value value, Value pointer, Value lanesWritten) {
  if (element.isF32())
    return store(value, pointer, lanesWritten);
  Value all = bits(value), odd = andI(shiftRight(all, 16), 1);
  Value rounded = shiftRight(addI(addI(all, splatLike(all, 0x7fff)), odd), 16);
  Value quiet = arith::OrIOp::create(*this, shiftRight(all, 16), splatLike(all, 0x40));
  rounded = select(isNan(value), quiet, rounded);
  Value halves = arith::TruncIOp::create(*this, VectorType::get(lanes, getI16Type()), rounded);
  if (lanesWritten)
    LLVM::MaskedStoreOp::create(*this, halves, pointer, lanesWritten, /*alignment=*/2u);
  else
    LLVM::StoreOp::create(*this, halves, pointer, /*alignment=*/2u);
}

Value CpuBuilder::gather(Value pointer, Value offsets, Value lanesRead) {
  auto pointers = VectorType::get(lanes, ptr);
  Value from = LLVM::GEPOp::create(*this, pointers, f32, pointer, ArrayRef<LLVM::GEPArg>{offsets});
  if (!lanesRead)
    lanesRead = arith::ConstantOp::create(*this, DenseElementsAttr::get(mask, true));
  return LLVM::masked_gather::create(*this, vector, from, lanesRead, splat(0.0),
                                     /*alignment=*/4u);
}

Value CpuBuilder::laneNumbers() {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  return constant(numbers);
}

Value CpuBuilder::firstLanes(int64_t count) {
  if (count >= lanes)
    return {};
  SmallVector<bool> set(lanes);
  std::fill(set.begin(), set.begin() + count, true);
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(mask, ArrayRef<bool>(set)));
}

Value CpuBuilder::firstLanes(Value count) {
  if (std::optional<int64_t> known = constantOf(count))
    return firstLanes(*known);
  // A count beyond 32 bits is all lanes, too.
  Value some = arith::TruncIOp::create(*this, i32, min(count, imm(lanes)));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, laneNumbers(), splat(some));
}

// Control --------------------------------------------------------------------

void CpuBuilder::loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(begin, end, step, {}, [&](Value i, ArrayRef<Value>) {
    body(i);
    return Values();
  });
}

CpuBuilder::Values CpuBuilder::loop(Value begin, Value end, int64_t step, ArrayRef<Value> initial,
                                    llvm::function_ref<Values(Value, ArrayRef<Value>)> body) {
  auto loop = scf::ForOp::create(*this, begin, end, imm(step), initial);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
  Values results = body(loop.getInductionVar(), carried);
  if (!initial.empty()) // else there is a terminator
    scf::YieldOp::create(*this, results);
  return Values(loop.getResults().begin(), loop.getResults().end());
}

void CpuBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

void CpuBuilder::overColumns(int64_t width, llvm::function_ref<void(Value, Value)> body) {
  int64_t whole = width / lanes * lanes;
  if (whole == lanes)
    body(imm(0), {});
  else if (whole)
    loop(imm(0), imm(whole), lanes, [&](Value column) { body(column, {}); });
  if (whole < width)
    body(imm(whole), firstLanes(width - whole));
}

} // namespace vitc::codegen::cpu
