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
  static constexpr float smallestNormal = 0x1p-14f;
  static float load(uint16_t v) { return halfToFloat(v); }
  static uint16_t store(float v) { return floatToHalf(v); }
  static uint16_t storeWide(double v) { return doubleToHalf(v); }
};
struct Bf16 {
  static constexpr float smallestNormal = 0x1p-126f;
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
/// min and max of the magnitudes, with the product's sign.
template <class Order> struct XorSign {
  template <class F> static uint16_t apply(uint16_t a, uint16_t b, uint16_t c) {
    uint16_t r = Order::template apply<F>(a & 0x7fff, b & 0x7fff, c);
    return uint16_t(r | ((a ^ b) & 0x8000));
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

enum Flags : uint8_t { Ftz = 1, Sat = 2, Relu = 4 }; ///< in Inst::flags

/// What `.ftz`, `.sat` and `.relu` do around one operation.
template <class F> uint16_t flushed(uint16_t v) {
  return std::fabs(F::load(v)) < F::smallestNormal ? uint16_t(v & 0x8000) : v;
}
template <class Op, class F> uint16_t modified(uint8_t flags, uint16_t a, uint16_t b, uint16_t c) {
  if (flags & Ftz)
    a = flushed<F>(a), b = flushed<F>(b), c = flushed<F>(c);
  uint16_t r = Op::template apply<F>(a, b, c);
  float v = F::load(r);
  if (flags & Ftz)
    r = flushed<F>(r);
  if (flags & Sat)
    r = !(v > 0) ? uint16_t(0) : v < 1 ? r : F::store(1);
  if ((flags & Relu) && (r & 0x8000) && !std::isnan(v))
    r = 0;
  return r;
}
template <class Op, class F, bool pair> void runModified(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t a = i.ops[1], b = i.ops[i.opCount > 2 ? 2 : 1], c = i.ops[i.opCount > 3 ? 3 : 1];
  forLanes(mask, [&](unsigned l) {
    uint32_t x = w.get<uint32_t>(a, l), y = w.get<uint32_t>(b, l), z = w.get<uint32_t>(c, l);
    uint32_t r = modified<Op, F>(i.flags, uint16_t(x), uint16_t(y), uint16_t(z));
    if constexpr (pair)
      r |= uint32_t(
               modified<Op, F>(i.flags, uint16_t(x >> 16), uint16_t(y >> 16), uint16_t(z >> 16)))
           << 16;
    w.set<uint32_t>(i.ops[0], l, r);
  });
}

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
template <class Op> Handler pick(Type type, bool plain) {
  switch (type) {
  case Type::F16:
    return plain ? run<Op, F16, false> : runModified<Op, F16, false>;
  case Type::BF16:
    return plain ? run<Op, Bf16, false> : runModified<Op, Bf16, false>;
  case Type::F16X2:
    return plain ? run<Op, F16, true> : runModified<Op, F16, true>;
  case Type::BF16X2:
    return plain ? run<Op, Bf16, true> : runModified<Op, Bf16, true>;
  default:
    return nullptr;
  }
}

} // namespace

Handler decodeHalfArithmetic(Decoder &d, std::string_view op, Type type) {
  d.takeType();
  bool function = op == "ex2" || op == "tanh", one = op == "neg" || op == "abs" || function;
  bool three = op == "fma", order = op == "min" || op == "max";
  bool nan = d.take("NaN"), relu = d.take("relu"), sat = d.take("sat"), ftz = d.take("ftz");
  bool approx = d.take("approx"), xorSign = d.take("xorsign") && d.take("abs");
  d.take("rn");
  if ((nan && !order) || (relu && !three) || approx != function || (xorSign && !order) ||
      (sat && (one || order)))
    return d.refuse("a modifier is not supported here");
  if (!d.operands(one ? 2 : three ? 4 : 3))
    return nullptr;
  // Required for bf16, where a flushed result is below anything such code can see.
  bool bfloat = type == Type::BF16 || type == Type::BF16X2;
  ftz &= !(function && bfloat);
  d.inst->flags = uint8_t((ftz ? Ftz : 0) | (sat ? Sat : 0) | (relu ? Relu : 0));
  bool plain = !d.inst->flags;
  d.destination(0, type);
  for (unsigned i = 1; i < d.count(); ++i)
    d.value(i, type);
  using Low = Extreme<false, false>;
  using High = Extreme<true, false>;
  using LowNan = Extreme<false, true>;
  using HighNan = Extreme<true, true>;
  if (op == "add")
    return pick<Add>(type, plain);
  if (op == "sub")
    return pick<Sub>(type, plain);
  if (op == "mul")
    return pick<Mul>(type, plain);
  if (op == "fma")
    return pick<Fma>(type, plain);
  if (op == "neg")
    return pick<Neg>(type, plain);
  if (op == "abs")
    return pick<Abs>(type, plain);
  if (xorSign && op == "min")
    return nan ? pick<XorSign<LowNan>>(type, plain) : pick<XorSign<Low>>(type, plain);
  if (xorSign)
    return nan ? pick<XorSign<HighNan>>(type, plain) : pick<XorSign<High>>(type, plain);
  if (op == "min")
    return nan ? pick<LowNan>(type, plain) : pick<Low>(type, plain);
  if (op == "max")
    return nan ? pick<HighNan>(type, plain) : pick<High>(type, plain);
  if (op == "ex2")
    return pick<Ex2>(type, plain);
  if (op == "tanh")
    return pick<Tanh>(type, plain);
  return d.refuseType(type);
}

void addHalfGroup(DecodeTable &) {} // all its names are shared

} // namespace vitc::emu
