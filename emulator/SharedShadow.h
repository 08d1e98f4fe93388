//===- SharedShadow.h - Who touched which byte of shared memory -----------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Happens-before for shared memory. Each warp has a clock that ticks at every barrier; an access is
// stamped with its thread and its warp's clock. `clock[w]` of a warp says which accesses of warp w
// a barrier has ordered before it: those stamped below that value. A byte keeps its last write and
// two readers of different warps, which is enough to see that some reader was not waited for.
//
// Most traffic is 16-byte rows, so the shadow is kept per 16-byte granule and split into bytes
// only when an access covers part of one.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_SHAREDSHADOW_H
#define VITC_EMULATOR_SHAREDSHADOW_H

#include <cstdint>
#include <vector>

namespace vitc::emu {

/// Why an access is wrong; `thread` is the other thread of a conflict.
struct Hazard {
  enum Kind : uint8_t {
    None,
    Uninitialised,
    Open,
    Async,
    WriteWrite,
    ReadWrite,
    WriteRead,
    OpenWrite
  } kind = None;
  uint32_t address = 0;
  uint32_t thread = 0;
  bool collective = false; ///< the whole warp of that thread
  explicit operator bool() const { return kind != None; }
};

/// The accessing thread and what is ordered before it.
struct Accessor {
  const uint32_t *clock;   ///< of its warp, one entry per warp of the CTA
  uint32_t thread;         ///< in the CTA
  bool collective = false; ///< on behalf of every lane (ldmatrix)
  bool atomic = false;
};

class SharedShadow {
public:
  static constexpr uint32_t timeBits = 19, maximumTime = (1u << timeBits) - 1;

  /// Nothing is written yet; call at the start of each CTA.
  void reset(uint32_t bytes);
  /// Whole granules that hold something from the start.
  void initialise(uint32_t address, uint32_t bytes);

  Hazard read(const Accessor &who, uint32_t address, uint32_t bytes) {
    if ((address & 15) == 0 && bytes == 16) {
      Granule &g = granules[address >> 4];
      if (!g.split && !g.unwritten && !(g.write & openBit) && ordered(g.write, who)) {
        noteReader(g.read0, g.read1, who);
        return {};
      }
    }
    return readSlow(who, address, bytes);
  }
  Hazard write(const Accessor &who, uint32_t address, uint32_t bytes) {
    Granule &g = granules[address >> 4];
    if (bytes == 16 && free(g, who, address)) {
      g = {record(who), 0, 0, 0, 0};
      return {};
    }
    return store(who, address, bytes, 0, true);
  }
  /// A cp.async into these bytes was issued: until `land` nobody may touch them.
  Hazard open(const Accessor &who, uint32_t address, uint32_t bytes) {
    Granule &g = granules[address >> 4];
    if (bytes == 16 && free(g, who, address)) {
      g = {record(who) | openBit, 0, 0, g.unwritten, 0};
      return {};
    }
    return store(who, address, bytes, openBit, false);
  }
  /// The issuing thread has waited. Bit b of `unwritten`: byte b came from memory nobody wrote.
  void land(const Accessor &who, uint32_t address, uint32_t bytes, uint32_t unwritten);

private:
  // A record: flags, thread in the CTA, time. 0 is "never".
  static constexpr uint32_t openBit = 1u << 31, asyncBit = 1u << 30, atomicBit = 1u << 29;
  static constexpr uint32_t manyBit = 1u << 31; ///< of a reader: several lanes of its warp
  static uint32_t timeOf(uint32_t record) { return record & maximumTime; }
  static uint32_t threadOf(uint32_t record) { return (record >> timeBits) & 1023; }
  static uint32_t record(const Accessor &who) {
    return who.thread << timeBits | who.clock[who.thread >> 5] | (who.atomic ? atomicBit : 0);
  }
  static bool ordered(uint32_t record, const Accessor &who) {
    uint32_t thread = threadOf(record);
    return timeOf(record) < who.clock[thread >> 5] || (thread == who.thread && !who.collective);
  }
  static bool orderedReader(uint32_t record, const Accessor &who) {
    uint32_t thread = threadOf(record);
    return timeOf(record) < who.clock[thread >> 5] || (thread == who.thread && !(record & manyBit));
  }
  static void noteReader(uint32_t &read0, uint32_t &read1, const Accessor &who) {
    uint32_t now = record(who) | (who.collective ? manyBit : 0), warp = who.thread >> 5;
    uint32_t &slot = !read0 || threadOf(read0) >> 5 == warp ? read0 : read1;
    if (slot && threadOf(slot) >> 5 == warp) {
      bool sameTime = timeOf(slot) == timeOf(now);
      slot = sameTime && (threadOf(slot) != who.thread || (slot & manyBit)) ? now | manyBit : now;
    } else if (!slot || timeOf(slot) < who.clock[threadOf(slot) >> 5]) {
      slot = now;
    } else if (timeOf(read0) < who.clock[threadOf(read0) >> 5]) {
      read0 = now;
    }
  }

  struct Granule {
    uint32_t write, read0, read1;
    uint16_t unwritten; ///< bit b: byte b holds nothing
    uint16_t split;     ///< 1 + index into splits; then the records above are unused
  };
  /// Whether `who` may write the whole granule at `address`, and it is not split.
  static bool free(const Granule &g, const Accessor &who, uint32_t address) {
    return (address & 15) == 0 && !g.split && !(g.write & openBit) &&
           (!g.write || ordered(g.write, who)) && (!g.read0 || orderedReader(g.read0, who)) &&
           (!g.read1 || orderedReader(g.read1, who));
  }
  struct Split {
    uint32_t write[16], read0[16], read1[16];
  };

  Hazard readSlow(const Accessor &who, uint32_t address, uint32_t bytes);
  Hazard store(const Accessor &who, uint32_t address, uint32_t bytes, uint32_t flags, bool fills);
  static Hazard checkStore(const Accessor &who, uint32_t write, uint32_t read0, uint32_t read1,
                           uint32_t address);
  static Hazard checkLoad(const Accessor &who, uint32_t write, bool unwritten, uint32_t address);
  Split &splitOf(Granule &granule);
  void unify(Granule &granule);

  std::vector<Granule> granules;
  std::vector<Split> splits;
  std::vector<uint16_t> freeSplits;
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_SHAREDSHADOW_H
