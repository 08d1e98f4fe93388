//===- PtxBuilder.cpp - One wrapper per instruction -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/ptx/PtxBuilder.h"

#include "dialect/VitOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/SymbolTable.h"

#include <algorithm>
#include <array>
#include <cassert>

using namespace mlir;

namespace vitc::codegen {

using Values = PtxBuilder::Values;

using vit::bytesOf;

/// What holds a value of `type` in registers.
static Type wordOf(Type type) {
  return isa<FloatTF32Type>(type) ? Type(Float32Type::get(type.getContext())) : type;
}

PtxBuilder::PtxBuilder(ImplicitLocOpBuilder builder)
    : ImplicitLocOpBuilder(builder), i1(getI1Type()), i32(getI32Type()), f16(getF16Type()),
      bf16(getBF16Type()), tf32(getTF32Type()), f32(getF32Type()),
      globalPtr(LLVM::LLVMPointerType::get(getContext(), 1)),
      sharedPtr(LLVM::LLVMPointerType::get(getContext(), 3)) {}

// Where this thread is -------------------------------------------------------

Value PtxBuilder::tid() { return NVVM::ThreadIdXOp::create(*this, i32); }
Value PtxBuilder::lane() { return bitAnd(tid(), 31); }
Value PtxBuilder::warp() { return shr(tid(), 5); }
Value PtxBuilder::ctaX() { return NVVM::BlockIdXOp::create(*this, i32); }
Value PtxBuilder::ctaY() { return NVVM::BlockIdYOp::create(*this, i32); }
Value PtxBuilder::ctaZ() { return NVVM::BlockIdZOp::create(*this, i32); }

// Integers -------------------------------------------------------------------

Value PtxBuilder::imm(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(static_cast<int32_t>(value)));
}
Value PtxBuilder::boolean(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}
Value PtxBuilder::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value PtxBuilder::add(Value a, int64_t b) { return b ? add(a, imm(b)) : a; }
Value PtxBuilder::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value PtxBuilder::mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
Value PtxBuilder::mul(Value a, int64_t b) { return b == 1 ? a : mul(a, imm(b)); }
Value PtxBuilder::divU(Value a, int64_t b) {
  return b == 1 ? a : createOrFold<arith::DivUIOp>(a, imm(b));
}
Value PtxBuilder::remU(Value a, int64_t b) {
  return b == 1 ? imm(0) : createOrFold<arith::RemUIOp>(a, imm(b));
}
Value PtxBuilder::divU(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
Value PtxBuilder::remU(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }
Value PtxBuilder::toFloat(Value a) { return arith::UIToFPOp::create(*this, f32, a); }
Value PtxBuilder::shl(Value a, int64_t bits) { return createOrFold<arith::ShLIOp>(a, imm(bits)); }
Value PtxBuilder::shr(Value a, int64_t bits) { return createOrFold<arith::ShRUIOp>(a, imm(bits)); }
Value PtxBuilder::bitAnd(Value a, int64_t mask) { return bitAnd(a, imm(mask)); }
Value PtxBuilder::bitAnd(Value a, Value b) { return createOrFold<arith::AndIOp>(a, b); }
Value PtxBuilder::bitOr(Value a, Value b) { return createOrFold<arith::OrIOp>(a, b); }
Value PtxBuilder::bitXor(Value a, Value b) { return createOrFold<arith::XOrIOp>(a, b); }
Value PtxBuilder::bitXor(Value a, int64_t mask) { return mask ? bitXor(a, imm(mask)) : a; }
Value PtxBuilder::min(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
Value PtxBuilder::min(Value a, int64_t b) { return min(a, imm(b)); }
Value PtxBuilder::max(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }
Value PtxBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}
Value PtxBuilder::less(Value a, int64_t b) { return less(a, imm(b)); }
Value PtxBuilder::equal(Value a, int64_t b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, a, imm(b));
}
Value PtxBuilder::both(Value a, Value b) { return !a ? b : !b ? a : bitAnd(a, b); }
Value PtxBuilder::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

// f32 ------------------------------------------------------------------------

Value PtxBuilder::immF(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(value)));
}
Value PtxBuilder::addF(Value a, Value b) { return createOrFold<arith::AddFOp>(a, b); }
Value PtxBuilder::subF(Value a, Value b) { return createOrFold<arith::SubFOp>(a, b); }
Value PtxBuilder::mulF(Value a, Value b) { return createOrFold<arith::MulFOp>(a, b); }
Value PtxBuilder::divF(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
Value PtxBuilder::fma(Value a, Value b, Value c) {
  return LLVM::FMAOp::create(*this, f32, a, b, c);
}
Value PtxBuilder::negF(Value a) { return createOrFold<arith::NegFOp>(a); }
Value PtxBuilder::absF(Value a) { return LLVM::FAbsOp::create(*this, f32, a); }
Value PtxBuilder::maxF(Value a, Value b) { return LLVM::MaxNumOp::create(*this, f32, a, b); }
Value PtxBuilder::minF(Value a, Value b) { return LLVM::MinNumOp::create(*this, f32, a, b); }
Value PtxBuilder::lessF(Value a, Value b) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
}
Value PtxBuilder::ex2(Value a) { return intrinsic("llvm.nvvm.ex2.approx.ftz.f32", f32, a); }
Value PtxBuilder::rcp(Value a) { return NVVM::RcpApproxFtzF32Op::create(*this, f32, a); }
Value PtxBuilder::rsqrt(Value a) { return intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", f32, a); }

// 1 - 2 / (1 + e^2x) loses its relative precision where tanh is small; there the series to x^9 is
// exact to 5e-8.
Value PtxBuilder::tanh(Value a) {
  constexpr double twoLog2e = 2.885390081777926815;
  Value power = ex2(mulF(a, immF(twoLog2e)));
  Value wide = fma(immF(-2.0), rcp(addF(power, immF(1.0))), immF(1.0));
  Value square = mulF(a, a);
  Value series = immF(62.0 / 2835.0);
  for (double coefficient : {-17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0})
    series = fma(series, square, immF(coefficient));
  Value narrow = fma(mulF(a, square), series, a);
  return select(lessF(absF(a), immF(0.3)), narrow, wide);
}

// Storage types --------------------------------------------------------------

Value PtxBuilder::bitcast(Value value, Type type) {
  return value.getType() == type ? value : LLVM::BitcastOp::create(*this, type, value);
}

Value PtxBuilder::extract(Value vector, int64_t index) {
  return LLVM::ExtractElementOp::create(*this, vector, imm(index));
}

Value PtxBuilder::toF32(Value value) {
  if (value.getType() == f32)
    return value;
  if (value.getType() == bf16) { // the upper half of an f32
    Value bits = LLVM::ZExtOp::create(*this, i32, bitcast(value, getI16Type()));
    return bitcast(shl(bits, 16), f32);
  }
  return LLVM::FPExtOp::create(*this, f32, value);
}

Value PtxBuilder::fromF32(Value value, Type storage) {
  if (storage == f32)
    return value;
  if (storage == tf32)
    return bitcast(intrinsic("llvm.nvvm.f2tf32.rna", i32, value), f32);
  return LLVM::FPTruncOp::create(*this, storage, value);
}

Value PtxBuilder::pack2(Value low, Value high, Type storage) {
  bool half = storage == f16;
  Value pair = intrinsic(half ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn",
                         VectorType::get(2, storage), ValueRange{high, low});
  return bitcast(pair, i32);
}

Values PtxBuilder::unpack2(Value pair, Type storage) {
  if (storage == bf16)
    return {bitcast(shl(pair, 16), f32), bitcast(bitAnd(pair, 0xffff0000), f32)};
  Value halves = bitcast(pair, VectorType::get(2, storage));
  Values result;
  for (int i = 0; i < 2; ++i)
    result.push_back(toF32(LLVM::ExtractElementOp::create(*this, halves, imm(i))));
  return result;
}

// Memory ---------------------------------------------------------------------

Value PtxBuilder::at(Value pointer, Type type, Value offset, int64_t delta) {
  type = wordOf(type);
  if (offset)
    pointer = LLVM::GEPOp::create(*this, pointer.getType(), type, pointer,
                                  ArrayRef<LLVM::GEPArg>{offset});
  if (delta)
    pointer = LLVM::GEPOp::create(*this, pointer.getType(), type, pointer,
                                  ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(delta)});
  return pointer;
}

Value PtxBuilder::atByte(Value pointer, Value offset, int64_t delta) {
  return at(pointer, getI8Type(), offset, delta);
}

static int64_t naturalAlignment(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return bytesOf(type);
}

Value PtxBuilder::load(Value pointer, Type type, bool readOnly, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, pointer, alignment ? alignment : naturalAlignment(type),
                              /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/readOnly);
}

void PtxBuilder::store(Value value, Value pointer, int64_t alignment) {
  LLVM::StoreOp::create(*this, value, pointer,
                        alignment ? alignment : naturalAlignment(value.getType()));
}

Value PtxBuilder::loadIf(Value predicate, Value pointer, Type type, Value otherwise,
                         bool readOnly) {
  return ifElse(
      predicate, type, [&]() -> Values { return {load(pointer, type, readOnly)}; },
      [&]() -> Values { return {otherwise}; })[0];
}

void PtxBuilder::storeIf(Value predicate, Value value, Value pointer) {
  ifThen(predicate, [&] { store(value, pointer); });
}

Values PtxBuilder::loadValues(Value pointer, Type storage, unsigned count, bool readOnly) {
  assert(llvm::isPowerOf2_32(count) && "expected a power of two");
  if (count == 1)
    return {toF32(load(pointer, wordOf(storage), readOnly))};
  bool pairs = bytesOf(storage) == 2;
  Type word = pairs ? i32 : f32;
  unsigned words = pairs ? count / 2 : count, width = std::min(words, 4u);
  Values result;
  for (unsigned first = 0; first < words; first += width) {
    Value address = at(pointer, word, {}, first);
    Type type = width == 1 ? word : VectorType::get(width, word);
    Value loaded = load(address, type, readOnly);
    for (unsigned i = 0; i < width; ++i) {
      Value one = width == 1 ? loaded : LLVM::ExtractElementOp::create(*this, loaded, imm(i));
      if (pairs)
        result.append(unpack2(one, storage));
      else
        result.push_back(one);
    }
  }
  return result;
}

Values PtxBuilder::loadBytes(Value pointer, unsigned count, bool readOnly) {
  assert(llvm::isPowerOf2_32(count) && count <= 8 && "expected a power of two up to 8");
  constexpr unsigned ofWord = 4;
  Values words;
  if (count < ofWord) {
    Value loaded = load(pointer, getIntegerType(8 * count), readOnly);
    words.push_back(LLVM::ZExtOp::create(*this, i32, loaded));
  } else if (count == ofWord) {
    words.push_back(load(pointer, i32, readOnly));
  } else {
    Value loaded = load(pointer, VectorType::get(count / ofWord, i32), readOnly);
    for (unsigned i = 0; i < count / ofWord; ++i)
      words.push_back(extract(loaded, i));
  }
  Values result;
  for (unsigned i = 0; i < count; ++i) {
    // The lowest bits of 2^23 count ones. Conversions have a quarter of an addition's rate.
    Value byte = bitAnd(shr(words[i / ofWord], 8 * (i % ofWord)), 0xff);
    Value counted = bitcast(bitOr(byte, imm(0x4B000000)), f32);
    result.push_back(subF(counted, immF(8388608.0)));
  }
  return result;
}

void PtxBuilder::storeValues(ArrayRef<Value> values, Value pointer, Type storage) {
  assert(llvm::isPowerOf2_64(values.size()) && "expected a power of two");
  if (values.size() == 1)
    return store(fromF32(values[0], storage), pointer);
  bool pairs = bytesOf(storage) == 2;
  Type word = pairs ? i32 : f32;
  Values words;
  for (unsigned i = 0; i < values.size(); i += pairs ? 2 : 1)
    words.push_back(pairs ? pack2(values[i], values[i + 1], storage) : fromF32(values[i], storage));
  unsigned width = std::min<unsigned>(words.size(), 4);
  for (unsigned first = 0; first < words.size(); first += width) {
    Value stored = words[first];
    if (width > 1) {
      stored = LLVM::PoisonOp::create(*this, VectorType::get(width, word));
      for (unsigned i = 0; i < width; ++i)
        stored = LLVM::InsertElementOp::create(*this, stored, words[first + i], imm(i));
    }
    store(stored, at(pointer, word, {}, first));
  }
}

// Shared memory --------------------------------------------------------------

Value PtxBuilder::global(StringRef name, int64_t bytes, bool isExternal) {
  Operation *table = getInsertionBlock()->getParentOp()->getParentWithTrait<OpTrait::SymbolTable>();
  Operation *symbol = SymbolTable::lookupSymbolIn(table, name);
  if (!symbol) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(&table->getRegion(0).front());
    auto type = LLVM::LLVMArrayType::get(getI8Type(), bytes);
    symbol = LLVM::GlobalOp::create(*this, type, /*isConstant=*/false,
                                    isExternal ? LLVM::Linkage::External : LLVM::Linkage::Internal,
                                    name, Attribute(),
                                    /*alignment=*/128, /*addrSpace=*/3);
  }
  return LLVM::AddressOfOp::create(*this, cast<LLVM::GlobalOp>(symbol));
}

Value PtxBuilder::dynamicShared() { return global("shared_memory", 0, /*isExternal=*/true); }
Value PtxBuilder::staticShared(StringRef name, int64_t bytes) {
  return global(name, bytes, /*isExternal=*/false);
}

// Copies, tensor cores, synchronisation --------------------------------------

void PtxBuilder::cpAsync(Value destination, Value source, unsigned bytes, Value validBytes) {
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(*this, destination, source, bytes, cache, validBytes);
}

/// Takes a constant number of bytes off an address: LLVM puts none into the text of inline
/// assembly.
static std::string takeOffset(Value &pointer) {
  auto address = pointer.getDefiningOp<LLVM::GEPOp>();
  if (!address || !address.getDynamicIndices().empty() ||
      address.getRawConstantIndices().size() != 1)
    return "";
  pointer = address.getBase();
  return "+" + std::to_string(address.getRawConstantIndices()[0] * bytesOf(address.getElemType()));
}

void PtxBuilder::cpAsyncIf(Value predicate, Value destination, Value source, unsigned bytes,
                           Value validBytes) {
  std::string to = takeOffset(destination), from = takeOffset(source);
  std::string text = std::string("@$0 cp.async.") + (bytes == 16 ? "cg" : "ca") +
                     ".shared.global [$1" + to + "], [$2" + from + "], " + std::to_string(bytes);
  std::string constraints = "b,l,l";
  Values operands = {predicate, destination, source};
  if (validBytes) {
    text += ", $3";
    constraints += ",r";
    operands.push_back(validBytes);
  }
  LLVM::InlineAsmOp::create(*this, TypeRange{}, operands, text + ";", constraints,
                            /*has_side_effects=*/true, /*is_align_stack=*/false,
                            LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
                            ArrayAttr());
}
void PtxBuilder::cpAsyncCommit() { NVVM::CpAsyncCommitGroupOp::create(*this); }
void PtxBuilder::cpAsyncWait(unsigned pending) { NVVM::CpAsyncWaitGroupOp::create(*this, pending); }
void PtxBuilder::barrier() { NVVM::Barrier0Op::create(*this); }
void PtxBuilder::syncWarp() { NVVM::SyncWarpOp::create(*this, imm(-1)); }
void PtxBuilder::fence() { NVVM::MembarOp::create(*this, NVVM::MemScopeKind::GPU); }
Value PtxBuilder::atomicIncrement(Value pointer, int64_t last) {
  return LLVM::AtomicRMWOp::create(*this, LLVM::AtomicBinOp::uinc_wrap, pointer, imm(last),
                                   LLVM::AtomicOrdering::monotonic, "device");
}

Values PtxBuilder::ldmatrix(Value pointer, unsigned count, bool transpose) {
  Type type = i32;
  if (count > 1)
    type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(count, i32));
  Value loaded = NVVM::LdMatrixOp::create(
      *this, type, pointer, count, transpose ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  if (count == 1)
    return {loaded};
  Values result;
  for (unsigned i = 0; i < count; ++i)
    result.push_back(LLVM::ExtractValueOp::create(*this, loaded, static_cast<int64_t>(i)));
  return result;
}

Values PtxBuilder::mma(ArrayRef<Value> a, ArrayRef<Value> b, ArrayRef<Value> c, Type storage) {
  Values left(a), right(b);
  std::optional<std::array<NVVM::MMATypes, 2>> types; // f16: from the operands
  if (storage != f16) {
    NVVM::MMATypes type = storage == bf16 ? NVVM::MMATypes::bf16 : NVVM::MMATypes::tf32;
    types = {{type, type}};
  }
  for (Values *operand : {&left, &right})
    for (Value &word : *operand)
      word = bitcast(word, storage == f16 ? VectorType::get(2, f16) : i32);
  Type type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(4, f32));
  Value sum = NVVM::MmaOp::create(
      *this, type, left, right, c, ArrayRef<int64_t>{16, 8, storage == tf32 ? 8 : 16}, std::nullopt,
      std::nullopt, types,
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Values result;
  for (int64_t i = 0; i < 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(*this, sum, i));
  return result;
}

Value PtxBuilder::shuffleXor(Value value, int64_t laneMask) {
  return NVVM::ShflOp::create(*this, value.getType(), imm(-1), value, imm(laneMask), imm(31),
                              NVVM::ShflKind::bfly, UnitAttr());
}

// Control flow ---------------------------------------------------------------

void PtxBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  if (!condition || matchPattern(condition, m_One()))
    return body();
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

Values PtxBuilder::ifElse(Value condition, TypeRange types, llvm::function_ref<Values()> thenBody,
                          llvm::function_ref<Values()> elseBody) {
  auto branch = scf::IfOp::create(*this, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, thenBody());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, elseBody());
  return Values(branch.getResults());
}

Values PtxBuilder::loop(Value from, Value to, int64_t step, ArrayRef<Value> initial, LoopBody body,
                        bool rolled) {
  auto loop = scf::ForOp::create(*this, from, to, imm(step), initial);
  if (rolled) { // becomes .pragma "nounroll"
    auto never = LLVM::LoopUnrollAttr::get(getContext(), /*disable=*/getBoolAttr(true), {}, {}, {},
                                           {}, {}, {});
    loop->setAttr("loop_annotation",
                  LLVM::LoopAnnotationAttr::get(getContext(), {}, {}, {}, never, {}, {}, {}, {}, {},
                                                {}, {}, {}, {}, {}, {}));
  }
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (initial.empty())
    return {}; // the builder has put the terminator
  scf::YieldOp::create(*this, next);
  return Values(loop.getResults());
}

Value PtxBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), operands).getResult(0);
}

} // namespace vitc::codegen
