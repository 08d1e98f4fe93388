//===- HalfArithmetic.cpp - f16 and bf16, single and in pairs -------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Computed in float and rounded once: for +, - and * a float has more than twice the bits, so the
// second rounding is exact; fma goes through a double that remembers whether anything was lost.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Half.h"

namespace vitc::emu {
namespace {

struct F16 {
  static float load(uint16_t v) { return halfToFloat(v); }
  static uint16_t store(float v) { return floatToHalf(v); }
  static uint16_t storeWide(double v) { return doubleToHalf(v); }
};
struct Bf16 {
  static float load(uint16_t v) { return bfloatToFloat(v); }
  static uint16_t store(float v) { return floatToBfloat(v); }
  static uint16_t storeWide(double v) { return doubleToBfloat(v); }
};

struct Add {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t) {
    return F::store(F::load(a) + F::load(b));
  }
};
struct Sub {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t) {
    return F::store(F::load(a) - F::load(b));
  }
};
struct Mul {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t) {
    return F::store(F::load(a) * F::load(b));
  }
};
struct Fma {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t c) {
    return F::storeWide(fmaToOdd(F::load(a), F::load(b), F::load(c)));
  }
};
struct FmaRelu {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t c) {
    uint16_t r = Fma::apply<F>(a, b, c);
    return (r & 0x8000) && !std::isnan(F::load(r)) ? uint16_t(0) : r;
  }
};
struct Neg {
  template <class F> static uint16_t apply(uint16_t a, uint16_t, uint16_t) { return a ^ 0x8000; }
};
struct Abs {
  template <class F> static uint16_t apply(uint16_t a, uint16_t, uint16_t) { return a & 0x7fff; }
};
template <bool maximum, bool keepNan> struct Extreme {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t) {
    float x = F::load(a), y = F::load(b);
    if (std::isnan(x) || std::isnan(y))
      return keepNan || (std::isnan(x) && std::isnan(y)) ? 0x7fff : std::isnan(x) ? b : a;
    bool first = x == y ? std::signbit(x) != maximum : (x < y) != maximum;
    return first ? a : b;
  }
};
struct Ex2 {
  template <class F> static uint16_t apply(uint16_t a, uint16_t, uint16_t) {
    return F::store(std::exp2(F::load(a)));
  }
};
struct Tanh {
  template <class F> static uint16_t apply(uint16_t a, uint16_t, uint16_t) {
    return F::store(std::tanh(F::load(a)));
  }
};

template <class Op, class F, bool pair> void run(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t a = i.ops[1], b = i.ops[i.opCount > 2 ? 2 : 1], c = i.ops[i.opCount > 3 ? 3 : 1];
  forLanes(mask, [&](unsigned l) {
    uint32_t x = w.get<uint32_t>(a, l), y = w.get<uint32_t>(b, l), z = w.get<uint32_t>(c, l);
    uint32_t r = Op::template apply<F>(uint16_t(x), uint16_t(y), uint16_t(z));
    if constexpr (pair)
      r |= uint32_t(Op::template apply<F>(uint16_t(x >> 16), uint16_t(y >> 16), uint16_t(z >> 16)))
           << 16;
    w.set<uint32_t>(i.ops[0], l, r);
  });
}
template <class Op> Handler pick(Type type) {
  switch (type) {
  case Type::F16:
    return run<Op, F16, false>;
  case Type::BF16:
    return run<Op, Bf16, false>;
  case Type::F16X2:
    return run<Op, F16, true>;
  case Type::BF16X2:
    return run<Op, Bf16, true>;
  default:
    return nullptr;
  }
}

} // namespace

Handler decodeHalfArithmetic(Decoder &d, std::string_view op, Type type) {
  d.takeType();
  bool one = op == "neg" || op == "abs" || op == "ex2" || op == "tanh", three = op == "fma";
  bool order = op == "min" || op == "max";
  bool nan = d.take("NaN"), relu = d.take("relu"), approx = d.take("approx");
  d.take("rn");
  if (op == "ex2" && (type == Type::BF16 || type == Type::BF16X2))
    d.take("ftz"); // required there; a flushed result is below anything bf16 code can see
  // A flushed subnormal only differs below 2^-14; LLVM asks for it in no f16 code of ours.
  if ((nan && !order) || (relu && !three) || approx != (op == "ex2" || op == "tanh"))
    return d.refuse("a modifier is not supported here");
  if (!d.operands(one ? 2 : three ? 4 : 3))
    return nullptr;
  d.destination(0, type);
  for (unsigned i = 1; i < d.count(); ++i)
    d.value(i, type);
  if (op == "add")
    return pick<Add>(type);
  if (op == "sub")
    return pick<Sub>(type);
  if (op == "mul")
    return pick<Mul>(type);
  if (op == "fma")
    return relu ? pick<FmaRelu>(type) : pick<Fma>(type);
  if (op == "neg")
    return pick<Neg>(type);
  if (op == "abs")
    return pick<Abs>(type);
  if (op == "min")
    return nan ? pick<Extreme<false, true>>(type) : pick<Extreme<false, false>>(type);
  if (op == "max")
    return nan ? pick<Extreme<true, true>>(type) : pick<Extreme<true, false>>(type);
  if (op == "ex2")
    return pick<Ex2>(type);
  if (op == "tanh")
    return pick<Tanh>(type);
  return d.refuseType(type);
}

void addHalfGroup(DecodeTable &) {} // all its names are shared

} // namespace vitc::emu
