//===- Lanes.cpp - Instructions between the lanes of a warp ---------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// shfl, vote, redux, match, activemask, bar.warp. A lane's mask must name itself and only lanes
// that execute the instruction with it; a lane left out reads registers that mean nothing.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

namespace vitc::emu {
namespace {

/// Checks the masks of all executing lanes; reports the first that is wrong.
bool checkMembers(Warp &w, const Inst &i, uint32_t mask, uint32_t slot) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t members = w.get<uint32_t>(slot, l);
    char text[16];
    snprintf(text, sizeof(text), "0x%x", members);
    if (!(members >> l & 1)) {
      w.report(i, l, Kind::Sync,
               "has the mask " + std::string(text) + ", which lacks the executing lane " +
                   std::to_string(l));
      return false;
    }
    if (uint32_t missing = members & ~mask) {
      unsigned other = unsigned(std::countr_zero(missing));
      w.report(
          i, l, Kind::Sync,
          "has the mask " + std::string(text) + ", but lane " + std::to_string(other) +
              (w.live >> other & 1 ? " does not execute it" : " has exited or does not exist"));
      return false;
    }
  }
  return true;
}

enum Mode : uint8_t { Up, Down, Butterfly, Index };

/// Operands: result, predicate or the false one, value, b, c, mask.
void shuffle(Warp &w, const Inst &i, uint32_t mask) {
  checkMembers(w, i, mask, i.ops[5]);
  uint32_t source[warpSize], result[warpSize], valid = 0;
  memcpy(source, w.file + i.ops[2], sizeof(source));
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t b = w.get<uint32_t>(i.ops[3], l) & 31, c = w.get<uint32_t>(i.ops[4], l);
    uint32_t segment = c >> 8 & 31, last = (l & segment) | (c & 31 & ~segment);
    int from = int(l);
    bool inside = false;
    switch (i.flags2) {
    case Up:
      from = int(l) - int(b);
      inside = from >= int(last);
      break;
    case Down:
      from = int(l + b);
      inside = from <= int(last);
      break;
    case Butterfly:
      from = int(l ^ b);
      inside = from <= int(last);
      break;
    default:
      from = int((l & segment) | (b & ~segment));
      inside = from <= int(last);
      break;
    }
    if (!inside)
      from = int(l);
    valid |= uint32_t(inside) << l;
    if (!(mask >> from & 1))
      w.report(i, l, Kind::Sync,
               "reads lane " + std::to_string(from) + ", which does not execute it");
    result[l] = source[from];
  }
  forLanes(mask, [&](unsigned l) { w.set<uint32_t>(i.ops[0], l, result[l]); });
  if (i.ops[1] != falsePredicate)
    w.predicates[i.ops[1]] = (w.predicates[i.ops[1]] & ~mask) | valid;
}
Handler decodeShfl(Decoder &d) {
  if (!d.take("sync"))
    return d.refuse("expected shfl.sync");
  d.inst->flags2 = d.take("up")     ? Up
                   : d.take("down") ? Down
                   : d.take("bfly") ? Butterfly
                   : d.take("idx")  ? Index
                                    : 255;
  Type type = d.takeType();
  if (d.inst->flags2 == 255 || type != Type::B32 || !d.operands(5))
    return d.refuse("expected up, down, bfly or idx, .b32");
  Operand result = d.statement->operands[0];
  d.destination(0, type);
  if (result.pipe != noRegister) {
    result.reg = result.pipe;
    d.predicateDestination(result);
  } else {
    d.append(falsePredicate);
  }
  for (unsigned n = 1; n < 5; ++n)
    d.value(n, Type::B32);
  return shuffle;
}

enum Vote : uint8_t { All, Any, Uniform, Ballot };
void vote(Warp &w, const Inst &i, uint32_t mask) {
  checkMembers(w, i, mask, i.ops[2]);
  uint32_t p = w.predicates[i.ops[1] & ~negatedFlag];
  if (i.ops[1] & negatedFlag)
    p = ~p;
  uint32_t truth = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t members = w.get<uint32_t>(i.ops[2], l) & mask, set = p & members;
    if (i.flags2 == Ballot)
      w.set<uint32_t>(i.ops[0], l, set);
    bool holds = i.flags2 == All   ? set == members
                 : i.flags2 == Any ? set != 0
                                   : !set || set == members;
    truth |= uint32_t(holds) << l;
  }
  if (i.flags2 != Ballot)
    w.predicates[i.ops[0]] = (w.predicates[i.ops[0]] & ~mask) | truth;
}
Handler decodeVote(Decoder &d) {
  if (!d.take("sync"))
    return d.refuse("expected vote.sync");
  d.inst->flags2 = d.take("all")      ? All
                   : d.take("any")    ? Any
                   : d.take("uni")    ? Uniform
                   : d.take("ballot") ? Ballot
                                      : 255;
  Type type = d.takeType();
  if (d.inst->flags2 == 255 || type != (d.inst->flags2 == Ballot ? Type::B32 : Type::Pred) ||
      !d.operands(3))
    return d.refuse("expected all, any, uni with .pred or ballot with .b32");
  if (type == Type::Pred)
    d.predicateDestination(d.statement->operands[0]);
  else
    d.destination(0, type);
  d.predicate(d.statement->operands[1]);
  d.value(2, Type::B32);
  return vote;
}

template <class T> void redux(Warp &w, const Inst &i, uint32_t mask) {
  checkMembers(w, i, mask, i.ops[2]);
  uint32_t source[warpSize], result[warpSize];
  memcpy(source, w.file + i.ops[1], sizeof(source));
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t members = w.get<uint32_t>(i.ops[2], l) & mask;
    T total = T(source[l]);
    for (uint32_t others = members & ~(1u << l); others; others &= others - 1) {
      T v = T(source[std::countr_zero(others)]);
      switch (i.flags2) {
      case 0:
        total = T(uint32_t(total) + uint32_t(v));
        break;
      case 1:
        total = v < total ? v : total;
        break;
      case 2:
        total = total < v ? v : total;
        break;
      case 3:
        total &= v;
        break;
      case 4:
        total |= v;
        break;
      default:
        total ^= v;
        break;
      }
    }
    result[l] = uint32_t(total);
  }
  forLanes(mask, [&](unsigned l) { w.set<uint32_t>(i.ops[0], l, result[l]); });
}
Handler decodeRedux(Decoder &d) {
  static const char *const names[] = {"add", "min", "max", "and", "or", "xor"};
  unsigned op = 0;
  while (op < 6 && !d.take(names[op]))
    ++op;
  Type type = op < 6 && d.take("sync") ? d.takeType() : Type::None;
  if (bitsOf(type) != 32 || type == Type::F32 || !d.operands(3))
    return d.refuse("expected redux.sync with an operation and .u32, .s32 or .b32");
  d.inst->flags2 = uint8_t(op);
  d.destination(0, type);
  d.value(1, type);
  d.value(2, Type::B32);
  return type == Type::S32 ? redux<int32_t> : redux<uint32_t>;
}

/// match.any: the lanes whose value is this lane's; match.all: all of them if they have one value.
template <class T> void match(Warp &w, const Inst &i, uint32_t mask) {
  checkMembers(w, i, mask, i.ops[3]);
  uint32_t result[warpSize], agree = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t members = w.get<uint32_t>(i.ops[3], l) & mask, same = 0;
    for (uint32_t others = members; others; others &= others - 1) {
      unsigned o = unsigned(std::countr_zero(others));
      same |= uint32_t(w.get<T>(i.ops[2], o) == w.get<T>(i.ops[2], l)) << o;
    }
    bool all = same == members;
    agree |= uint32_t(all) << l;
    result[l] = i.flags2 == All && !all ? 0 : same;
  }
  forLanes(mask, [&](unsigned l) { w.set<uint32_t>(i.ops[0], l, result[l]); });
  if (i.ops[1] != falsePredicate)
    w.predicates[i.ops[1]] = (w.predicates[i.ops[1]] & ~mask) | agree;
}
Handler decodeMatch(Decoder &d) {
  bool any = d.take("any"), all = d.take("all");
  if (any == all || !d.take("sync"))
    return d.refuse("expected match.any.sync or match.all.sync");
  Type type = d.takeType();
  if ((type != Type::B32 && type != Type::B64) || !d.operands(3))
    return d.refuseType(type);
  d.inst->flags2 = all ? All : Any;
  Operand result = d.statement->operands[0];
  d.destination(0, Type::B32);
  if (result.pipe != noRegister) {
    result.reg = result.pipe;
    d.predicateDestination(result);
  } else {
    d.append(falsePredicate);
  }
  d.value(1, type);
  d.value(2, Type::B32);
  return type == Type::B32 ? match<uint32_t> : match<uint64_t>;
}

void activeMask(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) { w.set<uint32_t>(i.ops[0], l, mask); });
}
Handler decodeActiveMask(Decoder &d) {
  if (d.takeType() != Type::B32 || !d.operands(1))
    return d.refuse("expected activemask.b32");
  d.destination(0, Type::B32);
  return activeMask;
}

void warpBarrier(Warp &w, const Inst &i, uint32_t mask) {
  checkMembers(w, i, mask, i.ops[0]);
  w.tick();
}
Handler decodeBar(Decoder &d) {
  if (!d.take("warp") || !d.take("sync") || !d.operands(1))
    return d.refuse("expected bar.sync or bar.warp.sync");
  d.value(0, Type::B32);
  return warpBarrier;
}

} // namespace

void addLaneGroup(DecodeTable &t) {
  t["shfl"] = decodeShfl;
  t["vote"] = decodeVote;
  t["redux"] = decodeRedux;
  t["match"] = decodeMatch;
  t["activemask"] = decodeActiveMask;
  t["bar"] = t["barrier"] = decodeBar;
}

} // namespace vitc::emu
