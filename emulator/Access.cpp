//===- Access.cpp - Checked accesses to global and shared memory ----------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

#include <algorithm>

namespace vitc::emu {

static std::string described(Doing doing, uint32_t bytes) {
  return std::string(doing == Doing::Reads ? "reads " : "writes ") + std::to_string(bytes) +
         (bytes == 1 ? " byte" : " bytes");
}

static std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// "byte 4096 of 'hidden', which has 4096 bytes"
static std::string place(const Range &range, uint64_t address) {
  if (range.begin == range.end)
    return "address " + hex(address) + ", but the argument is no device pointer";
  int64_t offset = int64_t(address - range.begin);
  return "byte " + std::to_string(offset) + " of " +
         (range.name.empty() ? "a buffer" : "'" + range.name + "'") + ", which has " +
         std::to_string(range.end - range.begin) + " bytes";
}

static const Range *rangeIn(const std::vector<Range> &everything, uint64_t address,
                            uint32_t bytes) {
  auto it = std::upper_bound(everything.begin(), everything.end(), address,
                             [](uint64_t a, const Range &r) { return a < r.begin; });
  if (it == everything.begin())
    return nullptr;
  --it;
  return it->contains(address, bytes) ? &*it : nullptr;
}

const Range *locate(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                    Doing doing) {
  const LaunchContext &launch = w.cta->launch;
  const std::vector<Range> &ranges = launch.sites[i.site];
  const Range *found = nullptr;
  for (const Range &range : ranges)
    if (range.contains(address, bytes)) {
      found = &range;
      break;
    }
  if (ranges.empty())
    found = rangeIn(launch.everything, address, bytes);
  if (!found) {
    std::string text = described(doing, bytes) + " at ";
    // Of several buffers, speak of the one it misses least.
    const Range *nearest = nullptr;
    for (const Range &range : ranges) {
      auto distance = [&](const Range &r) {
        return address < r.begin ? r.begin - address : address - r.begin;
      };
      if (!nearest || distance(range) < distance(*nearest))
        nearest = &range;
    }
    text += nearest ? place(*nearest, address)
                    : "address " + hex(address) + ", which is in no allocation";
    w.report(i, lane, Kind::OutOfBounds, text);
    return nullptr;
  }
  if (address & (bytes - 1)) {
    w.report(i, lane, Kind::Misaligned,
             described(doing, bytes) + " at " + place(*found, address) +
                 "; the address is not a multiple of " + std::to_string(bytes));
    return nullptr;
  }
  return found;
}

/// Whether another CTA of this launch wrote, and nothing says that it did so before.
static bool foreign(const Cta &cta, uint32_t writer) {
  const LaunchContext &launch = cta.launch;
  return writer - launch.firstNumber < launch.geometry.ctas() && writer != cta.number &&
         !(cta.acquired && launch.published(writer));
}

bool checkForeignWrites(Warp &w, const Inst &i, unsigned lane, const Allocation &a,
                        uint64_t address, uint32_t bytes) {
  if (i.strong)
    return true;
  const LaunchContext &launch = w.cta->launch;
  uint64_t offset = address - a.address();
  uint32_t newest = a.chunks[offset / chunkBytes].load(std::memory_order_relaxed);
  if (newest < launch.firstNumber && offset % chunkBytes + bytes <= chunkBytes)
    return true;
  for (uint32_t b = 0; b < bytes; ++b)
    if (foreign(*w.cta, a.writers.get()[offset + b])) {
      w.report(i, lane, Kind::Race,
               "reads byte " + std::to_string(offset + b) + " of an allocation, which CTA " +
                   std::to_string(a.writers.get()[offset + b] - launch.firstNumber) +
                   " writes in this launch");
      return false;
    }
  return true;
}

const uint8_t *checkLoad(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                         bool initialised, const Range **found) {
  const Range *range = locate(w, i, lane, address, bytes, Doing::Reads);
  if (!range)
    return nullptr;
  const Allocation &a = *range->allocation;
  if (found)
    *found = range;
  if (initialised && !allWritten(writtenAt(a, address), bytes))
    w.report(i, lane, Kind::Uninitialised,
             described(Doing::Reads, bytes) + " at " + place(*range, address) +
                 "; nothing wrote them");
  checkForeignWrites(w, i, lane, a, address, bytes);
  return a.base + (address - a.address());
}

uint8_t *checkStore(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes) {
  const Range *range = locate(w, i, lane, address, bytes, Doing::Writes);
  if (!range)
    return nullptr;
  Allocation &a = *range->allocation;
  const LaunchContext &launch = w.cta->launch;
  uint64_t offset = address - a.address();
  if (i.strong) {
    memset(a.written.get() + offset, 1, bytes);
    return a.base + offset;
  }
  uint32_t *writers = a.writers.get() + offset, own = w.cta->number, other = 0;
  bool conflict = false;
  for (uint32_t b = 0; b < bytes; ++b) {
    if (foreign(*w.cta, writers[b]))
      conflict = true, other = writers[b];
    writers[b] = own;
  }
  memset(a.written.get() + offset, 1, bytes);
  auto &chunk = a.chunks[offset / chunkBytes];
  uint32_t newest = chunk.load(std::memory_order_relaxed);
  while (newest < launch.firstNumber &&
         !chunk.compare_exchange_weak(newest, launch.firstNumber, std::memory_order_relaxed)) {
  }
  if (conflict)
    w.report(i, lane, Kind::Race,
             described(Doing::Writes, bytes) + " at " + place(*range, address) + "; CTA " +
                 std::to_string(other - launch.firstNumber) + " writes them too");
  return a.base + offset;
}

bool checkShared(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                 uint32_t align, Doing doing) {
  uint32_t limit = w.cta->sharedBytes;
  if (address > limit || bytes > limit - address) {
    w.report(i, lane, Kind::OutOfBounds,
             described(doing, bytes) + " at byte " + std::to_string(int32_t(uint32_t(address))) +
                 " of shared memory, which has " + std::to_string(limit) + " bytes");
    return false;
  }
  if (address & (align - 1)) {
    w.report(i, lane, Kind::Misaligned,
             described(doing, bytes) + " at byte " + std::to_string(address) +
                 " of shared memory, which is not a multiple of " + std::to_string(align));
    return false;
  }
  return true;
}

/// Structures are copied with their padding and with members that nobody set, by words or by bytes,
/// and flags are set in the byte they share. So a read counts as one of an uninitialised value if
/// it is of a word or more, its value is used, and none of its bytes were written.
uint8_t *checkLocal(Warp &w, const Inst &i, unsigned lane, uint64_t address, uint32_t bytes,
                    Doing doing) {
  uint64_t limit = w.cta->launch.function->localBytes;
  auto where = [&] {
    return " at byte " + std::to_string(int64_t(address)) + " of local memory, which ";
  };
  if (address > limit || bytes > limit - address) {
    w.report(i, lane, Kind::OutOfBounds,
             described(doing, bytes) + where() + "has " + std::to_string(limit) + " bytes");
    return nullptr;
  }
  if (address & (bytes - 1)) {
    w.report(i, lane, Kind::Misaligned,
             described(doing, bytes) + where() + "is not a multiple of " + std::to_string(bytes));
    return nullptr;
  }
  uint64_t at = uint64_t(w.threadOf(lane)) * limit + address;
  uint8_t *written = w.cta->localWritten.data() + at;
  if (doing == Doing::Writes)
    memset(written, 1, bytes);
  else if (!i.copies && bytes >= 4 && std::find(written, written + bytes, 1) == written + bytes)
    w.report(i, lane, Kind::Uninitialised, described(doing, bytes) + where() + "nothing wrote");
  return w.cta->local.data() + at;
}

const uint8_t *checkParameter(Warp &w, const Inst &i, unsigned lane, uint64_t address,
                              uint32_t bytes) {
  const std::vector<uint8_t> &parameters = w.cta->launch.parameters;
  if (address <= parameters.size() && bytes <= parameters.size() - address)
    return parameters.data() + address;
  w.report(i, lane, Kind::OutOfBounds,
           described(Doing::Reads, bytes) + " at byte " + std::to_string(address) + " of " +
               std::to_string(parameters.size()) + " bytes of parameters");
  return nullptr;
}

/// A wavefront serves 32 banks of 4 bytes; wide accesses go in groups of 128 bytes.
void countBanks(Cta &cta, uint32_t mask, const uint64_t *address, uint32_t bytes) {
  unsigned lanes = bytes <= 4 ? 32 : 128 / bytes, words = std::max(1u, bytes / 4);
  uint64_t waves = 0, groups = 0;
  for (unsigned first = 0; first < warpSize; first += lanes) {
    uint64_t seen[32][32];
    unsigned used[32] = {}, most = 0;
    for (unsigned l = first; l < first + lanes; ++l) {
      if (!(mask >> l & 1))
        continue;
      for (unsigned k = 0; k < words; ++k) {
        uint64_t word = address[l] / 4 + k;
        unsigned bank = word % 32, n = used[bank];
        if (std::find(seen[bank], seen[bank] + n, word) == seen[bank] + n && n < 32) {
          seen[bank][n] = word;
          most = std::max(most, ++used[bank]);
        }
      }
    }
    waves += most;
    groups += most != 0;
  }
  cta.sharedAccesses += groups;
  cta.bankConflicts += waves - groups;
}

} // namespace vitc::emu
