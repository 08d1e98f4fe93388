//===- Access.h - Checked accesses to global and shared memory ------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What every instruction that touches memory shares: addresses of the lanes, bounds, alignment, and
// the shadows. A function that returns null or false has reported why.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_ACCESS_H
#define VITC_EMULATOR_ACCESS_H

#include "Decoder.h"
#include "Warp.h"

namespace vitc::emu {

inline void addresses(const Warp &w, const Inst &i, uint32_t mask, uint64_t *out,
                      unsigned operand = 0) {
  uint32_t slot = i.ops[operand];
  if (i.flags & Decoder::wideAddress)
    forLanes(mask, [&](unsigned l) { out[l] = w.get<uint64_t>(slot, l) + uint64_t(i.imm); });
  else
    forLanes(mask,
             [&](unsigned l) { out[l] = uint32_t(w.get<uint32_t>(slot, l) + uint32_t(i.imm)); });
}

enum class Doing : uint8_t { Reads, Writes };

/// The shadow of [address, address+bytes) of an allocation.
inline uint8_t *writtenAt(const Allocation &a, uint64_t address) {
  return a.written.get() + (address - a.address());
}

inline bool allWritten(const uint8_t *shadow, uint32_t bytes) {
  for (; bytes >= 8; bytes -= 8, shadow += 8) {
    uint64_t word;
    memcpy(&word, shadow, 8);
    if (word != 0x0101010101010101ull)
      return false;
  }
  while (bytes--)
    if (!*shadow++)
      return false;
  return true;
}

/// The range that holds an access of one lane; checks alignment to `bytes`.
const Range *locate(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                    Doing doing);
/// Whether another CTA wrote one of the bytes in this launch.
bool checkForeignWrites(Warp &w, const Inst &i, unsigned lane, const Allocation &a,
                        uint64_t address, uint32_t bytes);
/// A load's checks: bounds, alignment, other CTAs' writes; `initialised` too unless the caller
/// keeps track of unwritten bytes itself. Returns the bytes, or null.
const uint8_t *checkLoad(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                         bool initialised, const Range **found = nullptr);
/// A store's checks and shadow; returns where to store, or null.
uint8_t *checkStore(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes);
/// Bounds and alignment in shared memory.
bool checkShared(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                 uint32_t align, Doing doing);
/// Stores what the lanes' cp.async copies have fetched, waited for or not.
void landCopies(Warp &w, uint32_t mask);
/// A lane's bytes at an address of local memory; null if it may not be touched.
uint8_t *checkLocal(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                    Doing doing);
/// Bytes of the kernel's parameters, or null.
const uint8_t *checkParameter(Warp &w, const Inst &i, unsigned lane, uint64_t address,
                              uint32_t bytes);
/// Adds the wavefronts of a warp's access to the CTA's counters.
void countBanks(Cta &cta, uint32_t mask, const uint64_t *address, uint32_t bytes);

} // namespace vitc::emu

#endif // VITC_EMULATOR_ACCESS_H
