//===- Math.cpp - Functions on vectors of f32 -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Math.h"

#include <cmath>

using namespace mlir;

namespace vitc::codegen::cpu {

/// The polynomial with these coefficients, the highest power first.
static Value polynomial(CpuBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = b.splat(coefficients.front());
  for (double coefficient : coefficients.drop_front())
    sum = b.fma(sum, x, b.splat(coefficient));
  return sum;
}

// 2^n e^r with n the integer nearest to x / ln 2, so that |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves
// n in the low bits, from where it is shifted into the exponent of 1. The polynomial is Cephes'
// expf. From 88.38 on n is 128, whose power has the bits of infinity: what divides by it is zero,
// or no number where an infinity is divided. A NaN passes both limits, which are written so that
// they are one instruction each, and the product at the end.
Value emitExp(CpuBuilder &b, Value x) {
  constexpr double most = 88.5, least = -87.33, magic = 12582912.0;
  Value clamped = b.select(b.lessF(x, b.splat(least)), b.splat(least), x);
  clamped = b.select(b.lessF(b.splat(most), clamped), b.splat(most), clamped);
  Value shifted = b.fma(clamped, b.splat(1.44269504088896341), b.splat(magic));
  Value n = b.subF(shifted, b.splat(magic));
  Value r = b.fma(n, b.splat(-0.693359375), clamped);
  r = b.fma(n, b.splat(2.12194440054690583e-4), r);
  Value p = polynomial(b, r,
                       {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                        1.6666665459e-1, 5.0000001201e-1});
  p = b.addF(b.fma(b.mulF(r, r), p, r), b.splat(1.0));
  return b.mulF(p, b.fromBits(b.addI(b.shiftLeft(b.bits(shifted), 23), b.bits(b.splat(1.0)))));
}

Value emitSigmoid(CpuBuilder &b, Value x) {
  return b.divF(b.splat(1.0), b.addF(emitExp(b, b.negF(x)), b.splat(1.0)));
}

/// x / (1 + e^-y), which x silu, quick GELU and, since x/2 (1 + tanh u) = x / (1 + e^-2u), tanh
/// GELU are.
static Value timesLogistic(CpuBuilder &b, Value x, Value minusY) {
  return b.divF(x, b.addF(emitExp(b, minusY), b.splat(1.0)));
}

Value emitSilu(CpuBuilder &b, Value x) { return timesLogistic(b, x, b.negF(x)); }

// Near zero x + x^3 P(x^2), Cephes' tanhf; elsewhere 1 - 2 / (1 + e^2|x|) with the sign of x.
Value emitTanh(CpuBuilder &b, Value x) {
  Value magnitude = b.absF(x), square = b.mulF(x, x);
  Value p = polynomial(b, square,
                       {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1,
                        -3.33332819422e-1});
  Value near = b.fma(b.mulF(square, p), x, x);
  Value e = emitExp(b, b.addF(magnitude, magnitude));
  Value far = b.subF(b.splat(1.0), b.divF(b.splat(2.0), b.addF(e, b.splat(1.0))));
  far = b.select(b.lessF(x, b.splat(0.0)), b.negF(far), far);
  return b.select(b.lessF(magnitude, b.splat(0.625)), near, far);
}

// With z = |x| / sqrt 2 and q = erfc(z) / 2, GELU is x - x q right of zero and x q left of it:
// max(x, 0) - |x| q, without cancellation. erfc(z) = t e^(-z^2 + P(t)) with t = 1 / (1 + z / 2) is
// within 1.2e-7 of itself everywhere (Numerical Recipes, erfcc). Right of zero |x| is kept finite,
// so that infinity stays what it is; -infinity times q, which is 0, is no number, as IEEE has it.
static Value geluErf(CpuBuilder &b, Value x) {
  constexpr double large = 1e30; // q is 0
  Value magnitude = b.absF(b.select(b.lessF(b.splat(large), x), b.splat(large), x));
  Value t = b.divF(b.splat(1.0), b.fma(magnitude, b.splat(M_SQRT1_2 / 2), b.splat(1.0)));
  Value p = polynomial(b, t,
                       {0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806,
                        0.09678418, 0.37409196, 1.00002368, -1.26551223});
  Value exponent = b.fma(b.mulF(x, b.splat(-0.5)), x, p);
  Value q = b.mulF(b.mulF(t, b.splat(0.5)), emitExp(b, exponent));
  return b.fma(b.negF(magnitude), q, b.select(b.lessF(x, b.splat(0.0)), b.splat(0.0), x));
}

// x Phi(x), with Phi(x) = 1/2 + t P(t^2), where t is x kept within 4.4, and the coefficients of P
// are those for which x Phi(x) is least off: by 2.5e-5, and by 4e-5 as f32 computes it. At -4.4 the
// sum is below zero and kept at it, so what lies further left is zero, and -infinity no number. A
// NaN passes all limits, as in emitExp.
Value emitRoughGelu(CpuBuilder &b, Value x) {
  auto between = [&b](double least, Value value, double most) {
    value = b.select(b.lessF(value, b.splat(least)), b.splat(least), value);
    return b.select(b.lessF(b.splat(most), value), b.splat(most), value);
  };
  Value t = between(-4.4, x, 4.4);
  Value p = polynomial(b, b.mulF(t, t),
                       {3.57263098e-11, -3.75663116e-9, 1.74170872e-7, -4.72640386e-6,
                        8.43087841e-5, -1.05508605e-3, 9.64333198e-3, -6.60769018e-2, 0.398761856});
  return b.mulF(x, between(0, b.fma(t, p, b.splat(0.5)), 1));
}

Value emitGelu(CpuBuilder &b, vit::GeluForm form, Value x) {
  switch (form) {
  case vit::GeluForm::Erf:
    return geluErf(b, x);
  case vit::GeluForm::Quick:
    return timesLogistic(b, x, b.mulF(x, b.splat(-1.702)));
  case vit::GeluForm::Tanh: {
    const double outer = -2.0 * std::sqrt(2.0 / M_PI);
    Value bracket = b.fma(b.mulF(x, x), b.splat(outer * 0.044715), b.splat(outer));
    return timesLogistic(b, x, b.mulF(x, bracket));
  }
  }
  llvm_unreachable("all forms of gelu are above");
}

} // namespace vitc::codegen::cpu
