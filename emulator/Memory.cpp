//===- Memory.cpp - ld and st ---------------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One instantiation per pair of memory and register type. Generic addresses are sorted into shared
// and global ones lane by lane.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

#include <algorithm>

namespace vitc::emu {
namespace {

/// Operands: the address, then the registers.
template <class Mem, class Reg>
inline void toRegisters(Warp &w, const Inst &i, unsigned l, const uint8_t *p) {
  for (unsigned k = 0; k < i.count; ++k) {
    Mem value;
    memcpy(&value, p + k * sizeof(Mem), sizeof(Mem));
    w.set<Reg>(i.ops[1 + k], l, Reg(value));
  }
}
template <class Mem, class Reg>
inline void fromRegisters(const Warp &w, const Inst &i, unsigned l, uint8_t *p) {
  for (unsigned k = 0; k < i.count; ++k) {
    Mem value = Mem(w.get<Reg>(i.ops[1 + k], l));
    memcpy(p + k * sizeof(Mem), &value, sizeof(Mem));
  }
}

/// `.volatile`, `.relaxed` and the like, in Inst::flags2; only the last two make it an atomic.
enum Strength : uint8_t { Volatile = 1, Relaxed = 2, Ordered = 4 };

void afterLoad(Warp &w, const Inst &i, uint64_t address) {
  std::atomic_thread_fence(std::memory_order_acquire);
  w.afterStrongRead(address, i.flags2 & Ordered);
}
void beforeStore(Warp &w, const Inst &i, uint64_t address) {
  w.beforeStrongWrite(address, i.flags2 & Ordered);
  std::atomic_thread_fence(std::memory_order_release);
}
inline Accessor accessorOf(const Warp &w, const Inst &i, unsigned l) {
  Accessor who = w.accessor(l);
  who.atomic = i.flags2 & Relaxed;
  return who;
}
/// Whether a store would leave the bytes as they are.
template <class Mem, class Reg>
bool changesNothing(const Warp &w, const Inst &i, unsigned l, const uint8_t *p) {
  for (unsigned k = 0; k < i.count; ++k) {
    Mem value = Mem(w.get<Reg>(i.ops[1 + k], l));
    if (memcmp(p + k * sizeof(Mem), &value, sizeof(Mem)) != 0)
      return false;
  }
  return true;
}

template <class Mem, class Reg>
void loadGlobalAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  uint32_t bytes = uint32_t(sizeof(Mem) * i.count);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (const uint8_t *p = checkLoad(w, i, l, a[l], bytes, true))
      toRegisters<Mem, Reg>(w, i, l, p);
    if (i.strong)
      afterLoad(w, i, a[l]);
  }
}
template <class Mem, class Reg>
void storeGlobalAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  uint32_t bytes = uint32_t(sizeof(Mem) * i.count);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (i.strong)
      beforeStore(w, i, a[l]);
    if (uint8_t *p = checkStore(w, i, l, a[l], bytes))
      fromRegisters<Mem, Reg>(w, i, l, p);
  }
}
template <class Mem, class Reg>
void loadSharedAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  uint32_t bytes = uint32_t(sizeof(Mem) * i.count);
  if (w.cta->countBanks)
    countBanks(*w.cta, mask, a, bytes);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (!checkShared(w, i, l, a[l], bytes, bytes, Doing::Reads))
      continue;
    if (Hazard h = w.cta->shadow.read(accessorOf(w, i, l), uint32_t(a[l]), bytes))
      w.report(i, l, h);
    toRegisters<Mem, Reg>(w, i, l, w.cta->shared.data() + a[l]);
    if (i.strong)
      afterLoad(w, i, a[l]);
  }
}
template <class Mem, class Reg>
void storeSharedAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  uint32_t bytes = uint32_t(sizeof(Mem) * i.count);
  if (w.cta->countBanks)
    countBanks(*w.cta, mask, a, bytes);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (!checkShared(w, i, l, a[l], bytes, bytes, Doing::Writes))
      continue;
    if (i.strong)
      beforeStore(w, i, a[l]);
    uint8_t *to = w.cta->shared.data() + a[l];
    Hazard h = w.cta->shadow.write(accessorOf(w, i, l), uint32_t(a[l]), bytes);
    // Compilers let many threads store one value, which is no conflict.
    if (h && !(h.kind == Hazard::WriteWrite && changesNothing<Mem, Reg>(w, i, l, to)))
      w.report(i, l, h);
    fromRegisters<Mem, Reg>(w, i, l, to);
  }
}

template <class Mem, class Reg, bool stores>
void accessGlobal(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  (stores ? storeGlobalAt<Mem, Reg> : loadGlobalAt<Mem, Reg>)(w, i, mask, a);
}
template <class Mem, class Reg, bool stores>
void accessShared(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  (stores ? storeSharedAt<Mem, Reg> : loadSharedAt<Mem, Reg>)(w, i, mask, a);
}
template <class Mem, class Reg, bool stores>
void accessLocalAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  uint32_t bytes = uint32_t(sizeof(Mem) * i.count);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint8_t *p = checkLocal(w, i, l, a[l], bytes, stores ? Doing::Writes : Doing::Reads);
    if (!p)
      continue;
    if constexpr (stores)
      fromRegisters<Mem, Reg>(w, i, l, p);
    else
      toRegisters<Mem, Reg>(w, i, l, p);
  }
}
template <class Mem, class Reg, bool stores>
void accessParameterAt(Warp &w, const Inst &i, uint32_t mask, const uint64_t *a) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (stores)
      w.report(i, l, Kind::OutOfBounds, "writes to a parameter of the kernel");
    else if (const uint8_t *p = checkParameter(w, i, l, a[l], uint32_t(sizeof(Mem) * i.count)))
      toRegisters<Mem, Reg>(w, i, l, p);
  }
}
template <class Mem, class Reg, bool stores>
void accessLocal(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  accessLocalAt<Mem, Reg, stores>(w, i, mask, a);
}
/// Moves the lanes whose address is in `window` out of `mask`, their addresses to its start.
uint32_t takeWindow(uint64_t window, uint32_t &mask, uint64_t *a) {
  uint32_t inside = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (inWindow(a[l], window)) {
      inside |= 1u << l;
      a[l] -= window;
    }
  }
  mask &= ~inside;
  return inside;
}
template <class Mem, class Reg, bool stores>
void accessGeneric(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize], windows = 0;
  addresses(w, i, mask, a);
  forLanes(mask, [&](unsigned l) { windows |= a[l]; });
  if (windows >= sharedWindow) {
    if (uint32_t shared = takeWindow(sharedWindow, mask, a))
      (stores ? storeSharedAt<Mem, Reg> : loadSharedAt<Mem, Reg>)(w, i, shared, a);
    if (uint32_t local = takeWindow(localWindow, mask, a))
      accessLocalAt<Mem, Reg, stores>(w, i, local, a);
    if (uint32_t parameters = takeWindow(paramWindow, mask, a))
      accessParameterAt<Mem, Reg, stores>(w, i, parameters, a);
  }
  if (mask)
    (stores ? storeGlobalAt<Mem, Reg> : loadGlobalAt<Mem, Reg>)(w, i, mask, a);
}
template <class Mem, class Reg, bool stores>
void accessParameter(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  if (uint32_t calls = takeWindow(callParameters, mask, a))
    accessLocalAt<Mem, Reg, stores>(w, i, calls, a);
  if (mask)
    accessParameterAt<Mem, Reg, stores>(w, i, mask, a);
}

template <class Mem, class Reg, bool stores> Handler pickSpace(Space space) {
  switch (space) {
  case Space::Generic:
    return accessGeneric<Mem, Reg, stores>;
  case Space::Shared:
    return accessShared<Mem, Reg, stores>;
  case Space::Local:
    return accessLocal<Mem, Reg, stores>;
  case Space::Param:
    return accessParameter<Mem, Reg, stores>;
  case Space::Const:
    return stores ? nullptr : Handler(accessGlobal<Mem, Reg, false>);
  default:
    return accessGlobal<Mem, Reg, stores>;
  }
}

template <class Mem, bool stores> Handler pickRegister(Space space, unsigned bits) {
  using U16 = std::conditional_t<sizeof(Mem) <= 2, uint16_t, uint32_t>;
  using U32 = std::conditional_t<sizeof(Mem) <= 4, uint32_t, uint64_t>;
  if (bits == 16 && sizeof(Mem) <= 2)
    return pickSpace<Mem, U16, stores>(space);
  if (bits == 32 && sizeof(Mem) <= 4)
    return pickSpace<Mem, U32, stores>(space);
  return bits == 64 ? pickSpace<Mem, uint64_t, stores>(space) : nullptr;
}

template <bool stores> Handler pickMemory(Type type, Space space, unsigned bits) {
  bool isSigned = !stores && (type == Type::S8 || type == Type::S16 || type == Type::S32);
  switch (bitsOf(type)) {
  case 8:
    return isSigned ? pickRegister<int8_t, stores>(space, bits)
                    : pickRegister<uint8_t, stores>(space, bits);
  case 16:
    return isSigned ? pickRegister<int16_t, stores>(space, bits)
                    : pickRegister<uint16_t, stores>(space, bits);
  case 32:
    return isSigned ? pickRegister<int32_t, stores>(space, bits)
                    : pickRegister<uint32_t, stores>(space, bits);
  case 64:
    return pickRegister<uint64_t, stores>(space, bits);
  default:
    return nullptr;
  }
}

Space takeSpace(Decoder &d) {
  if (d.take("global"))
    return Space::Global;
  if (d.take("const"))
    return Space::Const;
  if (d.take("local"))
    return Space::Local;
  if (d.take("param") || d.take("param::entry") || d.take("param::func"))
    return Space::Param;
  if (d.take("shared") || d.take("shared::cta"))
    return Space::Shared;
  return Space::Generic;
}

/// Cache hints change no value.
void takeHints(Decoder &d) {
  static const char *const hints[] = {"nc",
                                      "ca",
                                      "cg",
                                      "cs",
                                      "cv",
                                      "lu",
                                      "wb",
                                      "wt",
                                      "weak",
                                      "L1::evict_normal",
                                      "L1::evict_unchanged",
                                      "L1::evict_first",
                                      "L1::evict_last",
                                      "L1::no_allocate",
                                      "L2::evict_last",
                                      "L2::evict_normal",
                                      "L2::evict_first",
                                      "unified",
                                      "L2::64B",
                                      "L2::128B",
                                      "L2::256B"};
  for (const char *hint : hints)
    d.take(hint);
}

void takeStrength(Decoder &d) {
  bool isVolatile = d.take("volatile"), relaxed = d.take("relaxed") || d.take("mmio");
  bool ordered = d.take("acquire") || d.take("release");
  d.inst->flags2 = uint8_t((isVolatile ? Volatile : 0) | (relaxed ? Relaxed : 0) |
                           (ordered ? Relaxed | Ordered : 0));
  d.inst->strong = d.inst->flags2 != 0;
  if (relaxed || ordered)
    for (const char *scope : {"cta", "gpu", "sys"})
      d.take(scope);
  if (d.inst->strong)
    d.usesFences();
}

template <bool stores> Handler decodeAccess(Decoder &d) {
  takeStrength(d);
  Space space = takeSpace(d);
  takeHints(d);
  bool hint = d.take("L2::cache_hint");
  unsigned count = d.take("v2") ? 2 : d.take("v4") ? 4 : d.take("v8") ? 8 : 1;
  Type type = d.takeType();
  if (bitsOf(type) < 8 || !d.operands(hint ? 3 : 2))
    return d.refuseType(type);
  if (bitsOf(type) / 8 * count > 16)
    return d.refuse("expected at most 16 bytes");
  d.address(stores ? 0 : 1);
  d.inst->size = uint8_t(bitsOf(type) / 8);
  d.inst->count = uint8_t(count);
  const Operand &data = d.statement->operands[stores ? 1 : 0];
  std::vector<Operand> elements = data.elements;
  if (data.kind != Operand::Kind::Vector)
    elements.push_back(data);
  if (elements.size() != count)
    return d.refuse("expected " + std::to_string(count) + " registers, found " +
                    std::to_string(elements.size()));
  unsigned bits = 0;
  for (const Operand &element : elements)
    if (element.kind == Operand::Kind::Register)
      bits = d.registerBits(element);
  if (!bits) // all immediates or sinks
    bits = std::max(16u, bitsOf(type));
  for (const Operand &element : elements) {
    if (element.kind == Operand::Kind::Register && d.registerBits(element) != bits)
      return d.refuse("expected registers of one width");
    if (stores)
      d.value(element,
              element.kind == Operand::Kind::Register || bits == bitsOf(type) ? type
              : bits == 16                                                    ? Type::B16
              : bits == 32                                                    ? Type::B32
                                                                              : Type::B64,
              true);
    else
      d.destination(element, bitsOf(type), true);
  }
  d.inst->copies = !stores && std::none_of(elements.begin(), elements.end(), [&](const Operand &o) {
    return o.reg != noRegister && d.isUsed(o.reg);
  });
  Handler handler = pickMemory<stores>(type, space, bits);
  return handler ? handler : d.refuseType(type);
}

} // namespace

void addMemoryGroup(DecodeTable &t) {
  t["ld"] = decodeAccess<false>;
  t["ldu"] = decodeAccess<false>;
  t["st"] = decodeAccess<true>;
}

} // namespace vitc::emu
