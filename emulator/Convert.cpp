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
#include "Float8.h"
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

/// The neighbour of `nearest` that a directed rounding of `exact` gives, if it is not that itself.
template <class Exact> float directed(float nearest, Exact exact, uint8_t rounding) {
  Exact back = Exact(nearest);
  if (rounding == Nearest || back == exact || std::isnan(nearest))
    return nearest;
  bool down = rounding == Down || (rounding == Zero && exact > 0);
  if (down && back > exact)
    return std::nextafter(nearest, -std::numeric_limits<float>::infinity());
  if (!down && back < exact)
    return std::nextafter(nearest, std::numeric_limits<float>::infinity());
  return nearest;
}
double directed(double nearest, __int128 exact, uint8_t rounding) {
  __int128 back = __int128(nearest);
  bool down = rounding == Down || (rounding == Zero && exact > 0);
  if (rounding == Nearest || back == exact)
    return nearest;
  if (down && back > exact)
    return std::nextafter(nearest, -std::numeric_limits<double>::infinity());
  return !down && back < exact ? std::nextafter(nearest, std::numeric_limits<double>::infinity())
                               : nearest;
}
/// The same for 16 bits, which are a sign and a magnitude.
uint16_t directed16(uint16_t nearest, double back, double exact, uint8_t rounding) {
  if (rounding == Nearest || back == exact || std::isnan(exact))
    return nearest;
  bool down = rounding == Down || (rounding == Zero && exact > 0);
  if (down ? back < exact : back > exact)
    return nearest;
  if ((nearest & 0x7fff) == 0)
    return down ? 0x8001 : 0x0001;
  return uint16_t((nearest & 0x8000) != 0) == uint16_t(down) ? nearest + 1 : nearest - 1;
}
uint16_t toHalf(double v, uint8_t rounding) {
  uint16_t nearest = doubleToHalf(v);
  return directed16(nearest, double(halfToFloat(nearest)), v, rounding);
}
uint16_t toBfloat(double v, uint8_t rounding) {
  uint16_t nearest = doubleToBfloat(v);
  return directed16(nearest, double(bfloatToFloat(nearest)), v, rounding);
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
    bool nan = false, wide = bitsOf(toOf(i)) == 64 || fromOf(i) == Type::F64;
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
    if (nan && wide) // else it is zero
      r = int64_t(1ull << (bitsOf(toOf(i)) - 1));
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
    return w.set<uint16_t>(i.ops[0], l, toHalf(v, i.flags & 7));
  case Type::BF16:
    return w.set<uint16_t>(i.ops[0], l, toBfloat(v, i.flags & 7));
  case Type::F32: {
    float f = directed(float(v), v, i.flags & 7);
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
    bool isUnsigned = fromOf(i) == Type::U64;
    double nearest = isUnsigned ? double(uint64_t(v)) : double(v);
    __int128 exact = isUnsigned ? __int128(uint64_t(v)) : __int128(v);
    if (bitsOf(fromOf(i)) < 64 || (i.flags & Sat))
      return storeReal(w, i, l, nearest);
    if (toOf(i) == Type::F32) // at once: two roundings may differ from one
      return w.set<float>(i.ops[0], l,
                          directed(isUnsigned ? float(uint64_t(v)) : float(v), exact, i.flags & 7));
    if (toOf(i) == Type::F64)
      return w.set<double>(i.ops[0], l, directed(nearest, exact, i.flags & 7));
    // To 16 bits the last bit says whether anything was lost.
    uint64_t bits = std::bit_cast<uint64_t>(nearest);
    if (__int128 back = __int128(nearest); back != exact)
      bits = (bits - (exact < 0 ? back < exact : back > exact)) | 1;
    storeReal(w, i, l, std::bit_cast<double>(bits));
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
template <bool bfloat> void packPair(Warp &w, const Inst &i, uint32_t mask) {
  if (!bfloat && !i.flags && mask == fullMask && fastPaths().packHalves)
    return fastPaths().packHalves(w.file + i.ops[0], w.file + i.ops[1], w.file + i.ops[2]);
  auto store = [&](float v) -> uint32_t {
    if ((i.flags & Relu) && !(v > 0) && !std::isnan(v))
      v = 0;
    uint8_t rounding = i.flags & 7;
    if (rounding == Nearest)
      return bfloat ? floatToBfloat(v) : floatToHalf(v);
    return bfloat ? toBfloat(v, rounding) : toHalf(v, rounding);
  };
  forLanes(mask, [&](unsigned l) {
    w.set<uint32_t>(i.ops[0], l,
                    store(w.get<float>(i.ops[1], l)) << 16 | store(w.get<float>(i.ops[2], l)));
  });
}
/// To 10 bits of fraction, ties away from zero; a NaN becomes the canonical one.
void toTf32(Warp &w, const Inst &i, uint32_t mask) {
  forLanes(mask, [&](unsigned l) {
    uint32_t v = w.get<uint32_t>(i.ops[1], l);
    bool finite = (v & 0x7f800000u) != 0x7f800000u;
    w.set<uint32_t>(i.ops[0], l, finite ? (v + 0x1000u) & ~0x1fffu : v << 9 ? 0x7fffffffu : v);
  });
}

Handler decodePair(Decoder &d, bool bfloat) {
  bool relu = d.take("relu"), rn = d.take("rn"), rz = d.take("rz");
  if (rn == rz || d.takeType() != Type::F32 || !d.operands(3))
    return d.refuse("expected '.rn' or '.rz', a pair type and .f32");
  d.inst->flags = uint8_t((rz ? Zero : Nearest) | (relu ? Relu : 0));
  d.destination(0, Type::B32);
  d.value(1, Type::F32);
  d.value(2, Type::F32);
  return bfloat ? packPair<true> : packPair<false>;
}

/// Two 8-bit floats from two f32 (high, low) or from an f16x2.
template <bool e5m2, bool fromHalves> void packFloat8(Warp &w, const Inst &i, uint32_t mask) {
  auto store = [&](float v) -> uint32_t {
    if ((i.flags & Relu) && !(v > 0) && !std::isnan(v))
      v = 0;
    return e5m2 ? floatToE5m2(v) : floatToE4m3(v);
  };
  forLanes(mask, [&](unsigned l) {
    float high, low;
    if constexpr (fromHalves) {
      uint32_t pair = w.get<uint32_t>(i.ops[1], l);
      high = halfToFloat(uint16_t(pair >> 16)), low = halfToFloat(uint16_t(pair));
    } else {
      high = w.get<float>(i.ops[1], l), low = w.get<float>(i.ops[2], l);
    }
    w.set<uint16_t>(i.ops[0], l, uint16_t(store(high) << 8 | store(low)));
  });
}
template <bool e5m2> void unpackFloat8(Warp &w, const Inst &i, uint32_t mask) {
  auto load = [&](uint32_t v) -> uint32_t {
    uint32_t half = floatToHalf(e5m2 ? e5m2ToFloat(uint8_t(v)) : e4m3ToFloat(uint8_t(v)));
    return (i.flags & Relu) && half & 0x8000 && (half & 0x7fff) <= 0x7c00 ? 0 : half;
  };
  forLanes(mask, [&](unsigned l) {
    uint32_t pair = w.get<uint16_t>(i.ops[1], l);
    w.set<uint32_t>(i.ops[0], l, load(pair >> 8) << 16 | load(pair & 255));
  });
}

/// cvt with e4m3x2 or e5m2x2 on either side.
Handler decodeFloat8(Decoder &d, bool e5m2) {
  bool rn = d.take("rn"), saturates = d.take("satfinite");
  d.inst->flags = d.take("relu") ? Relu : 0;
  Type other = d.takeType();
  bool narrows = d.statement->operands.size() && saturates;
  if (!rn || !(narrows ? other == Type::F32 || other == Type::F16X2 : other == Type::F16X2) ||
      !d.operands(other == Type::F32 ? 3 : 2))
    return d.refuse("expected '.rn', to 8 bits '.satfinite', and .f32 or .f16x2");
  if (!narrows) {
    d.destination(0, Type::B32);
    d.value(1, Type::B16);
    return e5m2 ? unpackFloat8<true> : unpackFloat8<false>;
  }
  d.destination(0, Type::B16);
  for (unsigned n = 1; n < d.count(); ++n)
    d.value(n, Type::B32);
  if (other == Type::F32)
    return e5m2 ? packFloat8<true, false> : packFloat8<false, false>;
  return e5m2 ? packFloat8<true, true> : packFloat8<false, true>;
}

/// cvt.pack.sat.s8.s32.b32 d, a, b, c: a and b clamped, b lowest, c's low half above for 8 bits.
void packIntegers(Warp &w, const Inst &i, uint32_t mask) {
  unsigned bits = bitsOf(toOf(i));
  uint64_t keep = (1ull << bits) - 1;
  forLanes(mask, [&](unsigned l) {
    uint64_t a = uint64_t(saturate(w.get<int32_t>(i.ops[1], l), toOf(i), false)) & keep;
    uint64_t b = uint64_t(saturate(w.get<int32_t>(i.ops[2], l), toOf(i), false)) & keep;
    uint64_t rest = bits == 8 && i.opCount > 3 ? w.get<uint32_t>(i.ops[3], l) : 0;
    w.set<uint32_t>(i.ops[0], l, uint32_t(rest << (2 * bits) | a << bits | b));
  });
}
Handler decodePack(Decoder &d) {
  bool saturates = d.take("sat");
  Type to = d.takeType(), from = d.takeType();
  bool bytes = to == Type::U8 || to == Type::S8;
  if (!saturates || from != Type::S32 || !(bytes || to == Type::U16 || to == Type::S16) ||
      !d.operands(3, bytes ? 4 : 3))
    return d.refuse("expected cvt.pack.sat, a type of 8 or 16 bits, .s32");
  if (d.count() == 4 && d.takeType() != Type::B32)
    return d.refuse("expected .b32 for the third operand");
  d.inst->imm = int64_t(from) | int64_t(to) << 8;
  d.destination(0, Type::B32);
  for (unsigned n = 1; n < d.count(); ++n)
    d.value(n, Type::B32);
  return packIntegers;
}

Handler decodeCvt(Decoder &d) {
  if (d.take("pack"))
    return decodePack(d);
  for (const char *name : {"e4m3x2", "e5m2x2"})
    if (d.take(name))
      return decodeFloat8(d, name[1] == '5');
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
