//===- PtxBuilder.h - One wrapper per instruction ---------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What the kernel builders write with: scf, arith, llvm and nvvm ops under the names of the
// instructions they become. Integers are i32, also offsets: no buffer of a kernel reaches 2^31
// elements. Global pointers are !llvm.ptr<1>, shared ones !llvm.ptr<3>. Offsets count elements of
// the type named in the call; a constant part stands apart (`delta`), so that it becomes an
// immediate of the access instead of an addition.
//
// Floating-point additions and multiplications are never contracted behind the builder's back;
// write fma() where one rounding is wanted. Nothing here calls libdevice.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_PTX_PTXBUILDER_H
#define CODEGEN_NVPTX_PTX_PTXBUILDER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cstdint>
#include <functional>

namespace vitc::codegen {

class PtxBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Values = llvm::SmallVector<mlir::Value>;

  explicit PtxBuilder(mlir::ImplicitLocOpBuilder builder);

  const Type i1, i32, f16, bf16, tf32, f32;
  const Type globalPtr, sharedPtr; ///< !llvm.ptr<1>, !llvm.ptr<3>

  // Where this thread is.
  Value tid();  ///< %tid.x
  Value lane(); ///< tid & 31: blocks have whole warps in x
  Value warp(); ///< tid >> 5
  Value ctaX(); ///< %ctaid.x, .y, .z
  Value ctaY();
  Value ctaZ();

  // 32-bit integers. Constant operands fold: x + 0, x * 1, x * 2^n become what they are.
  Value imm(int64_t value);
  Value boolean(bool value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value divU(Value a, int64_t b); ///< unsigned, by a positive constant
  Value remU(Value a, int64_t b);
  Value divU(Value a, Value b); ///< unsigned; `b` is not 0
  Value remU(Value a, Value b);
  Value toFloat(Value a); ///< of an unsigned number, to nearest
  Value shl(Value a, int64_t bits);
  Value shr(Value a, int64_t bits); ///< logical
  Value bitAnd(Value a, int64_t mask);
  Value bitAnd(Value a, Value b);
  Value bitOr(Value a, Value b);
  Value bitXor(Value a, Value b);
  Value bitXor(Value a, int64_t mask);
  Value min(Value a, Value b); ///< signed
  Value min(Value a, int64_t b);
  Value max(Value a, Value b);
  Value less(Value a, Value b); ///< signed a < b
  Value less(Value a, int64_t b);
  Value equal(Value a, int64_t b);
  Value both(Value a, Value b); ///< of two i1; a null value counts as true
  Value select(Value condition, Value a, Value b);

  // f32.
  Value immF(double value);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);         ///< div.rn
  Value fma(Value a, Value b, Value c); ///< a * b + c, one rounding
  Value negF(Value a);
  Value absF(Value a);
  Value maxF(Value a, Value b); ///< of a NaN and a number: the number
  Value minF(Value a, Value b);
  Value lessF(Value a, Value b);
  Value ex2(Value a);   ///< 2^a; ex2.approx.ftz, error about 2 ulp
  Value rcp(Value a);   ///< 1/a; rcp.approx.ftz, 1 ulp
  Value rsqrt(Value a); ///< rsqrt.approx.ftz, error 2^-22.9
  Value tanh(Value a);  ///< from ex2 and rcp; absolute error under 3e-7, relative under 1e-6

  // Storage types and f32. A tf32 in a register is an f32 that was rounded to it.
  Value toF32(Value value); ///< f16, bf16 or f32 to f32
  /// Rounds to nearest, ties to even; to tf32 ties away from zero, as the device alone can.
  Value fromF32(Value value, Type storage);
  Value pack2(Value low, Value high, Type storage); ///< two f32 to a 16-bit pair in an i32
  Values unpack2(Value pair, Type storage);         ///< and back
  Value bitcast(Value value, Type type);
  Value extract(Value vector, int64_t index);

  // Memory. `pointer` is global or shared; the address is pointer + (offset + delta) * size of
  // `type`, with `offset` an i32 or null.
  Value at(Value pointer, Type type, Value offset, int64_t delta = 0);
  Value atByte(Value pointer, Value offset, int64_t delta = 0);
  /// A scalar or vector of any type but tf32, which is loaded as f32; aligned to `alignment` bytes
  /// (0: its own size). `readOnly` promises that nothing writes there while the kernel runs:
  /// ld.global.nc.
  Value load(Value pointer, Type type, bool readOnly = false, int64_t alignment = 0);
  void store(Value value, Value pointer, int64_t alignment = 0);
  /// The same if `predicate` holds, else `otherwise` and no access.
  Value loadIf(Value predicate, Value pointer, Type type, Value otherwise, bool readOnly = false);
  void storeIf(Value predicate, Value value, Value pointer);
  /// `count` neighbours of type `storage` as f32, and f32 values rounded and stored: by accesses
  /// of up to 16 bytes, for which the address must be a multiple of count * size (at most 16).
  /// `count` is a power of two.
  Values loadValues(Value pointer, Type storage, unsigned count, bool readOnly = false);
  /// `count` neighbouring bytes, 0 to 255, as f32; the address must be a multiple of `count`, which
  /// is 1, 2, 4 or 8.
  Values loadBytes(Value pointer, unsigned count, bool readOnly = false);
  void storeValues(llvm::ArrayRef<Value> values, Value pointer, Type storage);

  // Shared memory. One dynamic array per kernel, 128-byte aligned; its size is LaunchShape's.
  Value dynamicShared();
  /// A static array, named for the reader of the PTX; 128-byte aligned.
  Value staticShared(llvm::StringRef name, int64_t bytes);

  // Asynchronous copies, tensor cores, synchronisation.
  /// cp.async of 16 (.cg), 8 or 4 (.ca) bytes; `validBytes` (i32, may be null = all) are read, the
  /// others become zero. With 0 valid bytes `source` is not accessed.
  void cpAsync(Value destination, Value source, unsigned bytes, Value validBytes = {});
  /// The same under a predicate, without a branch around it.
  void cpAsyncIf(Value predicate, Value destination, Value source, unsigned bytes,
                 Value validBytes = {});
  void cpAsyncCommit();
  void cpAsyncWait(unsigned pending); ///< until at most `pending` groups of this thread are open
  void barrier();                     ///< bar.sync 0, all threads of the block
  void syncWarp();                    ///< all 32 lanes
  void fence();                       ///< membar.gl: between accesses of blocks to global memory
  /// atom.inc of an i32 in global memory: adds 1, or makes `last` 0. Returns what it was.
  Value atomicIncrement(Value pointer, int64_t last);
  /// Loads `count` (1, 2, 4) 8x8 matrices of 16-bit values; lanes 8i..8i+7 address the rows of
  /// matrix i. Results are pairs in i32. Of 32-bit values the matrices are 8x4, not transposed.
  Values ldmatrix(Value pointer, unsigned count, bool transpose = false);
  /// f32 accumulate: a has 4 words (i32), b has 2, c has 4 values. m16n8k16 on pairs of f16 or
  /// bf16, m16n8k8 on tf32, which may come as f32. Returns 4 values.
  Values mma(llvm::ArrayRef<Value> a, llvm::ArrayRef<Value> b, llvm::ArrayRef<Value> c,
             Type storage);
  Value shuffleXor(Value value, int64_t laneMask); ///< shfl.sync.bfly of an i32 or f32

  // Control flow.
  void ifThen(Value condition, llvm::function_ref<void()> body); ///< null condition: always
  Values ifElse(Value condition, mlir::TypeRange types, llvm::function_ref<Values()> thenBody,
                llvm::function_ref<Values()> elseBody);
  using LoopBody = llvm::function_ref<Values(Value, mlir::ValueRange)>;
  /// for (i = from; i < to; i += step) values = body(i, values)
  Values loop(Value from, Value to, int64_t step, llvm::ArrayRef<Value> initial, LoopBody body) {
    return loop(from, to, step, initial, body, /*rolled=*/false);
  }
  /// The same, and a loop in the machine code too, whatever is known of its bounds: no iterations
  /// beside each other with the registers of all of them.
  Values rolledLoop(Value from, Value to, int64_t step, llvm::ArrayRef<Value> initial,
                    LoopBody body) {
    return loop(from, to, step, initial, body, /*rolled=*/true);
  }

private:
  Values loop(Value from, Value to, int64_t step, llvm::ArrayRef<Value> initial, LoopBody body,
              bool rolled);
  Value intrinsic(llvm::StringRef name, Type result, mlir::ValueRange operands);
  Value global(llvm::StringRef name, int64_t bytes, bool isExternal);
};

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_PTX_PTXBUILDER_H
