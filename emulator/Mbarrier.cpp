//===- Mbarrier.cpp - Barriers in shared memory ---------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The object's 64 bits, which programs may not look into: pending arrivals from bit 0, expected
// ones from bit 20, and in bit 63 the phase. A state is a copy. An arrival releases, and a wait
// that succeeds acquires; one that fails lets the other warps run.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

namespace vitc::emu {
namespace {

constexpr uint64_t countMask = (1u << 20) - 1, phaseBit = 1ull << 63;
constexpr unsigned expectedShift = 20;
enum Flags : uint8_t {
  Generic = 1,
  Drops = 2,
  Parity = 4,
  HasCount = 8,
  HasState = 16,
  NoInc = 32
};

/// The object of one lane, or null where there can be none.
uint8_t *objectOf(Warp &w, const Inst &i, unsigned l, uint64_t &address) {
  if ((i.flags2 & Generic) && inWindow(address, sharedWindow))
    address -= sharedWindow;
  if (!checkShared(w, i, l, address, 8, 8, Doing::Writes))
    return nullptr;
  return w.cta->shared.data() + address;
}
/// The same, after a look whether it may be used now.
uint8_t *usedObject(Warp &w, const Inst &i, unsigned l, uint64_t &address) {
  uint8_t *object = objectOf(w, i, l, address);
  if (!object)
    return nullptr;
  Accessor who = w.accessor(l);
  who.atomic = true;
  if (Hazard h = w.cta->shadow.read(who, uint32_t(address), 8))
    w.report(i, l, h);
  return object;
}

template <class F> void forObjects(Warp &w, const Inst &i, uint32_t mask, F &&f) {
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    f(l, a[l]);
  }
}

void initialise(Warp &w, const Inst &i, uint32_t mask) {
  forObjects(w, i, mask, [&](unsigned l, uint64_t address) {
    uint64_t count = w.get<uint32_t>(i.ops[1], l), word = count | count << expectedShift;
    if (!count || count > countMask)
      return w.report(i, l, Kind::Sync,
                      "expects 1 to " + std::to_string(countMask) + " arrivals, found " +
                          std::to_string(count));
    uint8_t *object = objectOf(w, i, l, address);
    if (!object)
      return;
    if (Hazard h = w.cta->shadow.write(w.accessor(l), uint32_t(address), 8))
      w.report(i, l, h);
    w.cta->released.erase(address);
    memcpy(object, &word, 8);
  });
}

void invalidate(Warp &w, const Inst &i, uint32_t mask) {
  forObjects(w, i, mask, [&](unsigned l, uint64_t address) { usedObject(w, i, l, address); });
}

/// Operands: address, state or none, count or none.
void arriveAt(Warp &w, const Inst &i, uint32_t mask) {
  forObjects(w, i, mask, [&](unsigned l, uint64_t address) {
    uint8_t *object = usedObject(w, i, l, address);
    if (!object)
      return;
    uint64_t word, count = 1;
    memcpy(&word, object, 8);
    if (i.flags2 & HasCount)
      count = w.get<uint32_t>(i.ops[i.flags2 & HasState ? 2 : 1], l);
    if (i.flags2 & HasState)
      w.set<uint64_t>(i.ops[1], l, word);
    w.beforeStrongWrite(address, true);
    uint64_t pending = word & countMask, expected = word >> expectedShift & countMask;
    if (count > pending)
      return w.report(i, l, Kind::Sync,
                      "arrives " + std::to_string(count) + " times where " +
                          std::to_string(pending) + " are pending");
    pending -= count;
    if (i.flags2 & Drops)
      expected -= count;
    uint64_t phase = word & phaseBit;
    if (!pending)
      phase ^= phaseBit, pending = expected;
    word = pending | expected << expectedShift | phase;
    memcpy(object, &word, 8);
  });
}

/// Operands: address, predicate, state or parity.
void testWait(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t done = 0;
  forObjects(w, i, mask, [&](unsigned l, uint64_t address) {
    uint8_t *object = usedObject(w, i, l, address);
    if (!object)
      return;
    uint64_t word, phase = i.flags2 & Parity ? uint64_t(w.get<uint32_t>(i.ops[2], l) & 1) << 63
                                             : w.get<uint64_t>(i.ops[2], l) & phaseBit;
    memcpy(&word, object, 8);
    if ((word & phaseBit) == phase)
      return w.yieldSoon();
    done |= 1u << l;
    w.afterStrongRead(address, true);
  });
  w.predicates[i.ops[1]] = (w.predicates[i.ops[1]] & ~mask) | done;
}

void pendingCount(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    w.set<uint32_t>(i.ops[0], l, uint32_t(w.get<uint64_t>(i.ops[1], l) & countMask));
  });
}

/// The copies land here, and with `.noinc` their arrival counts; without, it also was expected.
void copiesArrive(Warp &w, const Inst &i, uint32_t mask) {
  landCopies(w, mask);
  if (i.flags2 & NoInc)
    return arriveAt(w, i, mask);
  forObjects(w, i, mask, [&](unsigned l, uint64_t address) {
    if (usedObject(w, i, l, address))
      w.beforeStrongWrite(address, true);
  });
}

bool takePlace(Decoder &d) {
  if (!d.take("shared") && !d.take("shared::cta"))
    d.inst->flags2 |= Generic;
  for (const char *m : {"release", "acquire", "cta"})
    d.take(m);
  return d.takeType() == Type::B64;
}

Handler decodeArrive(Decoder &d, bool drops) {
  d.take("noComplete");
  if (!takePlace(d) || !d.operands(2, 3))
    return d.refuse("expected [.noComplete].shared.b64");
  d.address(1);
  if (d.statement->operands[0].kind != Operand::Kind::Sink) {
    d.inst->flags2 |= HasState;
    d.destination(0, Type::B64);
  }
  if (d.count() == 3) {
    d.inst->flags2 |= HasCount;
    d.value(2, Type::U32);
  }
  d.inst->flags2 |= uint8_t(drops ? Drops : 0);
  return arriveAt;
}

Handler decodeMbarrier(Decoder &d) {
  if (d.take("init")) {
    if (!takePlace(d) || !d.operands(2))
      return d.refuse("expected .shared.b64");
    d.address(0);
    d.value(1, Type::U32);
    return initialise;
  }
  if (d.take("inval")) {
    if (!takePlace(d) || !d.operands(1))
      return d.refuse("expected .shared.b64");
    d.address(0);
    return invalidate;
  }
  if (d.take("arrive"))
    return decodeArrive(d, false);
  if (d.take("arrive_drop"))
    return decodeArrive(d, true);
  if (d.take("test_wait")) {
    bool parity = d.take("parity");
    if (!takePlace(d) || !d.operands(3))
      return d.refuse("expected [.parity].shared.b64");
    d.inst->flags2 |= uint8_t(parity ? Parity : 0);
    d.address(1);
    d.predicateDestination(d.statement->operands[0]);
    d.value(2, parity ? Type::U32 : Type::B64);
    return testWait;
  }
  if (d.take("pending_count")) {
    if (d.takeType() != Type::B64 || !d.operands(2))
      return d.refuse("expected .b64");
    d.destination(0, Type::B32);
    d.value(1, Type::B64);
    return pendingCount;
  }
  return d.refuse("expected init, inval, arrive, arrive_drop, test_wait or pending_count");
}

} // namespace

Handler decodeCopiesArrive(Decoder &d) {
  bool counts = d.take("noinc");
  if (!d.take("arrive") || !takePlace(d) || !d.operands(1))
    return d.refuse("expected cp.async.mbarrier.arrive[.noinc].shared.b64");
  d.inst->flags2 |= uint8_t(counts ? NoInc : 0);
  d.address(0);
  return copiesArrive;
}

void addMbarrierGroup(DecodeTable &t) { t["mbarrier"] = decodeMbarrier; }

} // namespace vitc::emu
