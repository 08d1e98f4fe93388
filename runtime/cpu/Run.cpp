//===- Run.cpp - The tiles of a run, on several threads --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Run.h"

#include <immintrin.h>
#include <sys/mman.h>

namespace vitrt {

// Weights are read once for each run, megabytes after megabytes: with small pages most of the time
// goes into finding them.
Status HostMemory::allocate(uint64_t bytes, const std::string &about, HostMemory &out) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return {VIT_OUT_OF_MEMORY, "no memory for " + std::to_string(bytes) + " bytes" + about};
  madvise(memory, bytes, MADV_HUGEPAGE); // a wish
  HostMemory made;
  made.begin = memory;
  made.size = bytes;
  out = std::move(made);
  return {};
}

HostMemory::~HostMemory() {
  if (begin)
    munmap(begin, size);
}

TileRun::TileRun(std::span<const TileLaunch> launches, std::span<TileProgress> progress,
                 uint8_t *scratch, uint64_t scratchOfEach, int limit)
    : PoolWork(limit), launches(launches), progress(progress), scratch(scratch),
      scratchOfEach(scratchOfEach) {
  for (TileProgress &one : progress) {
    one.next.store(0, std::memory_order_relaxed);
    one.done.store(0, std::memory_order_relaxed);
  }
}

namespace {
/// Arithmetic as it is by default, with denormal numbers and without traps, whatever the program
/// has set for its thread: bits do not depend on who takes a tile.
class DefaultArithmetic {
public:
  DefaultArithmetic() { _mm_setcsr(0x1f80); }
  DefaultArithmetic(const DefaultArithmetic &) = delete;
  ~DefaultArithmetic() { _mm_setcsr(before); }

private:
  const unsigned before = _mm_getcsr();
};
} // namespace

void TileRun::workOn(size_t index, int participant) {
  DefaultArithmetic arithmetic;
  const TileLaunch &launch = launches[index];
  TileProgress &at = progress[index];
  uint8_t *own = scratch + uint64_t(participant) * scratchOfEach;
  uint64_t did = 0;
  for (uint64_t tile; (tile = at.next.fetch_add(1, std::memory_order_relaxed)) < launch.count;
       ++did)
    launch.function(launch.args, uint32_t(tile % launch.width), uint32_t(tile / launch.width), own);
  if (did && at.done.fetch_add(did, std::memory_order_acq_rel) + did == launch.count)
    at.done.notify_all();
}

void TileRun::work(int participant) {
  // The others are at their last tiles: mostly they are through before a thread could fall asleep.
  constexpr int patience = 4096;
  for (size_t i = 0; i != launches.size(); ++i) {
    workOn(i, participant);
    std::atomic<uint64_t> &done = progress[i].done;
    uint64_t seen = done.load(std::memory_order_acquire);
    for (int spins = 0; seen != launches[i].count && spins != patience; ++spins) {
      _mm_pause();
      seen = done.load(std::memory_order_acquire);
    }
    for (; seen != launches[i].count; seen = done.load(std::memory_order_acquire))
      done.wait(seen, std::memory_order_acquire);
  }
}

} // namespace vitrt
