//===- Float.cpp - Arithmetic on f32 and f64 ------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Rounding is to nearest even; Rounded.cpp has the other roundings. The `.approx` functions are
// computed more precisely than the device does; their results differ in the last bits only.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "FastPaths.h"

#include <cmath>
#include <limits>

namespace vitc::emu {
namespace {

template <class T> T flush(T a) {
  return std::fabs(a) < std::numeric_limits<T>::min() ? std::copysign(T(0), a) : a;
}
template <class T> using BitsOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
template <class T> constexpr BitsOf<T> signBit = BitsOf<T>(1) << (sizeof(T) * 8 - 1);

struct Add {
  template <class T> static T apply(T a, T b) { return a + b; }
};
struct Sub {
  template <class T> static T apply(T a, T b) { return a - b; }
};
struct Mul {
  template <class T> static T apply(T a, T b) { return a * b; }
};
struct Div {
  template <class T> static T apply(T a, T b) { return a / b; }
};
// One NaN loses against a number; -0 is below +0.
struct Min {
  template <class T> static T apply(T a, T b) {
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) ? b : a;
    return a < b || (a == b && std::signbit(a)) ? a : b;
  }
};
struct Max {
  template <class T> static T apply(T a, T b) {
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) ? b : a;
    return a > b || (a == b && !std::signbit(a)) ? a : b;
  }
};
struct MinNan {
  template <class T> static T apply(T a, T b) {
    return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : Min::apply(a, b);
  }
};
struct MaxNan {
  template <class T> static T apply(T a, T b) {
    return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : Max::apply(a, b);
  }
};
/// Of the magnitudes, with the product's sign.
template <class Order> struct XorSign {
  template <class T> static T apply(T a, T b) {
    T r = Order::apply(std::fabs(a), std::fabs(b));
    return std::signbit(a) != std::signbit(b) ? -r : r;
  }
};
struct CopySign {
  template <class T> static T apply(T a, T b) { return std::copysign(b, a); }
};

struct Neg {
  template <class T> static T apply(T a) {
    return std::bit_cast<T>(BitsOf<T>(std::bit_cast<BitsOf<T>>(a) ^ signBit<T>));
  }
};
struct Abs {
  template <class T> static T apply(T a) {
    return std::bit_cast<T>(BitsOf<T>(std::bit_cast<BitsOf<T>>(a) & ~signBit<T>));
  }
};
struct Rcp {
  template <class T> static T apply(T a) { return T(1) / a; }
};
struct Sqrt {
  template <class T> static T apply(T a) { return std::sqrt(a); }
};
struct Rsqrt {
  template <class T> static T apply(T a) { return T(1 / std::sqrt(double(a))); }
};
struct Ex2 {
  template <class T> static T apply(T a) { return std::exp2(a); }
};
struct Lg2 {
  template <class T> static T apply(T a) { return std::log2(a); }
};
struct Tanh {
  template <class T> static T apply(T a) { return std::tanh(a); }
};
struct Sin {
  template <class T> static T apply(T a) { return std::sin(a); }
};
struct Cos {
  template <class T> static T apply(T a) { return std::cos(a); }
};

template <class T, class Op, bool ftz> void binary(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2];
  forLanes(mask, [&](unsigned l) {
    if constexpr (ftz)
      w.set<T>(d, l, flush(Op::apply(flush(w.get<T>(a, l)), flush(w.get<T>(b, l)))));
    else
      w.set<T>(d, l, Op::apply(w.get<T>(a, l), w.get<T>(b, l)));
  });
}
template <class T, class Op, bool ftz> void unary(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1];
  forLanes(mask, [&](unsigned l) {
    if constexpr (ftz)
      w.set<T>(d, l, flush(Op::apply(flush(w.get<T>(a, l)))));
    else
      w.set<T>(d, l, Op::apply(w.get<T>(a, l)));
  });
}
template <class T, bool ftz> void fma(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2], c = i.ops[3];
  if constexpr (sizeof(T) == 4 && !ftz)
    if (mask == fullMask && fastPaths().fma) {
      auto at = [&](uint32_t slot) { return reinterpret_cast<float *>(w.file + slot); };
      return fastPaths().fma(at(d), at(a), at(b), at(c));
    }
  forLanes(mask, [&](unsigned l) {
    if constexpr (ftz)
      w.set<T>(
          d, l,
          flush(std::fma(flush(w.get<T>(a, l)), flush(w.get<T>(b, l)), flush(w.get<T>(c, l)))));
    else
      w.set<T>(d, l, std::fma(w.get<T>(a, l), w.get<T>(b, l), w.get<T>(c, l)));
  });
}
/// `.sat`: the result in [0, 1], NaN becomes 0. Runs after the handler in flags2.
template <Handler inner> void saturated(Warp &w, const Inst &i, uint32_t mask) {
  inner(w, i, mask);
  forLanes(mask, [&](unsigned l) {
    float v = w.get<float>(i.ops[0], l);
    w.set<float>(i.ops[0], l, v > 0 ? (v < 1 ? v : 1.0f) : 0.0f);
  });
}

template <class Op, bool two> Handler pick(Decoder &d, Type type, bool ftz, bool sat) {
  if (ftz && type != Type::F32)
    return d.refuse("'.ftz' is for .f32");
  if (sat && (type != Type::F32 || !two))
    return d.refuse("'.sat' is not supported here");
  if constexpr (two) {
    if (type == Type::F64)
      return binary<double, Op, false>;
    if (sat)
      return ftz ? saturated<binary<float, Op, true>> : saturated<binary<float, Op, false>>;
    return ftz ? binary<float, Op, true> : binary<float, Op, false>;
  } else {
    if (type == Type::F64)
      return unary<double, Op, false>;
    return ftz ? unary<float, Op, true> : unary<float, Op, false>;
  }
}

/// A function of one operand: `.approx` of .f32, or if `rounds` also with a rounding; `.approx` of
/// .f64 exists for some, as a start of an iteration.
Handler function(Decoder &d, Handler (*f)(Decoder &, Type, bool, bool), bool rounds, bool wide) {
  int mode = -1;
  bool approx = d.take("approx"), rn = d.take("rn"), ftz = d.take("ftz");
  bool directed = takeDirected(d, mode);
  Type type = d.takeType();
  if (approx + rn + directed != 1 || (!approx && !rounds))
    return d.refuse(rounds ? "expected '.approx' or one rounding" : "expected '.approx'");
  if ((type != Type::F32 && (type != Type::F64 || (approx && !wide))) || !d.operands(2))
    return d.refuseType(type);
  d.destination(0, type);
  d.value(1, type);
  if (directed)
    return decodeRounded(d, d.op(), type, mode, ftz, false);
  return f(d, type, ftz && type == Type::F32, false);
}
Handler decodeRcp(Decoder &d) { return function(d, pick<Rcp, false>, true, true); }
Handler decodeSqrt(Decoder &d) { return function(d, pick<Sqrt, false>, true, false); }
Handler decodeRsqrt(Decoder &d) { return function(d, pick<Rsqrt, false>, false, true); }
Handler decodeLg2(Decoder &d) { return function(d, pick<Lg2, false>, false, false); }
Handler decodeSin(Decoder &d) { return function(d, pick<Sin, false>, false, false); }
Handler decodeCos(Decoder &d) { return function(d, pick<Cos, false>, false, false); }
Handler decodeEx2(Decoder &d) {
  if (d.peekType() != Type::F32)
    return decodeHalfArithmetic(d, d.op(), d.peekType());
  return function(d, pick<Ex2, false>, false, false);
}
Handler decodeTanh(Decoder &d) {
  if (d.peekType() != Type::F32)
    return decodeHalfArithmetic(d, d.op(), d.peekType());
  return function(d, pick<Tanh, false>, false, false);
}

/// fma, and mad of floats, which is the same.
Handler decodeFma(Decoder &d) {
  Type type = d.peekType();
  if (type != Type::F32 && type != Type::F64)
    return decodeHalfArithmetic(d, d.op(), type);
  d.takeType();
  bool ftz = d.take("ftz"), sat = d.take("sat");
  int mode = -1;
  bool directed = takeDirected(d, mode);
  if (directed == d.take("rn"))
    return d.refuse("expected one rounding");
  if (!d.operands(4))
    return nullptr;
  d.destination(0, type);
  for (unsigned i = 1; i < 4; ++i)
    d.value(i, type);
  if (directed)
    return decodeRounded(d, "fma", type, mode, ftz, sat);
  if (type == Type::F64)
    return ftz || sat ? d.refuseType(type) : fma<double, false>;
  if (sat)
    return ftz ? saturated<fma<float, true>> : saturated<fma<float, false>>;
  return ftz ? fma<float, true> : fma<float, false>;
}

Handler decodeCopySign(Decoder &d) {
  Type type = d.takeType();
  if ((type != Type::F32 && type != Type::F64) || !d.operands(3))
    return d.refuseType(type);
  d.destination(0, type);
  d.value(1, type);
  d.value(2, type);
  return pick<CopySign, true>(d, type, false, false);
}

enum Class : uint8_t { Finite, Infinite, Number, NotNumber, Normal, Subnormal };
template <class T> void testp(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t result = 0;
  forLanes(mask, [&](unsigned l) {
    T v = w.get<T>(i.ops[1], l);
    bool is[] = {std::isfinite(v) != 0,
                 std::isinf(v) != 0,
                 !std::isnan(v),
                 std::isnan(v) != 0,
                 std::isnormal(v) || v == 0,
                 v != 0 && std::isfinite(v) && !std::isnormal(v)};
    result |= uint32_t(is[i.flags]) << l;
  });
  w.predicates[i.ops[0]] = (w.predicates[i.ops[0]] & ~mask) | result;
}
Handler decodeTestp(Decoder &d) {
  const char *names[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  unsigned which = 0;
  while (which < 6 && !d.take(names[which]))
    ++which;
  Type type = d.takeType();
  if (which == 6 || (type != Type::F32 && type != Type::F64) || !d.operands(2))
    return d.refuse("expected a property and .f32 or .f64");
  d.inst->flags = uint8_t(which);
  d.predicateDestination(d.statement->operands[0]);
  d.value(1, type);
  return type == Type::F32 ? testp<float> : testp<double>;
}

} // namespace

Handler decodeFloatArithmetic(Decoder &d, std::string_view op, Type type) {
  if (op == "mad")
    return decodeFma(d);
  d.takeType();
  int mode = -1;
  bool rn = d.take("rn"), directed = takeDirected(d, mode), ftz = d.take("ftz");
  bool approx = d.take("approx"), full = d.take("full"), sat = d.take("sat"), nan = d.take("NaN");
  bool xorSign = d.take("xorsign");
  bool one = op == "neg" || op == "abs", order = op == "min" || op == "max";
  if (!d.operands(one ? 2 : 3))
    return nullptr;
  if ((approx || full) && (op != "div" || type != Type::F32))
    return d.refuse("'.approx' and '.full' are not supported here");
  if (rn + directed > 1 || (op == "div" && approx + full + rn + directed != 1))
    return d.refuse("expected one rounding, '.approx' or '.full'");
  if (((rn || directed || sat) && (one || order)) || (nan && !order))
    return d.refuse("a modifier is not supported here");
  if (xorSign && (!order || type != Type::F32 || !d.take("abs")))
    return d.refuse("'.xorsign.abs' is for min and max of .f32");
  d.destination(0, type);
  for (unsigned i = 1; i <= (one ? 1u : 2u); ++i)
    d.value(i, type);
  if (directed)
    return decodeRounded(d, op, type, mode, ftz, sat);
  if (op == "add")
    return pick<Add, true>(d, type, ftz, sat);
  if (op == "sub")
    return pick<Sub, true>(d, type, ftz, sat);
  if (op == "mul")
    return pick<Mul, true>(d, type, ftz, sat);
  if (op == "div")
    return pick<Div, true>(d, type, ftz, sat);
  if (xorSign && op == "min")
    return nan ? pick<XorSign<MinNan>, true>(d, type, ftz, false)
               : pick<XorSign<Min>, true>(d, type, ftz, false);
  if (xorSign)
    return nan ? pick<XorSign<MaxNan>, true>(d, type, ftz, false)
               : pick<XorSign<Max>, true>(d, type, ftz, false);
  if (op == "min")
    return nan ? pick<MinNan, true>(d, type, ftz, sat) : pick<Min, true>(d, type, ftz, sat);
  if (op == "max")
    return nan ? pick<MaxNan, true>(d, type, ftz, sat) : pick<Max, true>(d, type, ftz, sat);
  if (op == "neg")
    return pick<Neg, false>(d, type, ftz, sat);
  if (op == "abs")
    return pick<Abs, false>(d, type, ftz, sat);
  return d.refuseType(type);
}

void addFloatGroup(DecodeTable &t) {
  t["fma"] = decodeFma;
  t["rcp"] = decodeRcp;
  t["sqrt"] = decodeSqrt;
  t["rsqrt"] = decodeRsqrt;
  t["ex2"] = decodeEx2;
  t["lg2"] = decodeLg2;
  t["tanh"] = decodeTanh;
  t["sin"] = decodeSin;
  t["cos"] = decodeCos;
  t["copysign"] = decodeCopySign;
  t["testp"] = decodeTestp;
}

} // namespace vitc::emu
