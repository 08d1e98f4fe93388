//===- CpuBuilder.h - What kernels of a CPU are written with ----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// scf, arith and llvm ops on scalars and on vectors of 16 f32 values, which are one register of
// AVX-512 or two of AVX2: both forms of a kernel do the same arithmetic in the same order, and have
// the same bits. Integers and offsets are i64; offsets count f32 values.
//
// Kernels are written so, and not as linalg ops that passes tile and vectorise: sizes that depend
// on the batch need masked or split loops, epilogues are arbitrary ops that read other activations,
// and the inner loop of a product must be exactly what the registers hold. All of that is simpler
// to write than to steer.
//
// Nothing is contracted behind the builder's back; write fma() where one rounding is wanted.
// Nothing calls a library.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_CPUBUILDER_H
#define CODEGEN_CPU_CPUBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cstdint>
#include <functional>

namespace vitc::codegen::cpu {

/// Values of a vector in all code but the sums of products.
inline constexpr int64_t lanes = 16;

class CpuBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Values = llvm::SmallVector<mlir::Value>;

  explicit CpuBuilder(const mlir::ImplicitLocOpBuilder &builder);

  const Type i1, i32, i64, f32, ptr;
  const mlir::VectorType vector, integers, mask; ///< of 16 f32, i32, i1

  // Integers. Constant operands fold.
  Value imm(int64_t value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value div(Value a, int64_t b); ///< of values that are not negative, by positive ones
  Value div(Value a, Value b);
  Value rem(Value a, int64_t b);
  Value rem(Value a, Value b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value less(Value a, Value b); ///< signed
  Value less(Value a, int64_t b);
  Value toFloat(Value a); ///< of an integer, or a vector of i32
  Value equal(Value a, int64_t b);
  Value select(Value condition, Value a, Value b);

  // f32 values or vectors of them.
  Value immF(double value); ///< a scalar
  Value splat(double value);
  Value splat(Value scalar);
  Value constant(llvm::ArrayRef<float> values); ///< one for each lane
  Value constant(llvm::ArrayRef<int32_t> values);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);
  Value fma(Value a, Value b, Value c); ///< a * b + c
  Value negF(Value a);
  Value absF(Value a);
  Value sqrt(Value a);
  Value maxF(Value a, Value b);  ///< b where one of them is NaN
  Value lessF(Value a, Value b); ///< ordered; false where one is NaN
  Value equalF(Value a, Value b);
  Value isNan(Value a);
  Value bits(Value vector); ///< as i32
  Value fromBits(Value integers);
  Value shiftLeft(Value integers, int64_t count);
  Value addI(Value a, Value b); ///< of vectors of integers
  Value subI(Value a, Value b);
  Value minI(Value a, Value b); ///< signed
  Value mulI(Value a, Value b);
  Value shiftRight(Value integers, int64_t count); ///< zeros come in
  Value andI(Value integers, int64_t value);
  Value splatLike(Value integers, int64_t value); ///< a vector of i32 as wide as that

  // Parts of vectors.
  Value shuffle(Value a, llvm::ArrayRef<int32_t> from);
  Value extract(Value vector, int64_t lane);
  Value insert(Value vector, Value scalar, int64_t lane);
  Value sumOf(Value vector); ///< in a fixed order, in halves
  Value largestOf(Value vector);

  // Memory. A null mask is all lanes; lanes that are masked read 0.
  Value at(Value pointer, Value offset);
  Value at(Value pointer, int64_t offset);
  Value atByte(Value pointer, int64_t offset); ///< constant offsets below 2^31 bytes
  /// Of values of an activation or weight, of f32 or bf16, or of bytes.
  Value at(Value pointer, Value offset, Type element);
  Value load(Value pointer, Value mask = {});
  /// The same for f32 or bf16, which are rounded to even when they are stored.
  Value loadAs(Type element, Value pointer, Value mask);
  void storeAs(Type element, Value value, Value pointer, Value mask);
  Value loadScalar(Value pointer);
  Value loadWord(Value pointer); ///< an i32
  Value loadIntegers(Value pointer);
  /// Bytes, 0 to 255, as f32.
  Value loadBytes(Value pointer, Value mask = {});
  /// The lowest byte of each integer.
  void storeBytes(Value integers, Value pointer, Value mask = {});
  void store(Value value, Value pointer, Value mask = {});
  void storeScalar(Value value, Value pointer);
  /// Lanes from pointer + offsets, i32 each.
  Value gather(Value pointer, Value offsets, Value mask = {});

  /// The lanes below `count`, which may be constant: null if those are all.
  Value firstLanes(int64_t count);
  Value firstLanes(Value count);
  /// The lanes that are columns below `end` of a vector that begins at `column`.
  Value lanesBelow(Value column, int64_t end) {
    return firstLanes(max(sub(imm(end), column), imm(0)));
  }
  Value laneNumbers(); ///< 0, 1, ..., as i32

  // Control.
  void loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body);
  /// With values that are carried from step to step; returns the last.
  Values loop(Value begin, Value end, int64_t step, llvm::ArrayRef<Value> initial,
              llvm::function_ref<Values(Value, llvm::ArrayRef<Value>)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);

  /// Columns [0, width) in vectors: the body is called with the column and the mask of each, once
  /// in a loop without mask, once for what is left.
  void overColumns(int64_t width, llvm::function_ref<void(Value column, Value mask)> body);

private:
  /// The first half of a vector with the second, until there is one value.
  Value halved(Value vector, llvm::function_ref<Value(Value, Value)> join);
};

/// The value of an i64 that is known, else nothing.
std::optional<int64_t> constantOf(mlir::Value value);

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_CPUBUILDER_H
