//===- Move.cpp - mov, selp, cvta and vectors of registers ----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

namespace vitc::emu {
namespace {

template <class T> void move(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t d = i.ops[0], a = i.ops[1];
  forLanes(mask, [&](unsigned l) { w.set<T>(d, l, w.get<T>(a, l)); });
}
void movePredicate(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t source = w.predicates[i.ops[1] & ~negatedFlag];
  if (i.ops[1] & negatedFlag)
    source = ~source;
  w.predicates[i.ops[0]] = (w.predicates[i.ops[0]] & ~mask) | (source & mask);
}

/// `mov.b32 %r, {%rs1, %rs2}`: parts of `size` bits, the first lowest.
void pack(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint64_t value = 0;
    for (unsigned k = 0; k < i.count; ++k) {
      uint64_t part =
          i.size == 16 ? w.get<uint16_t>(i.ops[1 + k], l) : w.get<uint32_t>(i.ops[1 + k], l);
      value |= part << (k * i.size);
    }
    if (i.flags2)
      w.set<uint64_t>(i.ops[0], l, value);
    else
      w.set<uint32_t>(i.ops[0], l, uint32_t(value));
  });
}
void unpack(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint64_t value = i.flags2 ? w.get<uint64_t>(i.ops[0], l) : w.get<uint32_t>(i.ops[0], l);
    for (unsigned k = 0; k < i.count; ++k) {
      if (i.size == 16)
        w.set<uint16_t>(i.ops[1 + k], l, uint16_t(value >> (16 * k)));
      else
        w.set<uint32_t>(i.ops[1 + k], l, uint32_t(value >> (32 * k)));
    }
  });
}

Handler decodeVector(Decoder &d, Type type, bool packs) {
  const Operand &vector = d.statement->operands[packs ? 1 : 0];
  unsigned parts = unsigned(vector.elements.size()), bits = parts ? bitsOf(type) / parts : 0;
  if ((bits != 16 && bits != 32) || bits * parts != bitsOf(type))
    return d.refuse("expected parts of 16 or 32 bits");
  d.inst->count = uint8_t(parts);
  d.inst->size = uint8_t(bits);
  d.inst->flags2 = bitsOf(type) == 64;
  Type part = bits == 16 ? Type::B16 : Type::B32;
  if (packs)
    d.destination(0, type);
  else
    d.value(1, type);
  for (const Operand &element : vector.elements) {
    if (packs)
      d.value(element, part);
    else
      d.destination(element, bits);
  }
  return packs ? pack : unpack;
}

/// %clock and its kin count the warp's instructions: they grow, and nothing else may be asked of
/// them.
void readClock(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    if (i.size == 64)
      w.set<uint64_t>(i.ops[0], l, w.executed);
    else
      w.set<uint32_t>(i.ops[0], l, uint32_t(w.executed >> (i.flags2 ? 32 : 0)));
  });
}
bool isClock(const Operand &o) {
  return o.kind == Operand::Kind::Special &&
         (o.name.substr(0, 6) == "%clock" || o.name.substr(0, 12) == "%globaltimer");
}

Handler decodeMov(Decoder &d) {
  Type type = d.takeType();
  if (!d.operands(2))
    return nullptr;
  if (const Operand &source = d.statement->operands[1]; isClock(source)) {
    d.inst->size = uint8_t(bitsOf(type));
    d.inst->flags2 = source.name.size() > 3 && source.name.substr(source.name.size() - 3) == "_hi";
    d.destination(0, type);
    return bitsOf(type) == 64 || bitsOf(type) == 32 ? readClock : d.refuseType(type);
  }
  if (type == Type::Pred) {
    d.predicateDestination(d.statement->operands[0]);
    d.predicate(d.statement->operands[1]);
    return movePredicate;
  }
  if (bitsOf(type) < 16)
    return d.refuseType(type);
  for (unsigned i = 0; i < 2; ++i)
    if (d.statement->operands[i].kind == Operand::Kind::Vector)
      return decodeVector(d, type, i == 1);
  d.destination(0, type);
  d.value(1, type);
  return bitsOf(type) == 64 ? move<uint64_t> : bitsOf(type) == 32 ? move<uint32_t> : move<uint16_t>;
}

template <class T> void select(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t chosen = w.predicates[i.ops[3] & ~negatedFlag];
  if (i.ops[3] & negatedFlag)
    chosen = ~chosen;
  uint32_t d = i.ops[0], a = i.ops[1], b = i.ops[2];
  forLanes(mask,
           [&](unsigned l) { w.set<T>(d, l, chosen >> l & 1 ? w.get<T>(a, l) : w.get<T>(b, l)); });
}
Handler decodeSelp(Decoder &d) {
  Type type = d.takeType();
  if (bitsOf(type) < 16 || !d.operands(4))
    return d.refuseType(type);
  d.destination(0, type);
  d.value(1, type);
  d.value(2, type);
  d.predicate(d.statement->operands[3]);
  return bitsOf(type) == 64   ? select<uint64_t>
         : bitsOf(type) == 32 ? select<uint32_t>
                              : select<uint16_t>;
}

/// Spaces other than the global one move into and out of their windows; imm is where it starts.
template <bool to> void convertWindow(Warp &w, const Inst &i, uint32_t mask) {
  uint64_t window = uint64_t(i.imm);
  forLanes(mask, [&](unsigned l) {
    uint64_t a = w.get<uint64_t>(i.ops[1], l);
    w.set<uint64_t>(i.ops[0], l, to ? a - window : a + window);
  });
}
/// The window of the next modifier that names a space; 0 for those without one, ~0 for none.
uint64_t takeWindow(Decoder &d) {
  if (d.take("shared") || d.take("shared::cta"))
    return sharedWindow;
  if (d.take("local"))
    return localWindow;
  if (d.take("param") || d.take("param::entry"))
    return paramWindow;
  return d.take("global") || d.take("const") ? 0 : ~0ull;
}
Handler decodeCvta(Decoder &d) {
  bool to = d.take("to");
  uint64_t window = takeWindow(d);
  if (window == ~0ull)
    return d.refuse("expected a space");
  Type type = d.takeType();
  if (bitsOf(type) != 64 || !d.operands(2))
    return d.refuseType(type);
  d.destination(0, type);
  d.value(1, type);
  d.inst->imm = int64_t(window);
  return !window ? move<uint64_t> : to ? convertWindow<true> : convertWindow<false>;
}

/// imm is the start of the window; 0 asks for the global and the constant space.
void isSpace(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t result = 0;
  forLanes(mask, [&](unsigned l) {
    uint64_t a = w.get<uint64_t>(i.ops[1], l);
    bool is = i.imm ? inWindow(a, uint64_t(i.imm)) : a < sharedWindow;
    result |= uint32_t(is) << l;
  });
  w.predicates[i.ops[0]] = (w.predicates[i.ops[0]] & ~mask) | result;
}
Handler decodeIsspacep(Decoder &d) {
  uint64_t window = takeWindow(d);
  if (window == ~0ull || !d.operands(2))
    return d.refuse("expected a space");
  d.predicateDestination(d.statement->operands[0]);
  d.value(1, Type::B64);
  d.inst->imm = int64_t(window);
  return isSpace;
}

} // namespace

void addMoveGroup(DecodeTable &t) {
  t["mov"] = decodeMov;
  t["selp"] = decodeSelp;
  t["cvta"] = decodeCvta;
  t["isspacep"] = decodeIsspacep;
}

} // namespace vitc::emu
