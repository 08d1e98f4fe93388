//===- Bits.cpp - Permutations, small dot products, and other bit work ------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Integer.cpp has what works on one number of any width; here are the instructions that take
// 32-bit words apart.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <algorithm>

namespace vitc::emu {
namespace {

enum Permutation : uint8_t {
  Selector,
  Forward4,
  Backward4,
  Replicate8,
  EdgeLeft,
  EdgeRight,
  Replicate16
};

/// The selector that a mode and the low bits of `c` stand for.
uint32_t selectorOf(uint8_t mode, uint32_t c) {
  uint32_t n = c & 3, selector = 0;
  for (uint32_t byte = 0; byte < 4; ++byte) {
    uint32_t from = mode == Forward4     ? byte + n
                    : mode == Backward4  ? (n + 8 - byte) & 7
                    : mode == Replicate8 ? n
                    : mode == EdgeLeft   ? std::max(byte, n)
                    : mode == EdgeRight  ? std::min(byte, n)
                                         : (n & 1) * 2 + (byte & 1);
    selector |= from << (4 * byte);
  }
  return selector;
}

void permute(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint64_t both = uint64_t(w.get<uint32_t>(i.ops[2], l)) << 32 | w.get<uint32_t>(i.ops[1], l);
    uint32_t selector = w.get<uint32_t>(i.ops[3], l), result = 0;
    if (i.flags2 != Selector)
      selector = selectorOf(i.flags2, selector);
    for (unsigned byte = 0; byte < 4; ++byte) {
      uint32_t s = selector >> (4 * byte), value = uint32_t(both >> (8 * (s & 7))) & 255;
      if (s & 8)
        value = value & 128 ? 255 : 0;
      result |= value << (8 * byte);
    }
    w.set<uint32_t>(i.ops[0], l, result);
  });
}
Handler decodePrmt(Decoder &d) {
  if (d.takeType() != Type::B32 || !d.operands(4))
    return d.refuse("expected prmt.b32");
  static const char *const modes[] = {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
  for (uint8_t m = 0; m < 6; ++m)
    if (d.take(modes[m]))
      d.inst->flags2 = uint8_t(m + 1);
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < 4; ++n)
    d.value(n, Type::B32);
  return permute;
}

uint32_t combined(uint32_t table, uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result = 0;
  for (unsigned row = 0; row < 8; ++row)
    if (table >> row & 1)
      result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return result;
}
void lop3(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    w.set<uint32_t>(i.ops[0], l,
                    combined(uint32_t(i.imm), w.get<uint32_t>(i.ops[1], l),
                             w.get<uint32_t>(i.ops[2], l), w.get<uint32_t>(i.ops[3], l)));
  });
}
/// `lop3.or.b32 d|p, a, b, c, table, q`: p is (d != 0) or q.
template <bool conjunction> void lop3Predicate(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t q = w.predicates[i.ops[5] & ~negatedFlag], nonzero = 0;
  if (i.ops[5] & negatedFlag)
    q = ~q;
  lop3(w, i, mask);
  forLanes(mask, [&](unsigned l) { nonzero |= uint32_t(w.get<uint32_t>(i.ops[0], l) != 0) << l; });
  uint32_t result = conjunction ? nonzero & q : nonzero | q;
  w.predicates[i.ops[4]] = (w.predicates[i.ops[4]] & ~mask) | (result & mask);
}
Handler decodeLop3(Decoder &d) {
  bool disjunction = d.take("or"), conjunction = d.take("and"), p = disjunction || conjunction;
  if (d.takeType() != Type::B32 || !d.operands(p ? 6 : 5))
    return d.refuse("expected lop3[.and|.or].b32");
  d.inst->imm = d.immediate(4);
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < 4; ++n)
    d.value(n, Type::B32);
  if (!p)
    return lop3;
  Operand second = d.statement->operands[0];
  second.reg = second.pipe;
  d.predicateDestination(second);
  d.predicate(d.statement->operands[5]);
  return conjunction ? lop3Predicate<true> : lop3Predicate<false>;
}

int64_t part(uint32_t word, unsigned index, unsigned bits, bool isSigned) {
  uint32_t v = word >> (index * bits) & ((1u << bits) - 1);
  return isSigned && v >> (bits - 1) ? int64_t(v) - (int64_t(1) << bits) : int64_t(v);
}
/// flags2: 1 a is signed, 2 b is signed, 4 the upper half of b (of dp2a).
template <unsigned products> void dotProduct(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t a = w.get<uint32_t>(i.ops[1], l), b = w.get<uint32_t>(i.ops[2], l);
    int64_t sum = w.get<int32_t>(i.ops[3], l);
    for (unsigned n = 0; n < products; ++n)
      sum += part(a, n, 32 / products, i.flags2 & 1) *
             part(b, n + (i.flags2 & 4 ? 2 : 0), 8, i.flags2 & 2);
    w.set<uint32_t>(i.ops[0], l, uint32_t(sum));
  });
}
template <unsigned products> Handler decodeDot(Decoder &d) {
  bool low = d.take("lo"), high = d.take("hi");
  Type a = d.takeType(), b = d.takeType();
  auto integer = [](Type t) { return t == Type::U32 || t == Type::S32; };
  if (!integer(a) || !integer(b) || (products == 2 ? low == high : low || high) || !d.operands(4))
    return d.refuse("expected the types .u32 or .s32 of both vectors, and of dp2a .lo or .hi");
  d.inst->flags2 = uint8_t((a == Type::S32) | (b == Type::S32) << 1 | high << 2);
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < 4; ++n)
    d.value(n, Type::B32);
  return dotProduct<products>;
}

/// Products of the low 24 bits; flags2: 1 signed, 2 the upper half, 4 adds a third operand.
void multiply24(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    bool isSigned = i.flags2 & 1;
    int64_t product = part(w.get<uint32_t>(i.ops[1], l), 0, 24, isSigned) *
                      part(w.get<uint32_t>(i.ops[2], l), 0, 24, isSigned);
    uint32_t result = uint32_t(i.flags2 & 2 ? product >> 16 : product);
    if (i.flags2 & 4)
      result += w.get<uint32_t>(i.ops[3], l);
    w.set<uint32_t>(i.ops[0], l, result);
  });
}
template <bool adds> Handler decode24(Decoder &d) {
  bool low = d.take("lo"), high = d.take("hi");
  Type type = d.takeType();
  if ((type != Type::U32 && type != Type::S32) || low == high || !d.operands(adds ? 4 : 3))
    return d.refuse("expected .lo or .hi, .u32 or .s32");
  d.inst->flags2 = uint8_t((type == Type::S32) | high << 1 | adds << 2);
  d.destination(0, type);
  for (unsigned n = 1; n < d.count(); ++n)
    d.value(n, type);
  return multiply24;
}

template <class T> void logicalNot(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) { w.set<T>(i.ops[0], l, w.get<T>(i.ops[1], l) == 0); });
}
Handler decodeCnot(Decoder &d) {
  Type type = d.takeType();
  if ((type != Type::B16 && type != Type::B32 && type != Type::B64) || !d.operands(2))
    return d.refuseType(type);
  d.destination(0, type);
  d.value(1, type);
  return type == Type::B16   ? logicalNot<uint16_t>
         : type == Type::B32 ? logicalNot<uint32_t>
                             : logicalNot<uint64_t>;
}

/// szext: a's low b bits, extended; flags2: 1 signed, 2 b wraps at 32.
void extend(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t a = w.get<uint32_t>(i.ops[1], l), n = w.get<uint32_t>(i.ops[2], l);
    n = i.flags2 & 2 ? n & 31 : std::min(n, 32u);
    uint32_t result = n == 0 ? 0 : n == 32 ? a : a & ((1u << n) - 1);
    if ((i.flags2 & 1) && n && n < 32 && a >> (n - 1) & 1)
      result |= ~0u << n;
    w.set<uint32_t>(i.ops[0], l, result);
  });
}
/// bmsk: b ones from bit a on; flags2: 2 both wrap at 32.
void bitMask(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t a = w.get<uint32_t>(i.ops[1], l), b = w.get<uint32_t>(i.ops[2], l);
    if (i.flags2 & 2)
      a &= 31, b &= 31;
    uint32_t ones = b >= 32 ? ~0u : (1u << b) - 1;
    w.set<uint32_t>(i.ops[0], l, a >= 32 ? 0 : ones << a);
  });
}
template <Handler handler> Handler decodeClamped(Decoder &d) {
  bool wrap = d.take("wrap"), clamp = d.take("clamp");
  Type type = d.takeType();
  if (wrap == clamp || bitsOf(type) != 32 || !d.operands(3))
    return d.refuse("expected .wrap or .clamp and a type of 32 bits");
  d.inst->flags2 = uint8_t((type == Type::S32) | wrap << 1);
  d.destination(0, type);
  d.value(1, type);
  d.value(2, Type::U32);
  return handler;
}

/// fns: the position of the offset-th set bit, counted from `base` up or down; ~0 if there is none.
void findSet(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t bits = w.get<uint32_t>(i.ops[1], l), result = ~0u;
    int64_t at = w.get<uint32_t>(i.ops[2], l), offset = w.get<int32_t>(i.ops[3], l);
    if (offset == 0)
      result = at < 32 && bits >> at & 1 ? uint32_t(at) : ~0u;
    int64_t step = offset > 0 ? 1 : -1;
    for (int64_t left = offset * step; left > 0 && at >= 0 && at < 32; at += step)
      if (bits >> at & 1 && --left == 0)
        result = uint32_t(at);
    w.set<uint32_t>(i.ops[0], l, result);
  });
}
Handler decodeFns(Decoder &d) {
  if (d.takeType() != Type::B32 || !d.operands(4))
    return d.refuse("expected fns.b32");
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < 4; ++n)
    d.value(n, Type::B32);
  return findSet;
}

/// vabsdiff4 of whole words; flags2: 1 signed a, 2 signed b, 4 sums into c.
void absoluteDifferences(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t a = w.get<uint32_t>(i.ops[1], l), b = w.get<uint32_t>(i.ops[2], l), packed = 0;
    uint32_t sum = w.get<uint32_t>(i.ops[3], l);
    for (unsigned n = 0; n < 4; ++n) {
      int64_t difference = part(a, n, 8, i.flags2 & 1) - part(b, n, 8, i.flags2 & 2);
      uint32_t size = uint32_t(difference < 0 ? -difference : difference);
      packed |= (size & 255) << (8 * n);
      sum += size;
    }
    w.set<uint32_t>(i.ops[0], l, i.flags2 & 4 ? sum : packed);
  });
}
Handler decodeVabsdiff4(Decoder &d) {
  Type result = d.takeType(), a = d.takeType(), b = d.takeType();
  for (Type t : {result, a, b})
    if (t != Type::U32 && t != Type::S32)
      return d.refuse("expected three types of .u32 or .s32");
  if (!d.operands(4))
    return nullptr;
  d.inst->flags2 = uint8_t((a == Type::S32) | (b == Type::S32) << 1 | d.take("add") << 2);
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < 4; ++n)
    d.value(n, Type::B32);
  return absoluteDifferences;
}

} // namespace

void addBitsGroup(DecodeTable &t) {
  t["prmt"] = decodePrmt;
  t["lop3"] = decodeLop3;
  t["dp4a"] = decodeDot<4>;
  t["dp2a"] = decodeDot<2>;
  t["mul24"] = decode24<false>;
  t["mad24"] = decode24<true>;
  t["cnot"] = decodeCnot;
  t["szext"] = decodeClamped<extend>;
  t["bmsk"] = decodeClamped<bitMask>;
  t["fns"] = decodeFns;
  t["vabsdiff4"] = decodeVabsdiff4;
}

} // namespace vitc::emu
