//===- Compare.cpp - setp -------------------------------------------------===//
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
struct LoadHalf {
  static float load(const Warp &w, uint32_t slot, unsigned l) {
    return halfToFloat(w.get<uint16_t>(slot, l));
  }
};
struct LoadBfloat {
  static float load(const Warp &w, uint32_t slot, unsigned l) {
    return bfloatToFloat(w.get<uint16_t>(slot, l));
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

template <class L> void setp(Warp &w, const Inst &i, uint32_t mask) {
  uint32_t first = compare<L>(w, i, mask), second = ~first;
  if (i.flags2 & 3) {
    uint32_t c = w.predicates[i.ops[4] & ~negatedFlag];
    if (i.ops[4] & negatedFlag)
      c = ~c;
    switch (i.flags2 & 3) {
    case And:
      first &= c, second &= c;
      break;
    case Or:
      first |= c, second |= c;
      break;
    default:
      first ^= c, second ^= c;
      break;
    }
  }
  write(w, i.ops[0], mask, first);
  if (i.flags2 & 4)
    write(w, i.ops[1], mask, second);
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

Handler decodeSetp(Decoder &d) {
  Type type = d.takeType();
  bool real = type == Type::F16 || type == Type::BF16 || type == Type::F32 || type == Type::F64;
  uint8_t combine = d.take("and") ? And : d.take("or") ? Or : d.take("xor") ? Xor : Plain;
  for (size_t m = 1; m < d.statement->parts.size() && !d.inst->flags; ++m)
    if (uint8_t relation = relationOf(d.statement->parts[m], real);
        relation && d.take(d.statement->parts[m]))
      d.inst->flags = relation;
  if (!d.inst->flags)
    return d.refuse("expected a comparison");
  bool ftz = type == Type::F32 && d.take("ftz");
  if (!d.operands(combine ? 4 : 3))
    return nullptr;
  const Operand &result = d.statement->operands[0];
  d.inst->flags2 = uint8_t(combine | (result.pipe != noRegister ? 4 : 0));
  d.predicateDestination(result);
  Operand second = result;
  second.reg = result.pipe;
  if (result.pipe != noRegister)
    d.predicateDestination(second);
  else
    d.append(0);
  d.value(1, type);
  d.value(2, type);
  if (combine)
    d.predicate(d.statement->operands[3]);
  switch (type) {
  case Type::B16:
  case Type::U16:
    return setp<Load<uint16_t>>;
  case Type::S16:
    return setp<Load<int16_t>>;
  case Type::B32:
  case Type::U32:
    return setp<Load<uint32_t>>;
  case Type::S32:
    return setp<Load<int32_t>>;
  case Type::B64:
  case Type::U64:
    return setp<Load<uint64_t>>;
  case Type::S64:
    return setp<Load<int64_t>>;
  case Type::F32:
    return ftz ? setp<LoadFlushed> : setp<Load<float>>;
  case Type::F64:
    return setp<Load<double>>;
  case Type::F16:
    return setp<LoadHalf>;
  case Type::BF16:
    return setp<LoadBfloat>;
  default:
    return d.refuseType(type);
  }
}

} // namespace

void addCompareGroup(DecodeTable &t) { t["setp"] = decodeSetp; }

} // namespace vitc::emu
