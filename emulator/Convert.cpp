//===- Convert.cpp - cvt between all numbers ------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A conversion goes through one of two carriers: a 64-bit integer, or a double, which holds every
// f32, f16 and bf16 exactly; the last step rounds once.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "FastPaths.h"
#include "Half.h"

#include <cmath>
#include <limits>

namespace vitc::emu {
namespace {

enum Rounding : uint8_t { Nearest, Zero, Down, Up };
constexpr uint8_t Ftz = 8, Sat = 16, Relu = 32, Integral = 64; ///< in Inst::flags, with a Rounding

double roundTo(double v, uint8_t rounding) {
  switch (rounding) {
  case Nearest:
    return std::nearbyint(v);
  case Zero:
    return std::trunc(v);
  case Down:
    return std::floor(v);
  default:
    return std::ceil(v);
  }
}

/// To float with a directed rounding.
float narrow(double v, uint8_t rounding) {
  float f = float(v);
  if (rounding == Nearest || double(f) == v || std::isnan(v))
    return f;
  bool down = rounding == Down || (rounding == Zero && v > 0);
  if (down && double(f) > v)
    return std::nextafter(f, -std::numeric_limits<float>::infinity());
  if (!down && double(f) < v)
    return std::nextafter(f, std::numeric_limits<float>::infinity());
  return f;
}

template <class T> T clampTo(double v, bool &nan) {
  nan = std::isnan(v);
  if (nan)
    return 0;
  // The limits as doubles; the upper one of 64-bit types is one too high and never exact.
  double low = double(std::numeric_limits<T>::min()), high = double(std::numeric_limits<T>::max());
  if (v <= low)
    return std::numeric_limits<T>::min();
  return v >= high ? std::numeric_limits<T>::max() : T(v);
}

float flushed(float v) {
  return std::fabs(v) < std::numeric_limits<float>::min() ? std::copysign(0.0f, v) : v;
}

bool isReal(Type t) {
  return t == Type::F16 || t == Type::BF16 || t == Type::F32 || t == Type::F64;
}

double loadReal(const Warp &w, uint32_t slot, unsigned l, Type t, bool ftz) {
  switch (t) {
  case Type::F16:
    return halfToFloat(w.get<uint16_t>(slot, l));
  case Type::BF16:
    return bfloatToFloat(w.get<uint16_t>(slot, l));
  case Type::F32:
    return ftz ? flushed(w.get<float>(slot, l)) : w.get<float>(slot, l);
  default:
    return w.get<double>(slot, l);
  }
}
int64_t loadInteger(const Warp &w, uint32_t slot, unsigned l, Type t) {
  switch (t) {
  case Type::U8:
    return uint8_t(w.get<uint32_t>(slot, l));
  case Type::S8:
    return int8_t(w.get<uint32_t>(slot, l));
  case Type::U16:
    return w.get<uint16_t>(slot, l);
  case Type::S16:
    return w.get<int16_t>(slot, l);
  case Type::U32:
    return w.get<uint32_t>(slot, l);
  case Type::S32:
    return w.get<int32_t>(slot, l);
  default:
    return w.get<int64_t>(slot, l);
  }
}

/// Types of a conversion, packed into Inst::imm.
Type fromOf(const Inst &i) { return Type(i.imm & 255); }
Type toOf(const Inst &i) { return Type(i.imm >> 8 & 255); }
/// Bits of the destination register, which may be wider than the type.
unsigned registerBitsOf(const Inst &i) { return unsigned(i.imm >> 16 & 255); }

void storeInteger(Warp &w, const Inst &i, unsigned l, int64_t value) {
  switch (toOf(i)) {
  case Type::U8:
    value = uint8_t(value);
    break;
  case Type::S8:
    value = int8_t(value);
    break;
  case Type::U16:
    value = uint16_t(value);
    break;
  case Type::S16:
    value = int16_t(value);
    break;
  case Type::U32:
    value = uint32_t(value);
    break;
  case Type::S32:
    value = int32_t(value);
    break;
  default:
    break;
  }
  switch (registerBitsOf(i)) {
  case 16:
    return w.set<uint16_t>(i.ops[0], l, uint16_t(value));
  case 32:
    return w.set<uint32_t>(i.ops[0], l, uint32_t(value));
  default:
    return w.set<int64_t>(i.ops[0], l, value);
  }
}

int64_t saturate(int64_t v, Type to, bool fromUnsigned64) {
  auto limit = [&](int64_t low, int64_t high) {
    if (fromUnsigned64 && v < 0)
      return high;
    return v < low ? low : v > high ? high : v;
  };
  switch (to) {
  case Type::U8:
    return limit(0, 0xff);
  case Type::S8:
    return limit(-0x80, 0x7f);
  case Type::U16:
    return limit(0, 0xffff);
  case Type::S16:
    return limit(-0x8000, 0x7fff);
  case Type::U32:
    return limit(0, 0xffffffff);
  case Type::S32:
    return limit(-0x80000000ll, 0x7fffffff);
  case Type::S64:
    return limit(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  default:
    return fromUnsigned64 ? v : v < 0 ? 0 : v;
  }
}

void integerToInteger(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    int64_t v = loadInteger(w, i.ops[1], l, fromOf(i));
    if (i.flags & Sat)
      v = saturate(v, toOf(i), fromOf(i) == Type::U64);
    storeInteger(w, i, l, v);
  });
}

void realToInteger(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    double v = roundTo(loadReal(w, i.ops[1], l, fromOf(i), i.flags & Ftz), i.flags & 7);
    bool nan = false;
    int64_t r;
    switch (toOf(i)) {
    case Type::U8:
      r = clampTo<uint8_t>(v, nan);
      break;
    case Type::S8:
      r = clampTo<int8_t>(v, nan);
      break;
    case Type::U16:
      r = clampTo<uint16_t>(v, nan);
      break;
    case Type::S16:
      r = clampTo<int16_t>(v, nan);
      break;
    case Type::U32:
      r = clampTo<uint32_t>(v, nan);
      break;
    case Type::S32:
      r = clampTo<int32_t>(v, nan);
      break;
    case Type::U64:
      r = int64_t(clampTo<uint64_t>(v, nan));
      break;
    default:
      r = clampTo<int64_t>(v, nan);
      break;
    }
    storeInteger(w, i, l, r);
  });
}

void storeReal(Warp &w, const Inst &i, unsigned l, double v) {
  if (i.flags & Sat)
    v = v > 0 ? (v < 1 ? v : 1) : 0;
  if ((i.flags & Relu) && !(v > 0) && !std::isnan(v))
    v = 0;
  switch (toOf(i)) {
  case Type::F16:
    return w.set<uint16_t>(i.ops[0], l, doubleToHalf(v));
  case Type::BF16:
    return w.set<uint16_t>(i.ops[0], l, doubleToBfloat(v));
  case Type::F32: {
    float f = narrow(v, i.flags & 7);
    return w.set<float>(i.ops[0], l, i.flags & Ftz ? flushed(f) : f);
  }
  default:
    return w.set<double>(i.ops[0], l, v);
  }
}

void realToReal(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    double v = loadReal(w, i.ops[1], l, fromOf(i), i.flags & Ftz);
    if (i.flags & Integral)
      v = roundTo(v, i.flags & 7);
    storeReal(w, i, l, v);
  });
}

void integerToReal(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    int64_t v = loadInteger(w, i.ops[1], l, fromOf(i));
    bool wide = fromOf(i) == Type::U64 || fromOf(i) == Type::S64;
    if (wide && toOf(i) == Type::F32 && (i.flags & 7) == Nearest)
      return w.set<float>(i.ops[0], l, fromOf(i) == Type::U64 ? float(uint64_t(v)) : float(v));
    storeReal(w, i, l, fromOf(i) == Type::U64 ? double(uint64_t(v)) : double(v));
  });
}

void halfToFloatAll(Warp &w, const Inst &i, uint32_t mask) {
  if (mask == fullMask && fastPaths().halfToFloat)
    return fastPaths().halfToFloat(w.file + i.ops[0], w.file + i.ops[1]);
  forLanes(mask, [&](unsigned l) {
    w.set<float>(i.ops[0], l, halfToFloat(w.get<uint16_t>(i.ops[1], l)));
  });
}
void bfloatToFloatAll(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask,
           [&](unsigned l) { w.set<uint32_t>(i.ops[0], l, w.get<uint32_t>(i.ops[1], l) << 16); });
}
void floatToHalfAll(Warp &w, const Inst &i, uint32_t mask) {
  if (mask == fullMask && fastPaths().packHalves)
    return fastPaths().packHalves(w.file + i.ops[0], nullptr, w.file + i.ops[1]);
  forLanes(mask, [&](unsigned l) {
    w.set<uint16_t>(i.ops[0], l, floatToHalf(w.get<float>(i.ops[1], l)));
  });
}
/// cvt.rn.f16x2.f32 d, high, low
template <bool bfloat, bool relu> void packPair(Warp &w, const Inst &i, uint32_t mask) {
  if (!bfloat && !relu && mask == fullMask && fastPaths().packHalves)
    return fastPaths().packHalves(w.file + i.ops[0], w.file + i.ops[1], w.file + i.ops[2]);
  auto store = [](float v) -> uint32_t {
    if (relu && !(v > 0) && !std::isnan(v))
      v = 0;
    return bfloat ? floatToBfloat(v) : floatToHalf(v);
  };
  forLanes(mask, [&](unsigned l) {
    w.set<uint32_t>(i.ops[0], l,
                    store(w.get<float>(i.ops[1], l)) << 16 | store(w.get<float>(i.ops[2], l)));
  });
}
/// To 10 bits of fraction, ties away from zero.
void toTf32(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t v = w.get<uint32_t>(i.ops[1], l);
    bool finite = (v & 0x7f800000u) != 0x7f800000u;
    w.set<uint32_t>(i.ops[0], l, finite ? (v + 0x1000u) & ~0x1fffu : v);
  });
}

Handler decodePair(Decoder &d, bool bfloat) {
  bool relu = d.take("relu");
  if (!d.take("rn") || d.takeType() != Type::F32 || !d.operands(3))
    return d.refuse("expected '.rn', a pair type and .f32");
  d.destination(0, Type::B32);
  d.value(1, Type::F32);
  d.value(2, Type::F32);
  if (bfloat)
    return relu ? packPair<true, true> : packPair<true, false>;
  return relu ? packPair<false, true> : packPair<false, false>;
}

Handler decodeCvt(Decoder &d) {
  if (d.take("tf32")) {
    if (!d.take("rna") || d.takeType() != Type::F32 || !d.operands(2))
      return d.refuse("expected cvt.rna.tf32.f32");
    d.destination(0, Type::B32);
    d.value(1, Type::F32);
    return toTf32;
  }
  Type to = d.takeType();
  if (to == Type::F16X2 || to == Type::BF16X2)
    return decodePair(d, to == Type::BF16X2);
  Type from = d.takeType();
  if (to == Type::None || from == Type::None || !d.operands(2))
    return d.refuse("expected two types");
  bool realTo = isReal(to), realFrom = isReal(from);
  if ((!realTo && (bitsOf(to) < 8 || to == Type::B8 || to == Type::B16 || to == Type::B32 ||
                   to == Type::B64)) ||
      (!realFrom && (bitsOf(from) < 8 || from == Type::B8 || from == Type::B16 ||
                     from == Type::B32 || from == Type::B64)))
    return d.refuse("expected types with a sign or a fraction");
  uint8_t &flags = d.inst->flags;
  static const struct {
    const char *name;
    uint8_t flag;
  } modifiers[] = {{"rn", Nearest},
                   {"rz", Zero},
                   {"rm", Down},
                   {"rp", Up},
                   {"rni", Nearest | Integral},
                   {"rzi", Zero | Integral},
                   {"rmi", Down | Integral},
                   {"rpi", Up | Integral},
                   {"ftz", Ftz},
                   {"sat", Sat},
                   {"relu", Relu}};
  bool rounded = false;
  for (auto m : modifiers)
    if (d.take(m.name)) {
      flags |= m.flag;
      rounded |= m.name[0] == 'r' && m.name[1] != 'e';
    }
  if (realFrom && !realTo && !(flags & Integral))
    return d.refuse("expected an integer rounding such as '.rzi'");
  if (((realFrom && realTo && bitsOf(to) < bitsOf(from)) || (!realFrom && realTo)) && !rounded)
    return d.refuse("expected a rounding such as '.rn'");
  d.destination(d.statement->operands[0], std::max(bitsOf(to), 16u), true);
  d.value(d.statement->operands[1], from, true);
  d.inst->imm =
      int64_t(from) | int64_t(to) << 8 | int64_t(d.registerBits(d.statement->operands[0])) << 16;
  if ((to == Type::F16 || to == Type::BF16) && (flags & 7) != Nearest && !(flags & Integral))
    return d.refuse("only '.rn' is supported to 16 bits");
  bool plain = flags == 0;
  if (plain && from == Type::F16 && to == Type::F32)
    return halfToFloatAll;
  if (plain && from == Type::BF16 && to == Type::F32)
    return bfloatToFloatAll;
  if (plain && from == Type::F32 && to == Type::F16)
    return floatToHalfAll;
  if (realFrom)
    return realTo ? realToReal : realToInteger;
  return realTo ? integerToReal : integerToInteger;
}

} // namespace

void addConvertGroup(DecodeTable &t) { t["cvt"] = decodeCvt; }

} // namespace vitc::emu
