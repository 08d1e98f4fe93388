//===- Product.cpp - The inner loops of matrix products -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Some rows of C, two vectors of each, are in registers while k goes from the first to the last
// step. A step loads the two vectors of B, and for each row one value of A into all lanes, and does
// a multiply-add for each row and vector:
//
//   AVX-512: 12 rows of 2 x 16, 24 of 32 registers      AVX2: 6 rows of 2 x 8, 12 of 16
//
// Of bf16 a step is a pair of values in each lane: one instruction for both where the processor has
// it, else both are widened, which AVX2 has registers for with 4 rows.
//
// Of i8 a step is four values in each lane. Where there is no instruction for all of them (VNNI),
// the even ones and the odd ones are widened to i16, of which a product of pairs is exact in i32:
// the one instruction of AVX2 for bytes rounds to what i16 holds.
//
// Rows that are left over are done at once, too: there is code for each number of them. The rows of
// A are read where they lie: all are read line by line, which the processor foresees.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;

namespace vitc::codegen::cpu {

namespace {

/// Steps of the full loop that are written one after the other. Of two parts there is one:
/// compilers would widen for the next steps ahead, and have no registers for that.
constexpr int64_t unrolled = 4;

/// Rows whose sums are in registers. Two halves of a pair, widened, take a register each for each
/// vector of B.
int64_t rowsTogether(const Form &form, const ProductShape &shape) {
  bool widened = shape.products != cost::CpuProducts::F32;
  return widened && form.isa == VIT_ISA_AVX2 ? form.cpu.microRows - 2 : form.cpu.microRows;
}

/// Writes the function for up to two registers of columns.
class BlockWriter : public CpuBuilder {
public:
  BlockWriter(const ImplicitLocOpBuilder &builder, const Form &form, const ProductShape &shape)
      : CpuBuilder(builder), form(form), shape(shape), width(form.cpu.lanes),
        vectors((shape.columns + width - 1) / width), most(rowsTogether(form, shape)),
        type(VectorType::get(width, f32)), words(VectorType::get(width, i32)),
        sumType(shape.products == cost::CpuProducts::I8 ? words : type) {
    if (int64_t rest = shape.columns % width) {
      SmallVector<bool> set(width);
      std::fill(set.begin(), set.begin() + rest, true);
      lastMask = arith::ConstantOp::create(
          *this, DenseElementsAttr::get(VectorType::get(width, i1), ArrayRef<bool>(set)));
    }
  }

  void write(Block &entry) {
    Value a = entry.getArgument(0), b = entry.getArgument(1), c = entry.getArgument(2),
          depth = entry.getArgument(3), rows = entry.getArgument(4);
    Value left = rem(rows, most), whole = sub(rows, left);
    loop(imm(0), whole, most, [&](Value row) {
      rowsAt(most, at(a, mul(row, shape.rowStride)), b, at(c, mul(row, shape.resultStride)), depth);
    });
    Value restOfA = at(a, mul(whole, shape.rowStride)),
          restOfC = at(c, mul(whole, shape.resultStride));
    for (int64_t count = 1; count < most; ++count)
      ifThen(equal(left, count), [&] { rowsAt(count, restOfA, b, restOfC, depth); });
    LLVM::ReturnOp::create(*this, ValueRange());
  }

private:
  void rowsAt(int64_t rows, Value a, Value b, Value c, Value depth) {
    Values sums;
    Value zero = arith::ConstantOp::create(*this, getZeroAttr(sumType));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        sums.push_back(shape.accumulates
                           ? Value(LLVM::LoadOp::create(*this, sumType, placeOf(c, r, v), 4))
                           : zero);
    int64_t together = rows == most && parts().size() == 1 ? unrolled : 1;
    Value whole = together == 1 ? depth : sub(depth, rem(depth, together));
    Values state = {a, b};
    state.append(sums);
    state = steps(rows, together, imm(0), whole, state);
    if (together != 1)
      state = steps(rows, 1, whole, depth, state);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        LLVM::StoreOp::create(*this, state[2 + r * vectors + v], placeOf(c, r, v), 4);
  }

  Value placeOf(Value c, int64_t row, int64_t vector) {
    return at(c, row * shape.resultStride + vector * width);
  }

  /// The state is the pointers of A and B at the step, then the sums.
  Values steps(int64_t rows, int64_t together, Value begin, Value end, const Values &initial) {
    return loop(begin, end, together, initial, [&](Value, ArrayRef<Value> state) {
      Values next(state.begin(), state.end());
      for (int64_t step = 0; step < together; ++step)
        stepOf(rows, at(state[0], step * shape.stepStride), at(state[1], step * shape.inputStride),
               MutableArrayRef(next).drop_front(2));
      next[0] = at(state[0], together * shape.stepStride);
      next[1] = at(state[1], together * shape.inputStride);
      return next;
    });
  }

  /// What a multiply-add takes of four bytes: all, a pair of bf16 or one of it, four values of i8
  /// or two of them.
  enum class Part { Value, Pair, First, Second, Quad, Even, Odd };

  /// All at once where there is an instruction for it; else widened, one after the other.
  SmallVector<Part> parts() {
    switch (shape.products) {
    case cost::CpuProducts::F32:
      return {Part::Value};
    case cost::CpuProducts::Bf16:
      if (form.isa == VIT_ISA_AVX512_BF16)
        return {Part::Pair};
      return {Part::First, Part::Second};
    case cost::CpuProducts::I8:
      if (form.isa == VIT_ISA_AVX512_VNNI)
        return {Part::Quad};
      return {Part::Even, Part::Odd};
    }
    llvm_unreachable("all types are above");
  }

  void stepOf(int64_t rows, Value a, Value b, MutableArrayRef<Value> sums) {
    SmallVector<Part> all = parts();
    SmallVector<SmallVector<Value>> inputs; // of each vector, the parts
    for (int64_t v = 0; v < vectors; ++v) {
      Value loaded = loadInput(at(b, v * width), v + 1 == vectors ? lastMask : Value());
      inputs.emplace_back();
      for (Part part : all)
        inputs.back().push_back(take(part, loaded, /*isSigned=*/true));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value loaded = spread(loadScalar(at(a, r * shape.rowStride)));
      for (auto [i, part] : llvm::enumerate(all)) {
        Value value = take(part, loaded, /*isSigned=*/false);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = sums[r * vectors + v];
          sum = multiplyAdd(part, value, inputs[v][i], sum);
        }
      }
    }
  }

  /// bf16 is the upper half of an f32; of two bytes the first is the lower half of an i16.
  Value take(Part part, Value loaded, bool isSigned) {
    if (part == Part::Value || part == Part::Pair || part == Part::Quad)
      return loaded;
    if (part == Part::Even || part == Part::Odd)
      return widen(part, loaded, isSigned);
    Value all = arith::BitcastOp::create(*this, words, loaded);
    Value one = part == Part::First ? shiftLeft(all, 16) : andI(all, int64_t(0xffff0000));
    return arith::BitcastOp::create(*this, type, one);
  }

  /// Every second byte as i16.
  Value widen(Part part, Value loaded, bool isSigned) {
    auto halves = VectorType::get(2 * width, getI16Type());
    Value all = LLVM::BitcastOp::create(*this, halves, loaded);
    Value byte = arith::ConstantOp::create(*this, DenseElementsAttr::get(halves, int16_t(8)));
    if (part == Part::Even) // to the upper half
      all = arith::ShLIOp::create(*this, all, byte);
    if (isSigned)
      return arith::ShRSIOp::create(*this, all, byte);
    return arith::ShRUIOp::create(*this, all, byte);
  }

  Value multiplyAdd(Part part, Value a, Value b, Value sum) {
    switch (part) {
    case Part::Value:
    case Part::First:
    case Part::Second:
      return fma(a, b, sum);
    case Part::Pair:
      return dot(VectorType::get(2 * width, getBF16Type()), "llvm.x86.avx512bf16.dpbf16ps.512", a,
                 b, sum);
    case Part::Quad:
      return dot(VectorType::get(4 * width, getI8Type()), "llvm.x86.avx512.vpdpbusd.512", a, b,
                 sum);
    case Part::Even:
    case Part::Odd:
      return addI(sum,
                  call(words,
                       width == lanes ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd",
                       {a, b}));
    }
    llvm_unreachable("all parts are above");
  }

  /// sum + the sum of all a_i * b_i in every lane.
  Value dot(VectorType values, StringRef intrinsic, Value a, Value b, Value sum) {
    Value left = LLVM::BitcastOp::create(*this, values, a);
    Value right = LLVM::BitcastOp::create(*this, values, b);
    return call(sumType, intrinsic, {sum, left, right});
  }

  Value call(Type result, StringRef intrinsic, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(intrinsic), operands)
        .getResult(0);
  }

  Value loadInput(Value pointer, Value lanesRead) {
    if (!lanesRead)
      return LLVM::LoadOp::create(*this, type, pointer, 4);
    Value zero = arith::ConstantOp::create(*this, DenseElementsAttr::get(type, 0.0f));
    return LLVM::MaskedLoadOp::create(*this, type, pointer, lanesRead, zero, 4u);
  }

  Value spread(Value scalar) {
    Value poison = LLVM::PoisonOp::create(*this, type);
    Value zero = LLVM::ConstantOp::create(*this, i64, getI64IntegerAttr(0));
    Value one = LLVM::InsertElementOp::create(*this, type, poison, scalar, zero);
    return LLVM::ShuffleVectorOp::create(*this, one, poison, SmallVector<int32_t>(width, 0));
  }

  const Form &form;
  const ProductShape &shape;
  const int64_t width, vectors, most;
  const VectorType type, words, sumType; ///< what is loaded; i32; of sums
  Value lastMask;
};

std::string nameOf(const ProductShape &shape, const Form &form) {
  std::string name = "product";
  for (int64_t number :
       {shape.rowStride, shape.stepStride, shape.inputStride, shape.resultStride, shape.columns})
    name += "_" + std::to_string(number);
  constexpr const char *types[] = {"", "_pairs", "_i8"};
  return name + types[int(shape.products)] + (shape.accumulates ? "_add_" : "_") + form.name.str();
}

LLVM::LLVMFuncOp blockFunction(CpuKernel &k, const ProductShape &shape) {
  std::string name = nameOf(shape, k.form);
  if (auto known = k.module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  ImplicitLocOpBuilder builder(UnknownLoc::get(k.getContext()), k.getContext());
  Block *entry;
  LLVM::LLVMFuncOp function =
      createFunction(builder, k.module, name, {k.ptr, k.ptr, k.ptr, k.i64, k.i64}, k.form, entry);
  function.setNoInline(true);
  builder.setInsertionPointToStart(entry);
  BlockWriter(builder, k.form, shape).write(*entry);
  return function;
}

} // namespace

void emitProduct(CpuKernel &k, const ProductShape &shape, Value a, Value b, Value c, Value rows,
                 Value depth) {
  int64_t most = 2 * k.form.cpu.lanes;
  for (int64_t column = 0; column < shape.columns; column += most) {
    ProductShape part = shape;
    part.columns = std::min(most, shape.columns - column);
    LLVM::CallOp::create(k, blockFunction(k, part),
                         ValueRange{a, k.at(b, column), k.at(c, column), depth, rows});
  }
}

} // namespace vitc::codegen::cpu
