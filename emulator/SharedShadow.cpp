//===- SharedShadow.cpp - Who touched which byte of shared memory ---------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The general case: any address and size, split granules.
//
//===----------------------------------------------------------------------===//

#include "SharedShadow.h"

#include <algorithm>

namespace vitc::emu {

void SharedShadow::reset(uint32_t bytes) {
  granules.assign((bytes + 15) / 16, Granule{0, 0, 0, 0xffff, 0});
  splits.clear();
  freeSplits.clear();
}

void SharedShadow::initialise(uint32_t address, uint32_t bytes) {
  for (uint32_t at = address / 16; at < (address + bytes) / 16; ++at)
    granules[at].unwritten = 0;
}

SharedShadow::Split &SharedShadow::splitOf(Granule &granule) {
  if (granule.split)
    return splits[granule.split - 1];
  if (freeSplits.empty()) {
    splits.emplace_back();
    freeSplits.push_back(uint16_t(splits.size()));
  }
  granule.split = freeSplits.back();
  freeSplits.pop_back();
  Split &split = splits[granule.split - 1];
  std::fill_n(split.write, 16, granule.write);
  std::fill_n(split.read0, 16, granule.read0);
  std::fill_n(split.read1, 16, granule.read1);
  return split;
}

void SharedShadow::unify(Granule &granule) {
  if (granule.split)
    freeSplits.push_back(granule.split);
  granule.split = 0;
}

Hazard SharedShadow::checkLoad(const Accessor &who, uint32_t write, bool unwritten,
                               uint32_t address) {
  if (write & openBit)
    return {Hazard::Open, address, threadOf(write)};
  if (write && !ordered(write, who) && !(who.atomic && (write & atomicBit)))
    return {write & asyncBit ? Hazard::Async : Hazard::WriteRead, address, threadOf(write)};
  if (unwritten)
    return {Hazard::Uninitialised, address, 0};
  return {};
}

Hazard SharedShadow::checkStore(const Accessor &who, uint32_t write, uint32_t read0, uint32_t read1,
                                uint32_t address) {
  if (write & openBit)
    return {Hazard::OpenWrite, address, threadOf(write)};
  // Readers first: a conflict of two writes is none where both wrote the same.
  for (uint32_t reader : {read0, read1})
    if (reader && !orderedReader(reader, who) && !(who.atomic && (reader & atomicBit)))
      return {Hazard::ReadWrite, address, threadOf(reader), (reader & manyBit) != 0};
  bool atomics = who.atomic && (write & atomicBit);
  if (write && !atomics && !ordered(write, who))
    return {Hazard::WriteWrite, address, threadOf(write)};
  return {};
}

Hazard SharedShadow::readSlow(const Accessor &who, uint32_t address, uint32_t bytes) {
  Hazard first;
  for (uint32_t done = 0; done < bytes;) {
    Granule &g = granules[(address + done) >> 4];
    uint32_t low = (address + done) & 15, high = std::min(16u, low + bytes - done);
    uint32_t base = address + done - low;
    if (!g.split && low == 0 && high == 16) {
      if (!first)
        first = checkLoad(who, g.write, g.unwritten != 0, base);
      noteReader(g.read0, g.read1, who);
    } else {
      Split &s = splitOf(g);
      for (uint32_t b = low; b < high; ++b) {
        bool same = b > low && s.write[b] == s.write[b - 1];
        if (!first && (!same || (g.unwritten >> b & 1)))
          first = checkLoad(who, s.write[b], g.unwritten >> b & 1, base + b);
        noteReader(s.read0[b], s.read1[b], who);
      }
    }
    done += high - low;
  }
  return first;
}

Hazard SharedShadow::store(const Accessor &who, uint32_t address, uint32_t bytes, uint32_t flags,
                           bool fills) {
  Hazard first;
  uint32_t now = record(who) | flags;
  for (uint32_t done = 0; done < bytes;) {
    Granule &g = granules[(address + done) >> 4];
    uint32_t low = (address + done) & 15, high = std::min(16u, low + bytes - done);
    uint32_t base = address + done - low;
    bool whole = low == 0 && high == 16;
    if (whole && !g.split) {
      if (!first)
        first = checkStore(who, g.write, g.read0, g.read1, base);
    } else {
      Split &s = splitOf(g);
      for (uint32_t b = low; b < high; ++b) {
        if (!first)
          first = checkStore(who, s.write[b], s.read0[b], s.read1[b], base + b);
        s.write[b] = now;
        s.read0[b] = s.read1[b] = 0;
      }
    }
    if (whole) {
      unify(g);
      g.write = now;
      g.read0 = g.read1 = 0;
    }
    if (fills)
      g.unwritten &= uint16_t(~(((1u << (high - low)) - 1) << low));
    done += high - low;
  }
  return first;
}

void SharedShadow::land(const Accessor &who, uint32_t address, uint32_t bytes, uint32_t unwritten) {
  uint32_t now = record(who) | asyncBit;
  for (uint32_t done = 0; done < bytes;) {
    Granule &g = granules[(address + done) >> 4];
    uint32_t low = (address + done) & 15, high = std::min(16u, low + bytes - done);
    uint32_t bits = ((1u << (high - low)) - 1) << low;
    if (low == 0 && high == 16) {
      unify(g);
      g.write = now;
    } else {
      Split &s = splitOf(g);
      std::fill(s.write + low, s.write + high, now);
    }
    g.unwritten = uint16_t((g.unwritten & ~bits) | ((unwritten >> done << low) & bits));
    done += high - low;
  }
}

} // namespace vitc::emu
