//===- Quantize.cpp - Rows as bytes ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The range of a row, with zero in it, is cut into 255 steps:
//
//   scale = (high - low) / 255      zero = round(-low / scale)      u = round(x / scale) + zero
//
// so zero is a whole number of steps, and the columns of zeros that some kernels have behind a row
// add nothing. Rounding is to even and by addition: an f32 of 1.5 * 2^23 and a small number has the
// nearest whole number in its last bits. The same arithmetic in each form gives the same bytes.
//
// A row with a value that is no number, or infinite, gets a scale that is no number: every product
// with it is none then, as it would be in f32.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Quantize.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitc::codegen::cpu {

namespace {

constexpr double steps = 255;
constexpr double roundsTo = 0x1.8p23;
/// Ranges below this are zero: no f32 is the reciprocal of their scale.
constexpr double leastRange = 0x1p-100;

class RowQuantizer {
public:
  RowQuantizer(CpuKernel &k, Value values, int64_t width) : k(k), values(values), width(width) {}

  void write(Value result) {
    findRange();
    k.overColumns(width, [&](Value column, Value mask) {
      Value x = k.load(k.at(values, column), mask);
      Value u = k.minI(k.addI(rounded(x), zero), k.splatLike(zero, int64_t(steps)));
      if (mask) // up to a whole group, of which the last are zeros of the row
        mask = k.firstLanes(llvm::alignTo(width % lanes, group));
      k.storeBytes(u, k.at(result, column, k.getI8Type()), mask);
    });
    int64_t behind = llvm::alignTo(width, group);
    k.storeScalar(scale, k.atByte(result, behind));
    k.storeScalar(k.extract(zero, 0), k.atByte(result, behind + group));
  }

private:
  static constexpr int64_t group = 4;

  void findRange() {
    Value none = k.splat(0.0);
    CpuBuilder::Values state = {none, none, none}; // low, high, a sum of zeros
    int64_t whole = width / lanes * lanes;
    if (whole)
      state = k.loop(k.imm(0), k.imm(whole), lanes, state, [&](Value i, ArrayRef<Value> before) {
        return extended(before, k.load(k.at(values, i)));
      });
    if (whole < width)
      state = extended(state, k.load(k.at(values, whole), k.firstLanes(width - whole)));
    Value low = k.negF(k.largestOf(k.negF(state[0]))), high = k.largestOf(state[1]);
    Value range = k.subF(high, low);
    Value isRange = k.lessF(k.immF(leastRange), range);
    Value inverse = k.select(isRange, k.divF(k.immF(steps), range), k.immF(0.0));
    scale = k.select(isRange, k.divF(range, k.immF(steps)), k.immF(0.0));
    scale = k.addF(scale, k.sumOf(state[2]));
    perStep = k.splat(inverse);
    zero = rounded(k.splat(k.negF(low)));
  }

  /// The sum is no number once a value is none.
  CpuBuilder::Values extended(ArrayRef<Value> state, Value x) {
    Value low = k.select(k.lessF(x, state[0]), x, state[0]);
    return {low, k.maxF(x, state[1]), k.fma(x, k.splat(0.0), state[2])};
  }

  /// x / scale as i32.
  Value rounded(Value x) {
    Value sum = k.fma(x, perStep, k.splat(roundsTo));
    return k.subI(k.bits(sum), k.bits(k.splat(roundsTo)));
  }

  CpuKernel &k;
  const Value values;
  const int64_t width;
  Value scale, perStep, zero; ///< the last two in all lanes
};

} // namespace

void emitQuantizedRow(CpuKernel &k, Value values, int64_t width, Value result) {
  RowQuantizer(k, values, width).write(result);
}

} // namespace vitc::codegen::cpu
