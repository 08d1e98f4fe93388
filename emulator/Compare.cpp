//===- Compare.cpp - setp, set, slct --------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A comparison computes which of "less, equal, greater, unordered" holds; each operator is a set of
// these four, so that one loop per type serves them all.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Half.h"

namespace vitc::emu {
namespace {

enum Relation : uint8_t { Less = 1, Equal = 2, Greater = 4, Unordered = 8 };
enum Combine : uint8_t { Plain, And, Or, Xor };

template <class T> struct Load {
  static T load(const Warp &w, uint32_t slot, unsigned l) { return w.get<T>(slot, l); }
};
/// One of the halves of a register.
template <unsigned shift = 0> struct LoadHalf {
  static float load(const Warp &w, uint32_t slot, unsigned l) {
    return halfToFloat(uint16_t(w.get<uint32_t>(slot, l) >> shift));
  }
};
template <unsigned shift = 0> struct LoadBfloat {
  static float load(const Warp &w, uint32_t slot, unsigned l) {
    return bfloatToFloat(uint16_t(w.get<uint32_t>(slot, l) >> shift));
  }
};

/// `.ftz`: subnormals compare as zero.
struct LoadFlushed {
  static float load(const Warp &w, uint32_t slot, unsigned l) {
    float v = w.get<float>(slot, l);
    return std::fabs(v) < 0x1p-126f ? 0.0f : v;
  }
};

template <class L> uint32_t compare(const Warp &w, const Inst &i, uint32_t mask) {
  uint32_t a = i.ops[2], b = i.ops[3], wanted = i.flags, result = 0;
  auto one = [&](unsigned l) {
    auto x = L::load(w, a, l);
    auto y = L::load(w, b, l);
    uint32_t relation = x < y ? Less : x == y ? Equal : x > y ? Greater : Unordered;
    result |= uint32_t((wanted & relation) != 0) << l;
  };
  if (mask == fullMask)
    for (unsigned l = 0; l < warpSize; ++l)
      one(l);
  else
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      one(unsigned(std::countr_zero(rest)));
  return result;
}

void write(Warp &w, uint32_t predicate, uint32_t mask, uint32_t value) {
  w.predicates[predicate] = (w.predicates[predicate] & ~mask) | (value & mask);
}

/// With the predicate that the statement combines them with, if any.
uint32_t combined(const Warp &w, const Inst &i, uint32_t result) {
  if (!(i.flags2 & 3))
    return result;
  uint32_t c = w.predicates[i.ops[4] & ~negatedFlag];
  if (i.ops[4] & negatedFlag)
    c = ~c;
  return (i.flags2 & 3) == And ? result & c : (i.flags2 & 3) == Or ? result | c : result ^ c;
}

template <class L> void setp(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t result = compare<L>(w, i, mask);
  uint32_t first = combined(w, i, result), second = combined(w, i, ~result);
  write(w, i.ops[0], mask, first);
  if (i.flags2 & 4)
    write(w, i.ops[1], mask, second);
}
/// Of pairs: a predicate for each half.
template <class Low, class High> void setpPair(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t low = combined(w, i, compare<Low>(w, i, mask));
  uint32_t high = combined(w, i, compare<High>(w, i, mask));
  write(w, i.ops[0], mask, low);
  write(w, i.ops[1], mask, high);
}

/// `set`: imm is what stands for true; flags2 & 8: the result has 16 bits.
template <class L> void set(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t truth = combined(w, i, compare<L>(w, i, mask));
  forLanes(mask, [&](unsigned l) {
    uint32_t value = truth >> l & 1 ? uint32_t(i.imm) : 0;
    if (i.flags2 & 8)
      w.set<uint16_t>(i.ops[0], l, uint16_t(value));
    else
      w.set<uint32_t>(i.ops[0], l, value);
  });
}
template <class Low, class High> void setPair(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t low = combined(w, i, compare<Low>(w, i, mask));
  uint32_t high = combined(w, i, compare<High>(w, i, mask));
  forLanes(mask, [&](unsigned l) {
    uint32_t one = uint32_t(i.imm);
    w.set<uint32_t>(i.ops[0], l, (low >> l & 1 ? one : 0) | (high >> l & 1 ? one << 16 : 0));
  });
}

/// The set of an operator; 0 if `name` is none. `lo`, `ls`, `hi`, `hs` are the unsigned names.
uint8_t relationOf(std::string_view name, bool real) {
  static const std::unordered_map<std::string_view, uint8_t> ordered = {
      {"eq", Equal},        {"ne", Less | Greater}, {"lt", Less},
      {"le", Less | Equal}, {"gt", Greater},        {"ge", Greater | Equal}};
  static const std::unordered_map<std::string_view, uint8_t> integerOnly = {
      {"lo", Less}, {"ls", Less | Equal}, {"hi", Greater}, {"hs", Greater | Equal}};
  static const std::unordered_map<std::string_view, uint8_t> realOnly = {
      {"equ", Equal | Unordered},      {"neu", Less | Greater | Unordered},
      {"ltu", Less | Unordered},       {"leu", Less | Equal | Unordered},
      {"gtu", Greater | Unordered},    {"geu", Greater | Equal | Unordered},
      {"num", Less | Equal | Greater}, {"nan", Unordered}};
  if (auto it = ordered.find(name); it != ordered.end())
    return it->second;
  const auto &rest = real ? realOnly : integerOnly;
  auto it = rest.find(name);
  return it == rest.end() ? 0 : it->second;
}

bool isPair(Type type) { return type == Type::F16X2 || type == Type::BF16X2; }

/// The operator and what it is combined with; false if there is none.
bool takeComparison(Decoder &d, Type type) {
  bool real = type == Type::F16 || type == Type::BF16 || type == Type::F32 || type == Type::F64 ||
              isPair(type);
  d.inst->flags2 = d.take("and") ? And : d.take("or") ? Or : d.take("xor") ? Xor : Plain;
  for (size_t m = 1; m < d.statement->parts.size() && !d.inst->flags; ++m)
    if (uint8_t relation = relationOf(d.statement->parts[m], real);
        relation && d.take(d.statement->parts[m]))
      d.inst->flags = relation;
  if (!d.inst->flags)
    d.refuse("expected a comparison");
  return d.inst->flags && d.operands((d.inst->flags2 & 3) ? 4 : 3);
}

/// setp or set by the type of what is compared.
template <bool predicates> Handler pick(Decoder &d, Type type, bool ftz) {
#define SET_OR_SETP(LOAD) return predicates ? setp<LOAD> : set<LOAD>
#define PAIR(LOW, HIGH) return predicates ? setpPair<LOW, HIGH> : setPair<LOW, HIGH>
  switch (type) {
  case Type::B16:
  case Type::U16:
    SET_OR_SETP(Load<uint16_t>);
  case Type::S16:
    SET_OR_SETP(Load<int16_t>);
  case Type::B32:
  case Type::U32:
    SET_OR_SETP(Load<uint32_t>);
  case Type::S32:
    SET_OR_SETP(Load<int32_t>);
  case Type::B64:
  case Type::U64:
    SET_OR_SETP(Load<uint64_t>);
  case Type::S64:
    SET_OR_SETP(Load<int64_t>);
  case Type::F32:
    if (ftz)
      SET_OR_SETP(LoadFlushed);
    SET_OR_SETP(Load<float>);
  case Type::F64:
    SET_OR_SETP(Load<double>);
  case Type::F16:
    SET_OR_SETP(LoadHalf<>);
  case Type::BF16:
    SET_OR_SETP(LoadBfloat<>);
  case Type::F16X2:
    PAIR(LoadHalf<>, LoadHalf<16>);
  case Type::BF16X2:
    PAIR(LoadBfloat<>, LoadBfloat<16>);
  default:
    return d.refuseType(type);
  }
#undef SET_OR_SETP
#undef PAIR
}

void inputs(Decoder &d, Type type) {
  d.value(1, type);
  d.value(2, type);
  if (d.inst->flags2 & 3)
    d.predicate(d.statement->operands[3]);
}

Handler decodeSetp(Decoder &d) {
  Type type = d.takeType();
  if (!takeComparison(d, type))
    return nullptr;
  bool ftz = type == Type::F32 && d.take("ftz");
  const Operand &result = d.statement->operands[0];
  if (isPair(type) && result.pipe == noRegister)
    return d.refuse("expected two predicates as result");
  d.inst->flags2 |= uint8_t(result.pipe != noRegister ? 4 : 0);
  d.predicateDestination(result);
  Operand second = result;
  second.reg = result.pipe;
  if (result.pipe != noRegister)
    d.predicateDestination(second);
  else
    d.append(0);
  inputs(d, type);
  return pick<true>(d, type, ftz);
}

/// `set.lt.u32.f32 d, a, b`: all ones, or 1.0 where the result is a float.
Handler decodeSet(Decoder &d) {
  Type to = d.takeType(), type = d.takeType();
  if (!takeComparison(d, type))
    return nullptr;
  bool ftz = type == Type::F32 && d.take("ftz");
  switch (to) {
  case Type::U32:
  case Type::S32:
    d.inst->imm = 0xffffffff;
    break;
  case Type::U16:
  case Type::S16:
    d.inst->imm = 0xffff;
    break;
  case Type::F32:
    d.inst->imm = 0x3f800000;
    break;
  case Type::F16:
  case Type::F16X2:
    d.inst->imm = 0x3c00;
    break;
  case Type::BF16:
  case Type::BF16X2:
    d.inst->imm = 0x3f80;
    break;
  default:
    return d.refuseType(to);
  }
  if (isPair(type) && bitsOf(to) != 32)
    return d.refuseType(to);
  if (isPair(type) && d.inst->imm == 0xffffffff)
    d.inst->imm = 0xffff;
  d.inst->flags2 |= uint8_t(bitsOf(to) == 16 ? 8 : 0);
  d.destination(0, to);
  d.append(0);
  inputs(d, type);
  return pick<false>(d, type, ftz);
}

/// A float whose subnormals are zero.
struct Flushed {
  float value;
  bool operator>=(int zero) const {
    return (std::fabs(value) < 0x1p-126f ? 0.0f : value) >= float(zero);
  }
};
/// slct d, a, b, c: a where c >= 0.
template <class T, class C> void choose(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    w.set<T>(i.ops[0], l, w.get<T>(i.ops[w.get<C>(i.ops[3], l) >= 0 ? 1 : 2], l));
  });
}
Handler decodeSlct(Decoder &d) {
  Type type = d.takeType(), by = d.takeType();
  bool ftz = d.take("ftz");
  if ((by != Type::S32 && by != Type::F32) || bitsOf(type) < 16 || !d.operands(4))
    return d.refuse("expected a type, and .s32 or .f32 of what decides");
  d.destination(0, type);
  d.value(1, type);
  d.value(2, type);
  d.value(3, by);
  bool real = by == Type::F32;
  if (ftz)
    return bitsOf(type) == 32 && real ? choose<uint32_t, Flushed> : d.refuse("'.ftz' is for .f32");
  switch (bitsOf(type)) {
  case 16:
    return real ? choose<uint16_t, float> : choose<uint16_t, int32_t>;
  case 32:
    return real ? choose<uint32_t, float> : choose<uint32_t, int32_t>;
  default:
    return real ? choose<uint64_t, float> : choose<uint64_t, int32_t>;
  }
}

} // namespace

void addCompareGroup(DecodeTable &t) {
  t["setp"] = decodeSetp;
  t["set"] = decodeSet;
  t["slct"] = decodeSlct;
}

} // namespace vitc::emu
