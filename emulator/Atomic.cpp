//===- Atomic.cpp - atom and red ------------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// On global memory these are atomic operations of the host, since CTAs run on several threads. An
// atomic leaves no trace in the writers' shadow: two CTAs may add to one counter.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

namespace vitc::emu {
namespace {

enum Operation : uint8_t { OpAdd, OpMin, OpMax, OpAnd, OpOr, OpXor, OpExch, OpInc, OpDec, OpCas };
const char *const operationNames[] = {"add", "min",  "max", "and", "or",
                                      "xor", "exch", "inc", "dec", "cas"};

template <class T> T combine(uint8_t op, T old, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
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
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  auto *cell = reinterpret_cast<Bits *>(where);
  Bits seen = __atomic_load_n(cell, __ATOMIC_RELAXED);
  for (;;) {
    Bits next = std::bit_cast<Bits>(combine<T>(op, std::bit_cast<T>(seen), a, b));
    if (__atomic_compare_exchange_n(cell, &seen, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return std::bit_cast<T>(seen);
  }
}

/// The cell of one lane, checked; null if it may not be touched.
uint8_t *cellOf(Warp &w, const Inst &i, unsigned l, uint64_t address, uint32_t bytes) {
  bool shared = i.flags & 1;
  if (i.flags & 2 && address >= sharedWindow) {
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
    T old = apply<T>(cell, i.flags2 & 15, w.get<T>(i.ops[first], l),
                     two ? w.get<T>(i.ops[first + 1], l) : T());
    if (returns)
      w.set<T>(i.ops[1], l, old);
  }
}

template <bool returns> Handler decodeAtomic(Decoder &d) {
  if (d.take("shared") || d.take("shared::cta"))
    d.inst->flags = 1;
  else if (!d.take("global"))
    d.inst->flags = 2;
  for (const char *hint : {"relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys"})
    d.take(hint);
  unsigned op = 0;
  while (op < 10 && !d.take(operationNames[op]))
    ++op;
  Type type = d.takeType();
  size_t inputs = op == OpCas ? 2 : 1, first = returns ? 1 : 0;
  if (op == 10 || (op == OpCas && !returns) || !d.operands(first + 1 + inputs))
    return d.refuse("expected an operation and its operands");
  bool real = type == Type::F32 || type == Type::F64;
  if ((real && op != OpAdd) || ((op == OpInc || op == OpDec) && type != Type::U32))
    return d.refuseType(type);
  d.inst->flags2 = uint8_t(op | (returns ? 0x80 : 0));
  d.address(first);
  if (returns)
    d.destination(0, type);
  for (size_t i = 0; i < inputs; ++i)
    d.value(first + 1 + i, type);
  switch (type) {
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

} // namespace

void addAtomicGroup(DecodeTable &t) {
  t["atom"] = decodeAtomic<true>;
  t["red"] = decodeAtomic<false>;
}

} // namespace vitc::emu
