//===- Carry.cpp - Sums of many words, and saturated ones --------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// add.cc, addc, sub.cc, subc, mad.cc and madc hand a carry (of a difference: the borrow) from one
// instruction of a thread to the next, in Warp::carry.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <limits>

namespace vitc::emu {
namespace {

template <class T>
using Twice =
    std::conditional_t<sizeof(T) == 8,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
                       std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

enum Kind : uint8_t { Sum, Difference, Low, High };
enum Flags : uint8_t { Reads = 1, Writes = 2 }; ///< in Inst::flags2

template <class T, Kind kind> void chain(Warp &w, const Inst &i, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  uint32_t carry = 0;
  forLanes(mask, [&](unsigned l) {
    T a = w.get<T>(i.ops[1], l), b = w.get<T>(i.ops[2], l);
    U in = i.flags2 & Reads ? U(w.carry >> l & 1) : U(0), x = U(a), y = U(b), result;
    bool out;
    if constexpr (kind == Low)
      x = U(U(a) * U(b)), y = w.get<U>(i.ops[3], l);
    if constexpr (kind == High)
      x = U(Twice<T>(a) * Twice<T>(b) >> (8 * sizeof(T))), y = w.get<U>(i.ops[3], l);
    if constexpr (kind == Difference) {
      result = x - y - in;
      out = x < y || (in && x == y);
    } else {
      result = x + y + in;
      out = result < x || (in && result == x);
    }
    w.set<U>(i.ops[0], l, result);
    carry |= uint32_t(out) << l;
  });
  if (i.flags2 & Writes)
    w.carry = (w.carry & ~mask) | carry;
}

template <Kind kind> Handler pick(Type type) {
  switch (type) {
  case Type::U32:
    return chain<uint32_t, kind>;
  case Type::S32:
    return chain<int32_t, kind>;
  case Type::U64:
    return chain<uint64_t, kind>;
  case Type::S64:
    return chain<int64_t, kind>;
  default:
    return nullptr;
  }
}

template <bool subtracts> void saturated(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    int64_t a = w.get<int32_t>(i.ops[1], l), b = w.get<int32_t>(i.ops[2], l);
    int64_t r = subtracts ? a - b : a + b, limit = std::numeric_limits<int32_t>::max();
    w.set<int32_t>(i.ops[0], l, int32_t(r > limit ? limit : r < -limit - 1 ? -limit - 1 : r));
  });
}
void madHighSaturated(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    int64_t r = (int64_t(w.get<int32_t>(i.ops[1], l)) * w.get<int32_t>(i.ops[2], l) >> 32) +
                w.get<int32_t>(i.ops[3], l);
    int64_t limit = std::numeric_limits<int32_t>::max();
    w.set<int32_t>(i.ops[0], l, int32_t(r > limit ? limit : r < -limit - 1 ? -limit - 1 : r));
  });
}

} // namespace

bool isCarryForm(const Decoder &d) {
  std::string_view op = d.op();
  if (op == "addc" || op == "subc" || op == "madc")
    return true;
  if (d.peekType() == Type::F32 || bitsOf(d.peekType()) == 16)
    return false;
  for (std::string_view part : d.statement->parts)
    if (part == "cc" || (part == "sat" && d.peekType() == Type::S32))
      return true;
  return false;
}

Handler decodeCarry(Decoder &d) {
  std::string_view op = d.op();
  bool writes = d.take("cc"), reads = op.back() == 'c', sat = d.take("sat");
  bool mad = op.substr(0, 3) == "mad", low = d.take("lo"), high = d.take("hi");
  Type type = d.takeType();
  if (mad ? low == high : low || high)
    return d.refuse("expected one of .lo, .hi");
  if ((sat && (writes || reads || low || type != Type::S32)) || !d.operands(mad ? 4 : 3))
    return d.refuseType(type);
  d.inst->flags2 = uint8_t((reads ? Reads : 0) | (writes ? Writes : 0));
  d.destination(0, type);
  for (unsigned n = 1; n < d.count(); ++n)
    d.value(n, type);
  if (sat)
    return mad ? madHighSaturated : op == "sub" ? saturated<true> : saturated<false>;
  Handler handler = mad                        ? (low ? pick<Low>(type) : pick<High>(type))
                    : op.substr(0, 3) == "sub" ? pick<Difference>(type)
                                               : pick<Sum>(type);
  return handler ? handler : d.refuseType(type);
}

} // namespace vitc::emu
