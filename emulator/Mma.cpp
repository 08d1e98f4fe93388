//===- Mma.cpp - Products of small matrices ------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// D = A * B + C by a whole warp. In every shape a register of A, over its 32 lanes, is an 8-row
// block: lane / 4 is the row, and a lane holds as many neighbours in k as fit into 32 bits; blocks
// follow each other along the rows first. B is the same with columns for rows, C has two
// neighbours of a row in two registers. Products are added in ascending order of k, floats with one
// rounding each.
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "FastPaths.h"
#include "Float8.h"

#include <algorithm>
#include <charconv>

namespace vitc::emu {
namespace {

enum class Element : uint8_t { F16, Bf16, Tf32, E4m3, E5m2, F64, U8, S8, U4, S4, B1 };

unsigned bitsOf(Element e) {
  switch (e) {
  case Element::F16:
  case Element::Bf16:
    return 16;
  case Element::Tf32:
    return 32;
  case Element::F64:
    return 64;
  case Element::U4:
  case Element::S4:
    return 4;
  case Element::B1:
    return 1;
  default:
    return 8;
  }
}
bool isReal(Element e) { return e <= Element::E5m2; }
bool isSigned(Element e) { return e == Element::S8 || e == Element::S4; }

// Inst::imm: what an instruction multiplies.
struct Shape {
  unsigned m = 0, k = 0;
  Element a{}, b{};
  bool halfResult = false, halfSum = false, saturates = false, conjunction = false;

  int64_t pack() const {
    return int64_t(m | k << 8 | unsigned(a) << 20 | unsigned(b) << 24 | unsigned(halfResult) << 28 |
                   unsigned(halfSum) << 29 | unsigned(saturates) << 30) |
           int64_t(conjunction) << 31;
  }
  static Shape unpack(int64_t v) {
    Shape s;
    s.m = v & 255, s.k = v >> 8 & 4095;
    s.a = Element(v >> 20 & 15), s.b = Element(v >> 24 & 15);
    s.halfResult = v >> 28 & 1, s.halfSum = v >> 29 & 1;
    s.saturates = v >> 30 & 1, s.conjunction = v >> 31 & 1;
    return s;
  }
  unsigned perSlot(Element e) const { return std::max(1u, 32 / bitsOf(e)); }
  unsigned countA() const { return m / 8 * (k / (4 * perSlot(a))); }
  unsigned countB() const { return k / (4 * perSlot(b)); }
  unsigned countC(bool half) const { return m / 8 * (half ? 1 : 2); }
};

/// The bits of row `row` (of B: column) at `k`. `rows` are 16 or 8.
uint32_t bitsAt(uint32_t *const *slots, Element e, unsigned rows, unsigned row, unsigned k) {
  unsigned bits = bitsOf(e), per = 32 / bits, block = k / (4 * per);
  uint32_t word = slots[row / 8 + rows / 8 * block][row % 8 * 4 + k % (4 * per) / per];
  return bits == 32 ? word : word >> (k % per * bits) & ((1u << bits) - 1);
}
float realAt(uint32_t *const *slots, Element e, unsigned rows, unsigned row, unsigned k) {
  uint32_t bits = bitsAt(slots, e, rows, row, k);
  switch (e) {
  case Element::F16:
    return halfToFloat(uint16_t(bits));
  case Element::Bf16:
    return bfloatToFloat(uint16_t(bits));
  case Element::E4m3:
    return e4m3ToFloat(uint8_t(bits));
  case Element::E5m2:
    return e5m2ToFloat(uint8_t(bits));
  default:
    return std::bit_cast<float>(bits & ~0x1fffu);
  }
}
int integerAt(uint32_t *const *slots, Element e, unsigned rows, unsigned row, unsigned k) {
  int v = int(bitsAt(slots, e, rows, row, k)), sign = 1 << (bitsOf(e) - 1);
  return isSigned(e) && v & sign ? v - 2 * sign : v;
}

/// The registers of an instruction: D, A, B, C.
struct Slots {
  uint32_t *all[40];
  uint32_t **d, **a, **b, **c;
  Slots(Warp &w, const Inst &i, const Shape &s) {
    for (unsigned n = 0; n < i.opCount; ++n)
      all[n] = w.file + i.ops[n];
    d = all, a = d + s.countC(s.halfResult), b = a + s.countA(), c = b + s.countB();
  }
};

void multiplyReal(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  Shape s = Shape::unpack(i.imm);
  Slots slots(w, i, s);
  float left[16][64], right[8][64], sum[16][8];
  for (unsigned k = 0; k < s.k; ++k) {
    for (unsigned row = 0; row < s.m; ++row)
      left[row][k] = realAt(slots.a, s.a, s.m, row, k);
    for (unsigned column = 0; column < 8; ++column)
      right[column][k] = realAt(slots.b, s.b, 8, column, k);
  }
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      unsigned lane = row % 8 * 4 + column / 2;
      uint32_t half = slots.c[row / 8][lane] >> (16 * (column % 2));
      float value = s.halfSum ? halfToFloat(uint16_t(half))
                              : std::bit_cast<float>(slots.c[row / 8 * 2 + column % 2][lane]);
      for (unsigned k = 0; k < s.k; ++k)
        value = std::fma(left[row][k], right[column][k], value);
      sum[row][column] = value;
    }
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < 8; column += 2) {
      unsigned lane = row % 8 * 4 + column / 2;
      if (s.halfResult) {
        slots.d[row / 8][lane] =
            floatToHalf(sum[row][column]) | uint32_t(floatToHalf(sum[row][column + 1])) << 16;
        continue;
      }
      slots.d[row / 8 * 2][lane] = std::bit_cast<uint32_t>(sum[row][column]);
      slots.d[row / 8 * 2 + 1][lane] = std::bit_cast<uint32_t>(sum[row][column + 1]);
    }
}
template <MmaFunction FastPaths::*path> void multiplyFast(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  Slots slots(w, i, Shape::unpack(i.imm));
  (fastPaths().*path)(slots.d, slots.a, slots.b, slots.c);
}

int64_t productOf(const Shape &s, const Slots &slots, unsigned row, unsigned column, unsigned k) {
  int x = integerAt(slots.a, s.a, s.m, row, k), y = integerAt(slots.b, s.b, 8, column, k);
  if (s.a == Element::B1)
    return s.conjunction ? x & y : x ^ y;
  return int64_t(x) * y;
}
void multiplyInteger(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  Shape s = Shape::unpack(i.imm);
  Slots slots(w, i, s);
  int32_t result[16][8];
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      unsigned lane = row % 8 * 4 + column / 2;
      int64_t value = int32_t(slots.c[row / 8 * 2 + column % 2][lane]);
      for (unsigned k = 0; k < s.k; ++k)
        value += productOf(s, slots, row, column, k);
      if (s.saturates)
        value = std::clamp<int64_t>(value, INT32_MIN, INT32_MAX);
      result[row][column] = int32_t(uint32_t(value));
    }
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < 8; ++column)
      slots.d[row / 8 * 2 + column % 2][row % 8 * 4 + column / 2] = uint32_t(result[row][column]);
}

/// m8n8k4 of doubles: a lane has one value of A and B, and two of C.
void multiplyDouble(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  double sum[8][8];
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      double value = w.get<double>(i.ops[4 + column % 2], row * 4 + column / 2);
      for (unsigned k = 0; k < 4; ++k)
        value = std::fma(w.get<double>(i.ops[2], row * 4 + k),
                         w.get<double>(i.ops[3], column * 4 + k), value);
      sum[row][column] = value;
    }
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned column = 0; column < 8; ++column)
      w.set<double>(i.ops[column % 2], row * 4 + column / 2, sum[row][column]);
}

bool elementNamed(std::string_view name, Element &out) {
  static const std::unordered_map<std::string_view, Element> names = {
      {"f16", Element::F16},   {"bf16", Element::Bf16}, {"tf32", Element::Tf32},
      {"e4m3", Element::E4m3}, {"e5m2", Element::E5m2}, {"f64", Element::F64},
      {"u8", Element::U8},     {"s8", Element::S8},     {"u4", Element::U4},
      {"s4", Element::S4},     {"b1", Element::B1}};
  auto it = names.find(name);
  if (it != names.end())
    out = it->second;
  return it != names.end();
}

/// Whether the instruction exists on sm_89 with this m, k and these types.
bool exists(const Shape &s, std::string_view result, std::string_view sum) {
  auto among = [&](std::initializer_list<unsigned> list) {
    return std::find(list.begin(), list.end(), s.k) != list.end();
  };
  bool floats = result == "f32" && sum == "f32";
  switch (s.a) {
  case Element::F16:
    return s.m == 16 && among({8, 16}) && (result == "f16" || result == "f32") &&
           (sum == "f16" || sum == "f32");
  case Element::Bf16:
    return s.m == 16 && among({8, 16}) && floats;
  case Element::Tf32:
    return s.m == 16 && among({4, 8}) && floats;
  case Element::E4m3:
  case Element::E5m2:
    return s.m == 16 && s.k == 32 && floats;
  case Element::F64:
    return s.m == 8 && s.k == 4 && result == "f64" && sum == "f64";
  default:
    break;
  }
  if (result != "s32" || sum != "s32")
    return false;
  switch (bitsOf(s.a)) {
  case 8:
    return s.m == 8 ? s.k == 16 : among({16, 32});
  case 4:
    return s.m == 8 ? s.k == 32 : among({32, 64});
  default:
    return s.m == 8 ? s.k == 128 : among({128, 256});
  }
}

/// The numbers of `m16n8k16`; false for what is no such.
bool readShape(std::string_view text, unsigned &m, unsigned &n, unsigned &k) {
  const char *at = text.data(), *end = at + text.size();
  for (auto [letter, number] : {std::pair{'m', &m}, std::pair{'n', &n}, std::pair{'k', &k}}) {
    if (at == end || *at != letter)
      return false;
    auto [rest, error] = std::from_chars(at + 1, end, *number);
    if (error != std::errc())
      return false;
    at = rest;
  }
  return at == end;
}

bool takeShape(Decoder &d, Shape &s) {
  for (std::string_view part : d.statement->parts) {
    unsigned n = 0;
    if (readShape(part, s.m, n, s.k))
      return n == 8 && (s.m == 8 || s.m == 16) && s.k <= 256 && d.take(part);
  }
  return false;
}

/// The four types in their order, as the modifiers that are left.
std::vector<std::string_view> takeTypes(Decoder &d) {
  std::vector<std::string_view> types;
  static const std::unordered_map<std::string_view, int> results = {
      {"f16", 0}, {"f32", 0}, {"s32", 0}, {"f64", 0}};
  Element e;
  for (std::string_view part : d.statement->parts)
    if ((results.count(part) || elementNamed(part, e)) && d.take(part))
      types.push_back(part);
  return types;
}

void appendRegisters(Decoder &d, size_t n, size_t expected, Type type) {
  const Operand &operand = d.statement->operands[n];
  std::vector<Operand> elements = operand.elements;
  if (operand.kind != Operand::Kind::Vector)
    elements.push_back(operand);
  if (elements.size() != expected) {
    d.refuse("expected " + std::to_string(expected) + " registers in operand " +
             std::to_string(n + 1));
    return;
  }
  for (const Operand &one : elements) {
    if (n == 0)
      d.destination(one, emu::bitsOf(type));
    else
      d.value(one, type);
  }
}

Handler decodeMma(Decoder &d) {
  Shape s;
  bool good = d.take("sync") && d.take("aligned") && takeShape(d, s) && d.take("row") &&
              d.take("col") && d.operands(4);
  s.saturates = d.take("satfinite");
  bool exclusive = d.take("xor");
  s.conjunction = d.take("and");
  if (exclusive || s.conjunction)
    good &= d.take("popc");
  std::vector<std::string_view> types = takeTypes(d);
  if (!good || types.size() != 4)
    return d.refuse("expected mma.sync.aligned.<shape>.row.col with four types");
  bool known =
      elementNamed(types[1], s.a) && elementNamed(types[2], s.b) && exists(s, types[0], types[3]);
  bool float8 = s.a == Element::E4m3 || s.a == Element::E5m2;
  bool mixes = float8 ? s.b == Element::E4m3 || s.b == Element::E5m2
                      : s.a >= Element::U8 && s.b >= Element::U8 && bitsOf(s.a) == bitsOf(s.b);
  known &= s.a == s.b || mixes;
  known &= (s.a == Element::B1) == (exclusive || s.conjunction);
  known &= !s.saturates || (s.a >= Element::U8 && s.a <= Element::S4);
  if (!known)
    return d.refuse("these types and this shape are not supported");
  s.halfResult = types[0] == "f16", s.halfSum = types[3] == "f16";
  if (s.a == Element::F64) {
    size_t counts[] = {2, 1, 1, 2};
    for (size_t n = 0; n < 4; ++n)
      appendRegisters(d, n, counts[n], Type::F64);
    return multiplyDouble;
  }
  appendRegisters(d, 0, s.countC(s.halfResult), Type::B32);
  appendRegisters(d, 1, s.countA(), Type::B32);
  appendRegisters(d, 2, s.countB(), Type::B32);
  appendRegisters(d, 3, s.countC(s.halfSum), s.halfSum || !isReal(s.a) ? Type::B32 : Type::F32);
  d.inst->imm = s.pack();
  bool plain = s.k == 16 && !s.halfResult && !s.halfSum;
  if (plain && s.a == Element::F16 && fastPaths().mmaHalf16)
    return multiplyFast<&FastPaths::mmaHalf16>;
  if (plain && s.a == Element::Bf16 && fastPaths().mmaBfloat16)
    return multiplyFast<&FastPaths::mmaBfloat16>;
  if (s.a == Element::Tf32 && s.k == 8 && fastPaths().mmaTf32x8)
    return multiplyFast<&FastPaths::mmaTf32x8>;
  return isReal(s.a) ? multiplyReal : multiplyInteger;
}

} // namespace

void addMmaGroup(DecodeTable &t) { t["mma"] = decodeMma; }

} // namespace vitc::emu
