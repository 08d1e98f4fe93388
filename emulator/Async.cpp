//===- Async.cpp - cp.async and its groups --------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A copy reads its source when it is issued and stores it when its group is waited for: the latest
// the device may do it, so that a missing wait shows in the results too. In between its destination
// is open.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

namespace vitc::emu {
namespace {

/// Operands: destination, source, and how many bytes to read (the rest is zero) if flags2 is set.
/// imm holds the source's displacement; the destination's is in target.
void issueLane(Warp &w, const Inst &i, unsigned l, PendingCopy &copy) {
  uint32_t to =
      i.flags2 & 2 ? uint32_t(w.get<uint64_t>(i.ops[1], l)) : w.get<uint32_t>(i.ops[1], l);
  to += i.target;
  uint64_t from =
      i.flags & Decoder::wideAddress ? w.get<uint64_t>(i.ops[0], l) : w.get<uint32_t>(i.ops[0], l);
  from += uint64_t(i.imm);
  uint32_t bytes = i.size;
  if (i.flags2 & 1) {
    bytes = w.get<uint32_t>(i.ops[2], l);
    if (bytes > i.size) {
      w.report(i, l, Kind::OutOfBounds,
               "copies at most " + std::to_string(i.size) + " bytes, but its size operand is " +
                   std::to_string(bytes));
      bytes = i.size;
    }
  }
  if (!checkShared(w, i, l, to, i.size, i.size, Doing::Writes))
    return;
  const uint8_t *source = nullptr;
  const Range *range = nullptr;
  if (bytes) {
    // A partial copy still names a whole row: its address must be aligned, its bytes in bounds.
    if (bytes == i.size)
      source = checkLoad(w, i, l, from, bytes, false, &range);
    else if (from & (i.size - 1u))
      w.report(i, l, Kind::Misaligned,
               "reads at an address that is not a multiple of " + std::to_string(i.size));
    else
      for (uint32_t b = 0; b < bytes; ++b) {
        const uint8_t *p = checkLoad(w, i, l, from + b, 1, false, &range);
        if (!p)
          return;
        source = b ? source : p;
      }
    if (!source)
      return;
  }
  if (Hazard h = w.cta->shadow.open(w.accessor(l), to, i.size))
    w.report(i, l, h);
  copy.lanes |= 1u << l;
  copy.address[l] = to;
  copy.unwritten[l] = 0;
  if (bytes != i.size)
    memset(copy.data[l], 0, i.size);
  if (!bytes)
    return;
  memcpy(copy.data[l], source, bytes);
  const uint8_t *shadow = writtenAt(*range->allocation, from);
  if (!allWritten(shadow, bytes))
    for (uint32_t b = 0; b < bytes; ++b)
      copy.unwritten[l] |= uint16_t(!shadow[b]) << b;
}

void issue(Warp &w, const Inst &i, uint32_t mask) {
  if (w.cta->countBanks) {
    uint64_t to[warpSize] = {};
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      unsigned l = unsigned(std::countr_zero(rest));
      to[l] =
          (i.flags2 & 2 ? w.get<uint64_t>(i.ops[1], l) : w.get<uint32_t>(i.ops[1], l)) + i.target;
    }
    countBanks(*w.cta, mask, to, i.size);
  }
  // Lanes that committed a different number of times belong to different groups.
  while (mask) {
    uint32_t number = w.group[std::countr_zero(mask)], same = 0;
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      if (w.group[std::countr_zero(rest)] == number)
        same |= rest & -rest;
    PendingCopy &copy = w.pending.emplace_back();
    copy.lanes = 0;
    copy.group = number;
    copy.size = i.size;
    for (uint32_t rest = same; rest; rest &= rest - 1)
      issueLane(w, i, unsigned(std::countr_zero(rest)), copy);
    if (!copy.lanes)
      w.pending.pop_back();
    mask &= ~same;
  }
}

void commit(Warp &w, const Inst &, uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    ++w.group[std::countr_zero(rest)];
}

/// Lands the copies of `mask` whose group is among all but the newest imm committed ones; of
/// wait_all (flags2) every copy.
void wait(Warp &w, const Inst &i, uint32_t mask) {
  size_t kept = 0;
  for (size_t n = 0; n < w.pending.size(); ++n) {
    PendingCopy &copy = w.pending[n];
    for (uint32_t rest = copy.lanes & mask; rest; rest &= rest - 1) {
      unsigned l = unsigned(std::countr_zero(rest));
      if (!i.flags2 && uint64_t(copy.group) + uint64_t(i.imm) >= w.group[l])
        continue;
      memcpy(w.cta->shared.data() + copy.address[l], copy.data[l], copy.size);
      w.cta->shadow.land(w.accessor(l), copy.address[l], copy.size, copy.unwritten[l]);
      copy.lanes &= ~(1u << l);
    }
    if (copy.lanes) {
      if (kept != n)
        w.pending[kept] = copy;
      ++kept;
    }
  }
  w.pending.resize(kept);
}

} // namespace

void landCopies(Warp &w, uint32_t mask) {
  Inst all;
  all.flags2 = 1;
  wait(w, all, mask);
}

namespace {

Handler decodeCopy(Decoder &d) {
  bool cg = d.take("cg"), ca = d.take("ca");
  bool shared = d.take("shared") || d.take("shared::cta");
  if (cg == ca || !shared || !d.take("global"))
    return d.refuse("expected cp.async.cg or .ca, .shared.global");
  for (const char *hint : {"L2::64B", "L2::128B", "L2::256B"})
    d.take(hint);
  bool hint = d.take("L2::cache_hint");
  if (!d.operands(hint ? 4 : 3, hint ? 5 : 4))
    return nullptr;
  int64_t size = d.immediate(2);
  if (cg ? size != 16 : size != 4 && size != 8 && size != 16)
    return d.refuse("expected a size of 16 (.cg) or 4, 8, 16 (.ca), found " + std::to_string(size));
  d.inst->size = uint8_t(size);
  // The destination first into fields of its own; address() speaks of the source.
  const Operand &to = d.statement->operands[0];
  d.address(1);
  int64_t from = d.inst->imm;
  uint8_t flags = d.inst->flags;
  uint16_t site = d.inst->site;
  d.inst->flags = 0;
  d.address(0);
  d.inst->flags2 = uint8_t(d.inst->flags & Decoder::wideAddress ? 2 : 0);
  d.inst->target = uint32_t(to.value);
  d.inst->imm = from;
  d.inst->flags = flags;
  d.inst->site = site;
  if (d.count() == (hint ? 5u : 4u)) {
    d.inst->flags2 |= 1;
    if (d.registerBits(d.statement->operands[3]) == 1)
      return d.refuse("a predicate that ignores the source is not supported");
    d.value(3, Type::U32);
  }
  return issue;
}

Handler decodeCp(Decoder &d) {
  if (!d.take("async"))
    return d.refuse("only cp.async is supported");
  if (d.take("mbarrier"))
    return decodeCopiesArrive(d);
  if (d.take("commit_group"))
    return d.operands(0) ? commit : nullptr;
  if (d.take("wait_all")) {
    d.inst->flags2 = 1;
    return d.operands(0) ? wait : nullptr;
  }
  if (d.take("wait_group")) {
    if (!d.operands(1))
      return nullptr;
    d.inst->imm = d.immediate(0);
    return d.inst->imm >= 0 ? wait : d.refuse("expected a number of groups");
  }
  return decodeCopy(d);
}

} // namespace

void addAsyncGroup(DecodeTable &t) { t["cp"] = decodeCp; }

} // namespace vitc::emu
