//===- Matrix.cpp - ldmatrix and movmatrix --------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Both need all 32 lanes. A slot of 32 lanes that ldmatrix fills is an 8x8 matrix of 16-bit values,
// row by row, so a row of the untransposed form is one 16-byte copy.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

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

/// movmatrix: the transposed 8x8 matrix of 16-bit values.
void transposeMatrix(Warp &w, const Inst &i, uint32_t mask) {
  if (!w.converged(i, mask))
    return;
  uint16_t rows[8][8];
  memcpy(rows, w.file + i.ops[1], sizeof(rows));
  for (unsigned l = 0; l < warpSize; ++l)
    w.set<uint32_t>(i.ops[0], l,
                    rows[2 * (l % 4)][l / 4] | uint32_t(rows[2 * (l % 4) + 1][l / 4]) << 16);
}
Handler decodeMovmatrix(Decoder &d) {
  if (!(d.take("sync") && d.take("aligned") && d.take("m8n8") && d.take("trans") &&
        d.take("b16")) ||
      !d.operands(2))
    return d.refuse("expected movmatrix.sync.aligned.m8n8.trans.b16");
  d.destination(0, Type::B32);
  d.value(1, Type::B32);
  return transposeMatrix;
}

} // namespace

void addMatrixGroup(DecodeTable &t) {
  t["ldmatrix"] = decodeLdmatrix;
  t["movmatrix"] = decodeMovmatrix;
}

} // namespace vitc::emu
