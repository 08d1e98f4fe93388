//===- Wmma.cpp - wmma.load, wmma.mma and wmma.store ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Which lane holds which element is left open by the instruction set. Here element e of a matrix,
// row by row, is where e falls if registers are filled one after the other, each over its 32 lanes;
// where a fragment has more room than the matrix has elements, they repeat.
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Half.h"

#include <algorithm>

namespace vitc::emu {
namespace {

enum class Element : uint8_t { F16, Bf16, F32, Tf32, F64, U8, S8, S32 };

unsigned bytesOf(Element e) {
  switch (e) {
  case Element::F16:
  case Element::Bf16:
    return 2;
  case Element::F64:
    return 8;
  case Element::U8:
  case Element::S8:
    return 1;
  default:
    return 4;
  }
}

/// Where fragments live: `count` registers from operand `first` on.
struct Fragment {
  const uint32_t *slots = nullptr;
  unsigned count = 0;
  Element element{};

  unsigned perWord() const { return std::max(1u, 4 / bytesOf(element)); }
  unsigned room() const { return count * warpSize * perWord(); }
  /// Calls f(lane, register, part) for the place of element `e` and its repetitions.
  template <class F> void places(unsigned e, unsigned elements, F &&f) const {
    for (unsigned s = e; s < room(); s += elements)
      f(s / perWord() % warpSize, s / perWord() / warpSize, s % perWord());
  }
  uint64_t get(const Warp &w, unsigned e) const {
    unsigned lane = e / perWord() % warpSize, reg = e / perWord() / warpSize;
    if (element == Element::F64)
      return w.get<uint64_t>(slots[reg], lane);
    unsigned bits = 8 * bytesOf(element);
    uint32_t word = w.get<uint32_t>(slots[reg], lane);
    return bits == 32 ? word : word >> (e % perWord() * bits) & ((1u << bits) - 1);
  }
  void set(Warp &w, unsigned e, unsigned elements, uint64_t value) const {
    places(e, elements, [&](unsigned lane, unsigned reg, unsigned part) {
      if (element == Element::F64)
        return w.set<uint64_t>(slots[reg], lane, value);
      unsigned bits = 8 * bytesOf(element);
      uint32_t keep = bits == 32 ? 0 : ~(((1u << bits) - 1) << (part * bits));
      uint32_t word = w.get<uint32_t>(slots[reg], lane) & keep;
      w.set<uint32_t>(slots[reg], lane, word | uint32_t(value) << (part * bits));
    });
  }
};

double numberOf(uint64_t bits, Element e) {
  switch (e) {
  case Element::F16:
    return halfToFloat(uint16_t(bits));
  case Element::Bf16:
    return bfloatToFloat(uint16_t(bits));
  case Element::F32:
    return std::bit_cast<float>(uint32_t(bits));
  case Element::Tf32:
    return std::bit_cast<float>(uint32_t(bits) & ~0x1fffu);
  case Element::F64:
    return std::bit_cast<double>(bits);
  case Element::U8:
    return uint8_t(bits);
  case Element::S8:
    return int8_t(bits);
  default:
    return int32_t(uint32_t(bits));
  }
}

// Of an access, Inst::size and count are rows and columns, target is the element, flags2 these:
enum Flags : uint8_t { Shared = 1, Generic = 2, ByColumn = 4, HasStride = 8, Stores = 16 };

/// The bytes of one element in memory, or null.
uint8_t *place(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes) {
  bool stores = i.flags2 & Stores, shared = i.flags2 & Shared;
  if ((i.flags2 & Generic) && inWindow(address, sharedWindow))
    shared = true, address -= sharedWindow;
  if (!shared)
    return stores ? checkStore(w, i, lane, address, bytes)
                  : const_cast<uint8_t *>(checkLoad(w, i, lane, address, bytes, true));
  if (!checkShared(w, i, lane, address, bytes, bytes, stores ? Doing::Writes : Doing::Reads))
    return nullptr;
  Accessor who = w.accessor(lane);
  who.collective = true;
  Hazard h = stores ? w.cta->shadow.write(who, uint32_t(address), bytes)
                    : w.cta->shadow.read(who, uint32_t(address), bytes);
  if (h)
    w.report(i, lane, h);
  return w.cta->shared.data() + address;
}

/// Operands: address, stride, fragment. The address and the stride are those of lane 0: all lanes
/// must have the same.
void access(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  unsigned rows = i.size, columns = i.count;
  Fragment fragment{i.ops + 2, i.opCount - 2u, Element(i.target)};
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  uint32_t bytes = bytesOf(fragment.element), elements = rows * columns;
  bool byColumn = i.flags2 & ByColumn;
  uint64_t stride = i.flags2 & HasStride ? w.get<uint32_t>(i.ops[1], 0) : byColumn ? rows : columns;
  for (unsigned e = 0; e < elements; ++e) {
    uint64_t row = e / columns, column = e % columns;
    uint64_t offset = byColumn ? column * stride + row : row * stride + column;
    uint8_t *p = place(w, i, 0, a[0] + offset * bytes, bytes);
    if (!p)
      return;
    uint64_t value = 0;
    if (i.flags2 & Stores) {
      value = fragment.get(w, e);
      memcpy(p, &value, bytes);
    } else {
      memcpy(&value, p, bytes);
      fragment.set(w, e, elements, value);
    }
  }
}

/// Inst::imm of wmma.mma.
struct Product {
  unsigned m = 0, n = 0, k = 0, counts[4] = {}; ///< registers of D, A, B, C
  Element types[4] = {};
  bool saturates = false;
};

int64_t pack(const Product &p) {
  uint64_t v = p.m | p.n << 6 | uint64_t(p.k) << 12 | uint64_t(p.saturates) << 18;
  for (unsigned n = 0; n < 4; ++n)
    v |= uint64_t(p.counts[n]) << (20 + 4 * n) | uint64_t(p.types[n]) << (36 + 4 * n);
  return int64_t(v);
}
Product unpack(int64_t v) {
  Product p;
  p.m = v & 63, p.n = v >> 6 & 63, p.k = v >> 12 & 63, p.saturates = v >> 18 & 1;
  for (unsigned n = 0; n < 4; ++n)
    p.counts[n] = v >> (20 + 4 * n) & 15, p.types[n] = Element(v >> (36 + 4 * n) & 15);
  return p;
}

uint64_t sumOf(const Warp &w, const Product &p, const Fragment *f, unsigned row, unsigned column) {
  uint64_t start = f[3].get(w, row * p.n + column);
  auto left = [&](unsigned k) { return numberOf(f[1].get(w, row * p.k + k), p.types[1]); };
  auto right = [&](unsigned k) { return numberOf(f[2].get(w, k * p.n + column), p.types[2]); };
  if (p.types[0] == Element::S32) {
    int64_t sum = int32_t(uint32_t(start));
    for (unsigned k = 0; k < p.k; ++k)
      sum += int64_t(left(k)) * int64_t(right(k));
    return uint32_t(p.saturates ? std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX) : sum);
  }
  if (p.types[0] == Element::F64) {
    double sum = std::bit_cast<double>(start);
    for (unsigned k = 0; k < p.k; ++k)
      sum = std::fma(left(k), right(k), sum);
    return std::bit_cast<uint64_t>(sum);
  }
  float sum = float(numberOf(start, p.types[3]));
  for (unsigned k = 0; k < p.k; ++k)
    sum = std::fma(float(left(k)), float(right(k)), sum);
  return p.types[0] == Element::F16 ? floatToHalf(sum) : std::bit_cast<uint32_t>(sum);
}

void multiply(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  Product p = unpack(i.imm);
  Fragment f[4];
  const uint32_t *at = i.ops;
  for (unsigned n = 0; n < 4; at += p.counts[n], ++n)
    f[n] = {at, p.counts[n], p.types[n]};
  uint64_t result[32 * 32];
  for (unsigned row = 0; row < p.m; ++row)
    for (unsigned column = 0; column < p.n; ++column)
      result[row * p.n + column] = sumOf(w, p, f, row, column);
  for (unsigned e = 0; e < p.m * p.n; ++e)
    f[0].set(w, e, p.m * p.n, result[e]);
}

std::vector<Element> takeElements(Decoder &d) {
  static const std::unordered_map<std::string_view, Element> names = {
      {"f16", Element::F16},   {"bf16", Element::Bf16}, {"f32", Element::F32},
      {"tf32", Element::Tf32}, {"f64", Element::F64},   {"u8", Element::U8},
      {"s8", Element::S8},     {"s32", Element::S32}};
  std::vector<Element> found;
  for (std::string_view part : d.statement->parts)
    if (auto it = names.find(part); it != names.end() && d.take(part))
      found.push_back(it->second);
  return found;
}

std::string shapeName(const unsigned *s) {
  char text[32];
  snprintf(text, sizeof(text), "m%un%uk%u", s[0], s[1], s[2]);
  return text;
}
bool takeShape(Decoder &d, Product &p) {
  static const unsigned shapes[][3] = {
      {16, 16, 16}, {8, 32, 16}, {32, 8, 16}, {16, 16, 8}, {8, 8, 4}};
  for (const auto &s : shapes)
    if (d.take(shapeName(s))) {
      p.m = s[0], p.n = s[1], p.k = s[2];
      return true;
    }
  return false;
}

/// Appends the registers of an operand; they must hold the matrix, once or several times.
unsigned appendFragment(Decoder &d, size_t operand, Element element, unsigned elements,
                        bool reads) {
  const Operand &o = d.statement->operands[operand];
  std::vector<Operand> registers = o.elements;
  if (o.kind != Operand::Kind::Vector)
    registers.push_back(o);
  Type type = element == Element::F64 ? Type::F64 : Type::B32;
  for (const Operand &one : registers) {
    if (reads)
      d.value(one, type);
    else
      d.destination(one, bitsOf(type));
  }
  unsigned room = unsigned(registers.size()) * warpSize * std::max(1u, 4 / bytesOf(element));
  if (registers.size() > 8 || room < elements || room % elements)
    d.refuse("expected registers for " + std::to_string(elements) + " elements in operand " +
             std::to_string(operand + 1));
  return unsigned(registers.size());
}

Handler decodeAccess(Decoder &d, bool stores) {
  Product p;
  bool a = !stores && d.take("a"), b = !stores && !a && d.take("b");
  bool c = stores ? d.take("d") : !a && !b && d.take("c");
  bool good = a + b + c == 1 && d.take("sync") && d.take("aligned") && takeShape(d, p);
  bool row = d.take("row"), column = d.take("col");
  uint8_t flags = stores ? Stores : 0;
  if (d.take("shared") || d.take("shared::cta"))
    flags |= Shared;
  else if (!d.take("global"))
    flags |= Generic;
  std::vector<Element> elements = takeElements(d);
  if (!good || row == column || elements.size() != 1 || !d.operands(2, 3))
    return d.refuse("expected .a, .b, .c or .d, .sync.aligned, a layout, a shape and a type");
  unsigned rows = b ? p.k : p.m, columns = a ? p.k : p.n;
  flags |= uint8_t((column ? ByColumn : 0) | (d.count() == 3 ? HasStride : 0));
  d.address(stores ? 0 : 1);
  if (d.count() == 3)
    d.value(2, Type::U32);
  else
    d.append(0);
  appendFragment(d, stores ? 1 : 0, elements[0], rows * columns, stores);
  d.inst->size = uint8_t(rows);
  d.inst->count = uint8_t(columns);
  d.inst->target = uint32_t(elements[0]);
  d.inst->flags2 = flags;
  return access;
}

Handler decodeMultiply(Decoder &d) {
  Product p;
  bool good = d.take("sync") && d.take("aligned") && takeShape(d, p) && d.operands(4);
  bool rows = d.take("row"), columns = d.take("col"); // twice the same is one name
  d.take("row"), d.take("col");
  d.take("rn");
  p.saturates = d.take("satfinite");
  std::vector<Element> types = takeElements(d);
  if (types.size() == 2) // D and C of an f16 product
    types = {types[0], Element::F16, Element::F16, types[1]};
  if (!good || !(rows || columns) || types.size() != 4)
    return d.refuse("expected .sync.aligned, two layouts, a shape and the types");
  std::copy(types.begin(), types.end(), p.types);
  bool integers = types[1] == Element::U8 || types[1] == Element::S8;
  if (types[1] != types[2] || (types[0] == Element::S32) != integers ||
      (types[0] == Element::F64) != (types[1] == Element::F64))
    return d.refuse("these types are not supported");
  const unsigned elements[] = {p.m * p.n, p.m * p.k, p.k * p.n, p.m * p.n};
  for (unsigned n = 0; n < 4; ++n)
    p.counts[n] = appendFragment(d, n, types[n], elements[n], n > 0);
  d.inst->imm = pack(p);
  return multiply;
}

Handler decodeWmma(Decoder &d) {
  if (d.take("load"))
    return decodeAccess(d, false);
  if (d.take("store"))
    return decodeAccess(d, true);
  return d.take("mma") ? decodeMultiply(d) : d.refuse("expected load, store or mma");
}

} // namespace

void addWmmaGroup(DecodeTable &t) { t["wmma"] = decodeWmma; }

} // namespace vitc::emu
