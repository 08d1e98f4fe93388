//===- Order.cpp - Fences, and accesses that synchronise -----------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Within a block the memory model's release and acquire are kept per warp: what a warp did before a
// release (or before a fence that a strong write follows) is ordered before what a warp does that
// reads the same place and acquires (or fences afterwards). Between blocks only this much is kept:
// a block that fenced and then wrote atomically has published its stores, and a block that read
// atomically and then fenced may read what others published. That accepts what is right, and finds
// the missing fence; it does not find a store behind the release.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

#include <algorithm>

namespace vitc::emu {

static void joinClock(std::vector<uint32_t> &into, const uint32_t *from, size_t count) {
  into.resize(count, 0);
  for (size_t n = 0; n < count; ++n)
    into[n] = std::max(into[n], from[n]);
}

void Warp::fence(bool device) {
  tick();
  size_t warps = cta->warpCount();
  fenceClock.assign(clock, clock + warps);
  for (size_t n = 0; n < acquirable.size(); ++n)
    clock[n] = std::max(clock[n], acquirable[n]);
  acquirable.clear();
  if (!device)
    return;
  cta->fenced = true;
  cta->acquired |= cta->observed;
}

void Warp::beforeStrongWrite(uint64_t place, bool release) {
  if (release) {
    tick();
    joinClock(cta->released[place], clock, cta->warpCount());
  } else if (!fenceClock.empty()) {
    joinClock(cta->released[place], fenceClock.data(), cta->warpCount());
  }
  if (release || cta->fenced)
    cta->launch.publish(cta->number);
}

void Warp::afterStrongRead(uint64_t place, bool acquire) {
  cta->observed = strongRead = true;
  cta->acquired |= acquire;
  if (cta->released.empty())
    return;
  auto it = cta->released.find(place);
  if (it == cta->released.end())
    return;
  if (!acquire)
    return joinClock(acquirable, it->second.data(), it->second.size());
  for (size_t n = 0; n < it->second.size(); ++n)
    clock[n] = std::max(clock[n], it->second[n]);
}

namespace {

void runFence(Warp &w, const Inst &i, uint32_t) { w.fence(i.flags2); }

/// `membar.gl`, `fence.acq_rel.gpu` and the like.
Handler decodeFence(Decoder &d) {
  bool block = d.take("cta"), device = d.take("gl") || d.take("gpu") || d.take("sys");
  for (const char *m : {"acq_rel", "sc", "release", "acquire"})
    d.take(m);
  if (block == device || !d.operands(0))
    return d.refuse("expected one scope");
  d.inst->flags2 = device;
  d.usesFences();
  return runFence;
}

/// Prefetches and hints: nothing to do, because they change no value.
void nothing(Warp &, const Inst &, uint32_t) {}
Handler decodePrefetch(Decoder &d) {
  for (const char *m : {"global", "local", "L1", "L2", "L2::evict_last", "L2::evict_normal"})
    d.take(m);
  return d.operands(1) ? nothing : nullptr;
}
/// applypriority and discard name bytes of a line; their contents may be lost, but need not.
Handler decodeLineHint(Decoder &d) {
  for (const char *m : {"global", "L2", "L2::evict_normal"})
    d.take(m);
  return d.operands(2) ? nothing : nullptr;
}
void zeroPolicy(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) { w.set<uint64_t>(i.ops[0], l, 0); });
}
/// A policy is a hint that accesses name: any value serves.
Handler decodePolicy(Decoder &d) {
  for (size_t n = 1; n < d.statement->parts.size(); ++n)
    if (std::string_view part = d.statement->parts[n];
        part == "fractional" || part == "range" || part == "cvt" || part == "L2" ||
        part == "global" || part.substr(0, 4) == "L2::")
      d.take(part);
  if (d.takeType() != Type::B64 || !d.operands(1, 4))
    return d.refuse("expected .b64");
  d.destination(0, Type::B64);
  return zeroPolicy;
}
void sleep(Warp &w, const Inst &, uint32_t) { w.yieldSoon(); }
Handler decodeNanosleep(Decoder &d) {
  return d.takeType() == Type::U32 && d.operands(1) ? sleep : nullptr;
}

} // namespace

void addOrderGroup(DecodeTable &t) {
  t["fence"] = decodeFence;
  t["membar"] = decodeFence;
  t["prefetch"] = decodePrefetch;
  t["prefetchu"] = decodePrefetch;
  t["applypriority"] = decodeLineHint;
  t["discard"] = decodeLineHint;
  t["createpolicy"] = decodePolicy;
  t["nanosleep"] = decodeNanosleep;
}

} // namespace vitc::emu
