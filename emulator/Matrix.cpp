//===- Matrix.cpp - ldmatrix and mma --------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Both need all 32 lanes. A slot of 32 lanes that ldmatrix fills is an 8x8 matrix of 16-bit values,
// row by row, so a row of the untransposed form is one 16-byte copy.
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "FastPaths.h"
#include "Half.h"

#include <cmath>

namespace vitc::emu {
namespace {

void loadMatrix(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  uint64_t a[warpSize];
  addresses(w, i, mask, a);
  Cta &cta = *w.cta;
  if (cta.countBanks)
    for (unsigned m = 0; m < i.count; ++m)
      countBanks(cta, 0xffu << (8 * m), a, 16);
  for (unsigned m = 0; m < i.count; ++m) {
    uint16_t rows[8][8];
    for (unsigned r = 0; r < 8; ++r) {
      unsigned l = m * 8 + r;
      if (!checkShared(w, i, l, a[l], 16, 16, Doing::Reads)) {
        memset(rows[r], 0, 16);
        continue;
      }
      Accessor who = w.accessor(l);
      who.collective = true;
      if (Hazard h = cta.shadow.read(who, uint32_t(a[l]), 16))
        w.report(i, l, h);
      memcpy(rows[r], cta.shared.data() + a[l], 16);
    }
    uint32_t *out = w.file + i.ops[1 + m];
    if (!i.flags2) {
      memcpy(out, rows, sizeof(rows));
      continue;
    }
    for (unsigned l = 0; l < warpSize; ++l)
      out[l] = rows[2 * (l % 4)][l / 4] | uint32_t(rows[2 * (l % 4) + 1][l / 4]) << 16;
  }
}

Handler decodeLdmatrix(Decoder &d) {
  bool good = d.take("sync") && d.take("aligned") && d.take("m8n8");
  unsigned count = d.take("x1") ? 1 : d.take("x2") ? 2 : d.take("x4") ? 4 : 0;
  d.inst->flags2 = d.take("trans");
  good &= (d.take("shared") || d.take("shared::cta")) && d.take("b16");
  if (!good || !count || !d.operands(2))
    return d.refuse("expected ldmatrix.sync.aligned.m8n8.x1|x2|x4[.trans].shared.b16");
  const Operand &result = d.statement->operands[0];
  std::vector<Operand> registers = result.elements;
  if (result.kind != Operand::Kind::Vector)
    registers.push_back(result);
  if (registers.size() != count)
    return d.refuse("expected " + std::to_string(count) + " registers");
  d.inst->count = uint8_t(count);
  d.address(1);
  for (const Operand &r : registers)
    d.destination(r, 32);
  return loadMatrix;
}

enum Element : uint8_t { F16, Bf16, Tf32 };

/// One value of a 16xK (or 8xK, for B) operand out of its slots.
template <Element e> float element(uint32_t *const *slots, bool isA, unsigned row, unsigned k) {
  if constexpr (e == Tf32) { // a slot is 8 rows of 4 columns
    unsigned slot = isA ? row / 8 + 2 * (k / 4) : k / 4;
    return std::bit_cast<float>(slots[slot][row % 8 * 4 + k % 4] & ~0x1fffu);
  } else {
    unsigned slot = isA ? row / 8 + 2 * (k / 8) : k / 8;
    uint16_t bits = uint16_t(slots[slot][row % 8 * 4 + k % 8 / 2] >> (16 * (k % 2)));
    return e == F16 ? halfToFloat(bits) : bfloatToFloat(bits);
  }
}

/// Operands: d, a, b, c. size is K; flags2 is set for 16-bit sums.
template <Element e> void multiply(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  unsigned k = i.size, perSlot = e == Tf32 ? 4 : 8, na = 2 * (k / perSlot), nb = k / perSlot,
           nc = i.flags2 ? 2 : 4;
  uint32_t *slots[16];
  for (unsigned n = 0; n < i.opCount; ++n)
    slots[n] = w.file + i.ops[n];
  uint32_t **a = slots + nc, **b = a + na, **c = b + nb;
  MmaFunction fast = e == F16    ? fastPaths().mmaHalf16
                     : e == Bf16 ? fastPaths().mmaBfloat16
                                 : nullptr;
  if (fast && k == 16 && !i.flags2)
    return fast(slots, a, b, c);
  float sum[16][8];
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      unsigned lane = row % 8 * 4 + column / 2;
      float value;
      if (i.flags2)
        value = halfToFloat(uint16_t(c[row / 8][lane] >> (16 * (column % 2))));
      else
        value = std::bit_cast<float>(c[row / 8 * 2 + column % 2][lane]);
      for (unsigned n = 0; n < k; ++n)
        value = std::fma(element<e>(a, true, row, n), element<e>(b, false, column, n), value);
      sum[row][column] = value;
    }
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; column += 2) {
      unsigned lane = row % 8 * 4 + column / 2;
      if (i.flags2) {
        slots[row / 8][lane] =
            floatToHalf(sum[row][column]) | uint32_t(floatToHalf(sum[row][column + 1])) << 16;
        continue;
      }
      slots[row / 8 * 2][lane] = std::bit_cast<uint32_t>(sum[row][column]);
      slots[row / 8 * 2 + 1][lane] = std::bit_cast<uint32_t>(sum[row][column + 1]);
    }
}

Handler decodeMma(Decoder &d) {
  bool good = d.take("sync") && d.take("aligned");
  unsigned k = d.take("m16n8k16") ? 16 : d.take("m16n8k8") ? 8 : d.take("m16n8k4") ? 4 : 0;
  good &= d.take("row") && d.take("col");
  const auto &parts = d.statement->parts;
  good &= parts.size() == 10 && k && d.operands(4);
  if (!good)
    return d.refuse("expected mma.sync.aligned.m16n8k16|m16n8k8.row.col with four types");
  std::string_view result = parts[6], type = parts[7];
  bool half = result == "f16";
  for (size_t n = 6; n < 10; ++n)
    d.take(parts[n]);
  Element e = type == "f16" ? F16 : type == "bf16" ? Bf16 : Tf32;
  bool known = type == "f16" || (type == "bf16" && !half) || (type == "tf32" && !half);
  if (!known || parts[8] != type || parts[9] != result || (result != "f32" && !half) ||
      (e == Tf32 ? k == 16 : k == 4))
    return d.refuse("these types and this shape are not supported");
  unsigned perSlot = e == Tf32 ? 4 : 8;
  size_t expected[4] = {half ? 2u : 4u, 2 * (k / perSlot), k / perSlot, half ? 2u : 4u};
  for (size_t n = 0; n < 4; ++n) {
    const Operand &operand = d.statement->operands[n];
    std::vector<Operand> elements = operand.elements;
    if (operand.kind != Operand::Kind::Vector)
      elements.push_back(operand);
    if (elements.size() != expected[n])
      return d.refuse("expected " + std::to_string(expected[n]) + " registers in operand " +
                      std::to_string(n + 1));
    for (const Operand &one : elements) {
      if (n == 0)
        d.destination(one, 32);
      else
        d.value(one, n == 3 && !half ? Type::F32 : Type::B32);
    }
  }
  d.inst->size = uint8_t(k);
  d.inst->flags2 = half;
  return e == F16 ? multiply<F16> : e == Bf16 ? multiply<Bf16> : multiply<Tf32>;
}

} // namespace

void addMatrixGroup(DecodeTable &t) {
  t["ldmatrix"] = decodeLdmatrix;
  t["mma"] = decodeMma;
}

} // namespace vitc::emu
