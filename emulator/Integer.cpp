//===- Integer.cpp - Integer and logical instructions ---------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Arithmetic wraps, so it is done on unsigned values of at least 32 bits.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <algorithm>
#include <limits>

namespace vitc::emu {
namespace {

template <class T> using Unsigned = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
template <class T>
using Twice =
    std::conditional_t<sizeof(T) == 8,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
                       std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
template <class T> constexpr unsigned bitCount = sizeof(T) * 8;

struct Add {
  template <class T> static T apply(T a, T b) { return T(Unsigned<T>(a) + Unsigned<T>(b)); }
};
struct Sub {
  template <class T> static T apply(T a, T b) { return T(Unsigned<T>(a) - Unsigned<T>(b)); }
};
struct MulLo {
  template <class T> static T apply(T a, T b) { return T(Unsigned<T>(a) * Unsigned<T>(b)); }
};
struct MulHi {
  template <class T> static T apply(T a, T b) {
    return T(Twice<T>(a) * Twice<T>(b) >> bitCount<T>);
  }
};
// The device returns all ones for a division by zero.
struct Div {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return T(~Unsigned<T>(0));
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1))
        return T(0 - Unsigned<T>(a));
    return T(a / b);
  }
};
struct Rem {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return a;
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1))
        return 0;
    return T(a % b);
  }
};
struct Min {
  template <class T> static T apply(T a, T b) { return b < a ? b : a; }
};
struct Max {
  template <class T> static T apply(T a, T b) { return a < b ? b : a; }
};
struct And {
  template <class T> static T apply(T a, T b) { return T(a & b); }
};
struct Or {
  template <class T> static T apply(T a, T b) { return T(a | b); }
};
struct Xor {
  template <class T> static T apply(T a, T b) { return T(a ^ b); }
};
struct Not {
  template <class T> static T apply(T a) { return T(~a); }
};
struct Neg {
  template <class T> static T apply(T a) { return T(0 - Unsigned<T>(a)); }
};
struct Abs {
  template <class T> static T apply(T a) { return a < 0 ? T(0 - Unsigned<T>(a)) : a; }
};
struct Shl {
  template <class T> static T apply(T a, uint32_t n) {
    return n >= bitCount<T> ? T(0) : T(Unsigned<T>(a) << n);
  }
};
struct Shr {
  template <class T> static T apply(T a, uint32_t n) {
    return T(a >> std::min<uint32_t>(n, bitCount<T> - 1) >>
             (std::is_signed_v<T> || n < bitCount<T> ? 0 : 1));
  }
};
struct Popc {
  template <class T> static uint32_t apply(T a) {
    return uint32_t(std::popcount(std::make_unsigned_t<T>(a)));
  }
};
struct Clz {
  template <class T> static uint32_t apply(T a) {
    return uint32_t(std::countl_zero(std::make_unsigned_t<T>(a)));
  }
};
struct Ffs {
  template <class T> static uint32_t apply(T a) { // bfind: highest set (or unset, if negative) bit
    auto u = std::make_unsigned_t<T>(a);
    if (a < 0)
      u = ~u;
    return u ? uint32_t(bitCount<T> - 1 - unsigned(std::countl_zero(u))) : 0xffffffffu;
  }
};
struct FfsShift {
  template <class T> static uint32_t apply(T a) {
    uint32_t at = Ffs::apply(a);
    return at == 0xffffffffu ? at : bitCount<T> - 1 - at;
  }
};
struct Reverse {
  template <class T> static T apply(T a) {
    T r = 0;
    for (unsigned i = 0; i < bitCount<T>; ++i)
      r = T(r << 1 | (a >> i & 1));
    return r;
  }
};

template <class T, class Op> void binary(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2];
  forLanes(mask, [&](unsigned l) { w.set<T>(d, l, Op::apply(w.get<T>(a, l), w.get<T>(b, l))); });
}
template <class T, class Op> void shift(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2];
  forLanes(mask,
           [&](unsigned l) { w.set<T>(d, l, Op::apply(w.get<T>(a, l), w.get<uint32_t>(b, l))); });
}
template <class T, class Op> void unary(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1];
  forLanes(mask, [&](unsigned l) { w.set(d, l, Op::apply(w.get<T>(a, l))); });
}
template <class T, class Op> void multiplyAdd(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2], c = i.ops[3];
  forLanes(mask, [&](unsigned l) {
    w.set<T>(d, l, Add::apply(Op::apply(w.get<T>(a, l), w.get<T>(b, l)), w.get<T>(c, l)));
  });
}
template <class T> void mulWide(Warp &w, const Inst &i, uint32_t mask) {
  using W =
      std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                         Twice<T>>;
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2];
  forLanes(mask, [&](unsigned l) {
    w.set<W>(d, l, W(MulLo::apply(W(w.get<T>(a, l)), W(w.get<T>(b, l)))));
  });
}
template <class T> void madWide(Warp &w, const Inst &i, uint32_t mask) {
  using W =
      std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                         Twice<T>>;
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2], c = i.ops[3];
  forLanes(mask, [&](unsigned l) {
    w.set<W>(d, l, Add::apply(MulLo::apply(W(w.get<T>(a, l)), W(w.get<T>(b, l))), w.get<W>(c, l)));
  });
}

/// One instantiation per integer type.
#define PICK_INTEGER(KERNEL, ...)                                                                  \
  switch (type) {                                                                                  \
  case Type::U16:                                                                                  \
    return KERNEL<uint16_t __VA_OPT__(, ) __VA_ARGS__>;                                            \
  case Type::S16:                                                                                  \
    return KERNEL<int16_t __VA_OPT__(, ) __VA_ARGS__>;                                             \
  case Type::U32:                                                                                  \
    return KERNEL<uint32_t __VA_OPT__(, ) __VA_ARGS__>;                                            \
  case Type::S32:                                                                                  \
    return KERNEL<int32_t __VA_OPT__(, ) __VA_ARGS__>;                                             \
  case Type::U64:                                                                                  \
    return KERNEL<uint64_t __VA_OPT__(, ) __VA_ARGS__>;                                            \
  case Type::S64:                                                                                  \
    return KERNEL<int64_t __VA_OPT__(, ) __VA_ARGS__>;                                             \
  default:                                                                                         \
    return nullptr;                                                                                \
  }

/// `.b32` is an unsigned type for logic and shifts.
Type asUnsigned(Type type) {
  switch (type) {
  case Type::B16:
    return Type::U16;
  case Type::B32:
    return Type::U32;
  case Type::B64:
    return Type::U64;
  default:
    return type;
  }
}

template <class Op> Handler pickBinary(Type type) { PICK_INTEGER(binary, Op) }
template <class Op> Handler pickShift(Type type) { PICK_INTEGER(shift, Op) }
template <class Op> Handler pickUnary(Type type) { PICK_INTEGER(unary, Op) }
template <class Op> Handler pickMad(Type type) { PICK_INTEGER(multiplyAdd, Op) }

bool isFloat(Type t) { return t == Type::F32 || t == Type::F64; }
bool isHalf(Type t) {
  return t == Type::F16 || t == Type::F16X2 || t == Type::BF16 || t == Type::BF16X2;
}

/// add, sub, min, max, mul.lo, div, rem, neg, abs: shared names with the floats.
template <class Op, unsigned inputs> Handler arithmetic(Decoder &d) {
  Type type = d.peekType();
  if (isCarryForm(d))
    return decodeCarry(d);
  if (isFloat(type))
    return decodeFloatArithmetic(d, d.op(), type);
  if (isHalf(type))
    return decodeHalfArithmetic(d, d.op(), type);
  d.takeType();
  if (bitsOf(type) < 16 || !d.operands(inputs + 1))
    return d.refuseType(type);
  d.destination(0, type);
  for (unsigned i = 1; i <= inputs; ++i)
    d.value(i, type);
  Handler handler;
  if constexpr (inputs == 2)
    handler = pickBinary<Op>(type);
  else
    handler = pickUnary<Op>(type);
  return handler ? handler : d.refuseType(type);
}

Handler multiply(Decoder &d) {
  Type type = d.peekType();
  if (isFloat(type) || isHalf(type))
    return arithmetic<MulLo, 2>(d);
  d.takeType();
  bool lo = d.take("lo"), hi = d.take("hi"), wide = d.take("wide");
  if (lo + hi + wide != 1 || !d.operands(3))
    return d.refuse("expected one of .lo, .hi, .wide");
  d.destination(d.statement->operands[0], bitsOf(type) * (wide ? 2 : 1));
  d.value(1, type);
  d.value(2, type);
  if (lo)
    return pickBinary<MulLo>(type);
  if (hi)
    return pickBinary<MulHi>(type);
  switch (type) {
  case Type::U16:
    return mulWide<uint16_t>;
  case Type::S16:
    return mulWide<int16_t>;
  case Type::U32:
    return mulWide<uint32_t>;
  case Type::S32:
    return mulWide<int32_t>;
  default:
    return d.refuseType(type);
  }
}

Handler multiplyAddition(Decoder &d) {
  Type type = d.peekType();
  if (isFloat(type))
    return decodeFloatArithmetic(d, d.op(), type);
  if (isCarryForm(d))
    return decodeCarry(d);
  d.takeType();
  bool lo = d.take("lo"), hi = d.take("hi"), wide = d.take("wide");
  if (lo + hi + wide != 1 || !d.operands(4))
    return d.refuse("expected one of .lo, .hi, .wide");
  unsigned bits = bitsOf(type) * (wide ? 2 : 1);
  d.destination(d.statement->operands[0], bits);
  d.value(1, type);
  d.value(2, type);
  d.value(3, !wide ? type : bits == 32 ? Type::B32 : Type::B64);
  if (lo)
    return pickMad<MulLo>(type);
  if (hi)
    return pickMad<MulHi>(type);
  switch (type) {
  case Type::U16:
    return madWide<uint16_t>;
  case Type::S16:
    return madWide<int16_t>;
  case Type::U32:
    return madWide<uint32_t>;
  case Type::S32:
    return madWide<int32_t>;
  default:
    return d.refuseType(type);
  }
}

uint32_t readPredicate(const Warp &w, uint32_t op) {
  return op & negatedFlag ? ~w.predicates[op & ~negatedFlag] : w.predicates[op];
}
template <class Op> void logicPredicate(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t b = i.opCount > 2 ? readPredicate(w, i.ops[2]) : 0;
  uint32_t result;
  if constexpr (std::is_same_v<Op, Not>)
    result = ~readPredicate(w, i.ops[1]);
  else
    result = Op::apply(readPredicate(w, i.ops[1]), b);
  w.predicates[i.ops[0]] = (w.predicates[i.ops[0]] & ~mask) | (result & mask);
}

template <class Op, unsigned inputs> Handler logic(Decoder &d) {
  Type type = asUnsigned(d.takeType());
  if (!d.operands(inputs + 1))
    return nullptr;
  if (type == Type::Pred) {
    d.predicateDestination(d.statement->operands[0]);
    for (unsigned i = 1; i <= inputs; ++i)
      d.predicate(d.statement->operands[i]);
    return logicPredicate<Op>;
  }
  d.destination(0, type);
  for (unsigned i = 1; i <= inputs; ++i)
    d.value(i, type);
  Handler handler;
  if constexpr (inputs == 2)
    handler = pickBinary<Op>(type);
  else
    handler = pickUnary<Op>(type);
  return handler ? handler : d.refuseType(type);
}

template <class Op> Handler shifts(Decoder &d) {
  Type type = asUnsigned(d.takeType());
  if (!d.operands(3))
    return nullptr;
  d.destination(0, type);
  d.value(1, type);
  d.value(2, Type::U32);
  Handler handler = pickShift<Op>(type);
  return handler ? handler : d.refuseType(type);
}

/// popc, clz, bfind, brev: the result of the first three is 32 bits.
template <class Op, bool same> Handler bits(Decoder &d) {
  Type type = asUnsigned(d.takeType());
  if (bitsOf(type) < 32 || !d.operands(2))
    return d.refuseType(type);
  d.destination(d.statement->operands[0], same ? bitsOf(type) : 32);
  d.value(1, type);
  return pickUnary<Op>(type);
}
/// `.shiftamt`: by how much to shift left so that the bit comes first.
Handler decodeBfind(Decoder &d) {
  return d.take("shiftamt") ? bits<FfsShift, false>(d) : bits<Ffs, false>(d);
}

template <class T> void bfe(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t pos = w.get<uint32_t>(i.ops[2], l) & 255, length = w.get<uint32_t>(i.ops[3], l) & 255;
    using U = std::make_unsigned_t<T>;
    U a = w.get<U>(i.ops[1], l);
    unsigned msb = bitCount<T> - 1;
    U sign = !std::is_signed_v<T> || !length ? 0 : a >> std::min(pos + length - 1, msb) & 1;
    U result = pos > msb ? 0 : a >> pos;
    unsigned kept = pos > msb ? 0 : std::min(length, msb + 1 - pos);
    U keep = kept > msb ? ~U(0) : (U(1) << kept) - 1;
    if (length == 0)
      result = 0;
    else
      result = (result & keep) | (sign ? ~keep : 0);
    w.set<U>(i.ops[0], l, result);
  });
}
template <class U> void bfi(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t pos = w.get<uint32_t>(i.ops[3], l) & 255, length = w.get<uint32_t>(i.ops[4], l) & 255;
    U a = w.get<U>(i.ops[1], l), b = w.get<U>(i.ops[2], l);
    U field = length >= bitCount<U> ? ~U(0) : (U(1) << length) - 1;
    U where = pos >= bitCount<U> ? 0 : field << pos;
    w.set<U>(i.ops[0], l, (b & ~where) | ((pos >= bitCount<U> ? 0 : a << pos) & where));
  });
}
Handler decodeBfe(Decoder &d) {
  Type type = d.takeType();
  if (!d.operands(4))
    return nullptr;
  d.destination(0, type);
  d.value(1, type);
  d.value(2, Type::U32);
  d.value(3, Type::U32);
  switch (type) {
  case Type::U32:
    return bfe<uint32_t>;
  case Type::S32:
    return bfe<int32_t>;
  case Type::U64:
    return bfe<uint64_t>;
  case Type::S64:
    return bfe<int64_t>;
  default:
    return d.refuseType(type);
  }
}
Handler decodeBfi(Decoder &d) {
  Type type = d.takeType();
  if (!d.operands(5))
    return nullptr;
  d.destination(0, type);
  d.value(1, type);
  d.value(2, type);
  d.value(3, Type::U32);
  d.value(4, Type::U32);
  return type == Type::B32 ? bfi<uint32_t> : type == Type::B64 ? bfi<uint64_t> : d.refuseType(type);
}

template <bool left> void funnel(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint64_t both = uint64_t(w.get<uint32_t>(i.ops[2], l)) << 32 | w.get<uint32_t>(i.ops[1], l);
    uint32_t n = w.get<uint32_t>(i.ops[3], l);
    n = i.flags ? n & 31 : std::min<uint32_t>(n, 32);
    w.set<uint32_t>(i.ops[0], l, uint32_t(left ? both << n >> 32 : both >> n));
  });
}
Handler decodeShf(Decoder &d) {
  bool left = d.take("l"), right = d.take("r"), wrap = d.take("wrap"), clamp = d.take("clamp");
  Type type = d.takeType();
  if (left == right || wrap == clamp || type != Type::B32 || !d.operands(4))
    return d.refuse("expected .l or .r, .wrap or .clamp, .b32");
  d.inst->flags = wrap;
  d.destination(0, type);
  for (unsigned i = 1; i < 4; ++i)
    d.value(i, Type::U32);
  return left ? funnel<true> : funnel<false>;
}

template <class T> void sad(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    T a = w.get<T>(i.ops[1], l), b = w.get<T>(i.ops[2], l), c = w.get<T>(i.ops[3], l);
    w.set<T>(i.ops[0], l, Add::apply(c, a < b ? Sub::apply(b, a) : Sub::apply(a, b)));
  });
}
Handler decodeSad(Decoder &d) {
  Type type = d.takeType();
  if (!d.operands(4))
    return nullptr;
  d.destination(0, type);
  for (unsigned i = 1; i < 4; ++i)
    d.value(i, type);
  PICK_INTEGER(sad)
}

} // namespace

void addIntegerGroup(DecodeTable &t) {
  t["add"] = arithmetic<Add, 2>;
  t["sub"] = arithmetic<Sub, 2>;
  t["mul"] = multiply;
  t["mad"] = multiplyAddition;
  t["div"] = arithmetic<Div, 2>;
  t["rem"] = arithmetic<Rem, 2>;
  t["min"] = arithmetic<Min, 2>;
  t["max"] = arithmetic<Max, 2>;
  t["neg"] = arithmetic<Neg, 1>;
  t["abs"] = arithmetic<Abs, 1>;
  t["and"] = logic<And, 2>;
  t["or"] = logic<Or, 2>;
  t["xor"] = logic<Xor, 2>;
  t["not"] = logic<Not, 1>;
  t["shl"] = shifts<Shl>;
  t["shr"] = shifts<Shr>;
  t["popc"] = bits<Popc, false>;
  t["clz"] = bits<Clz, false>;
  t["bfind"] = decodeBfind;
  t["brev"] = bits<Reverse, true>;
  t["bfe"] = decodeBfe;
  t["bfi"] = decodeBfi;
  t["shf"] = decodeShf;
  t["addc"] = t["subc"] = t["madc"] = decodeCarry;
  t["sad"] = decodeSad;
}

} // namespace vitc::emu
