//===- Atomic.cpp - atom and red ------------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// On global memory these are atomic operations of the host, since CTAs run on several threads. An
// atomic leaves no trace in the writers' shadow: two CTAs may add to one counter.
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Half.h"

namespace vitc::emu {
namespace {

enum Operation : uint8_t { OpAdd, OpMin, OpMax, OpAnd, OpOr, OpXor, OpExch, OpInc, OpDec, OpCas };
const char *const operationNames[] = {"add", "min",  "max", "and", "or",
                                      "xor", "exch", "inc", "dec", "cas"};

/// 16-bit floats and pairs of them, which only add.
struct Half {
  uint16_t bits;
  Half operator+(Half b) const { return {floatToHalf(halfToFloat(bits) + halfToFloat(b.bits))}; }
};
struct Bfloat {
  uint16_t bits;
  Bfloat operator+(Bfloat b) const {
    return {floatToBfloat(bfloatToFloat(bits) + bfloatToFloat(b.bits))};
  }
};
template <class F> struct Pair {
  F low, high;
  Pair operator+(Pair b) const { return {low + b.low, high + b.high}; }
};
template <class T> constexpr bool onlyAdds = std::is_floating_point_v<T> || std::is_class_v<T>;

template <class T> T combine(uint8_t op, T old, T a, T b) {
  if constexpr (onlyAdds<T>) {
    return op == OpAdd ? old + a : a;
  } else {
    using U = std::make_unsigned_t<T>;
    switch (op) {
    case OpAdd:
      return T(U(old) + U(a));
    case OpMin:
      return a < old ? a : old;
    case OpMax:
      return old < a ? a : old;
    case OpAnd:
      return old & a;
    case OpOr:
      return old | a;
    case OpXor:
      return old ^ a;
    case OpInc:
      return old >= a ? T(0) : T(old + 1);
    case OpDec:
      return old == 0 || old > a ? a : T(old - 1);
    case OpCas:
      return old == a ? b : old;
    default:
      return a;
    }
  }
}

template <class T> T apply(uint8_t *where, uint8_t op, T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t,
                                  std::conditional_t<sizeof(T) == 2, uint16_t, uint32_t>>;
  auto *cell = reinterpret_cast<Bits *>(where);
  Bits seen = __atomic_load_n(cell, __ATOMIC_RELAXED);
  for (;;) {
    Bits next = std::bit_cast<Bits>(combine<T>(op, std::bit_cast<T>(seen), a, b));
    if (__atomic_compare_exchange_n(cell, &seen, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return std::bit_cast<T>(seen);
  }
}

enum Flags : uint8_t { Shared = 1, Generic = 2, Acquire = 4, Release = 8 }; ///< in Inst::flags

/// The cell of one lane, checked; null if it may not be touched. `address` becomes that in its
/// space.
uint8_t *cellOf(Warp &w, const Inst &i, unsigned l, uint64_t &address, uint32_t bytes) {
  bool shared = i.flags & Shared;
  if (i.flags & Generic && inWindow(address, sharedWindow)) {
    shared = true;
    address -= sharedWindow;
  }
  if (shared) {
    if (!checkShared(w, i, l, address, bytes, bytes, Doing::Writes))
      return nullptr;
    Accessor who = w.accessor(l);
    who.atomic = true;
    Hazard h = w.cta->shadow.read(who, uint32_t(address), bytes);
    if (!h)
      h = w.cta->shadow.write(who, uint32_t(address), bytes);
    if (h)
      w.report(i, l, h);
    return w.cta->shared.data() + address;
  }
  return const_cast<uint8_t *>(checkLoad(w, i, l, address, bytes, true));
}

template <class T> void atom(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  bool returns = i.flags2 & 0x80, two = i.opCount > (returns ? 3 : 2);
  unsigned first = returns ? 2 : 1;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint8_t *cell = cellOf(w, i, l, a[l], sizeof(T));
    if (!cell)
      continue;
    w.beforeStrongWrite(a[l], i.flags & Release);
    T old = apply<T>(cell, i.flags2 & 15, w.get<T>(i.ops[first], l),
                     two ? w.get<T>(i.ops[first + 1], l) : T());
    w.afterStrongRead(a[l], i.flags & Acquire);
    if (returns)
      w.set<T>(i.ops[1], l, old);
  }
}

/// Space and order, in Inst::flags.
void takeOrder(Decoder &d) {
  bool shared = d.take("shared") || d.take("shared::cta");
  d.inst->flags = shared ? Shared : d.take("global") ? 0 : Generic;
  if (d.take("acquire"))
    d.inst->flags |= Acquire;
  if (d.take("release"))
    d.inst->flags |= Release;
  if (d.take("acq_rel"))
    d.inst->flags |= Acquire | Release;
  for (const char *hint : {"relaxed", "cta", "gpu", "sys"})
    d.take(hint);
}

Handler pick(Decoder &d, Type type) {
  switch (type) {
  case Type::B16:
    return atom<uint16_t>;
  case Type::F16:
    return atom<Half>;
  case Type::BF16:
    return atom<Bfloat>;
  case Type::F16X2:
    return atom<Pair<Half>>;
  case Type::BF16X2:
    return atom<Pair<Bfloat>>;
  case Type::B32:
  case Type::U32:
    return atom<uint32_t>;
  case Type::S32:
    return atom<int32_t>;
  case Type::B64:
  case Type::U64:
    return atom<uint64_t>;
  case Type::S64:
    return atom<int64_t>;
  case Type::F32:
    return atom<float>;
  case Type::F64:
    return atom<double>;
  default:
    return d.refuseType(type);
  }
}

template <bool returns> Handler decodeAtomic(Decoder &d) {
  takeOrder(d);
  unsigned op = 0;
  while (op < 10 && !d.take(operationNames[op]))
    ++op;
  bool unflushed = d.take("noftz"), hint = d.take("L2::cache_hint");
  Type type = d.takeType();
  size_t inputs = op == OpCas ? 2 : 1, first = returns ? 1 : 0;
  if (op == 10 || (op == OpCas && !returns) || !d.operands(first + 1 + inputs + hint))
    return d.refuse("expected an operation and its operands");
  bool half =
      type == Type::F16 || type == Type::F16X2 || type == Type::BF16 || type == Type::BF16X2;
  bool real = half || type == Type::F32 || type == Type::F64;
  if ((real && op != OpAdd) || half != unflushed || (type == Type::B16 && op != OpCas) ||
      ((op == OpInc || op == OpDec) && type != Type::U32))
    return d.refuseType(type);
  d.inst->flags2 = uint8_t(op | (returns ? 0x80 : 0));
  d.usesFences();
  d.address(first);
  if (returns)
    d.destination(0, type);
  for (size_t i = 0; i < inputs; ++i)
    d.value(first + 1 + i, type);
  return pick(d, type);
}

} // namespace

void addAtomicGroup(DecodeTable &t) {
  t["atom"] = decodeAtomic<true>;
  t["red"] = decodeAtomic<false>;
}

} // namespace vitc::emu
