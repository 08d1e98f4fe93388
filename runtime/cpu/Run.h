//===- Run.h - The tiles of a run, on several threads ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CPU_RUN_H
#define VITC_RUNTIME_CPU_RUN_H

#include "runtime/Backend.h"
#include "runtime/cpu/Pool.h"

#include <atomic>

namespace vitrt {

/// Memory that begins at a multiple of 64 bytes, and asked to be in large pages.
class HostMemory {
public:
  static Status allocate(uint64_t bytes, const std::string &about, HostMemory &out);
  HostMemory() = default;
  HostMemory(HostMemory &&other) noexcept
      : begin(std::exchange(other.begin, nullptr)), size(std::exchange(other.size, 0)) {}
  HostMemory &operator=(HostMemory &&other) noexcept {
    std::swap(begin, other.begin);
    std::swap(size, other.size);
    return *this;
  }
  ~HostMemory();
  uint8_t *data() const { return static_cast<uint8_t *>(begin); }

private:
  void *begin = nullptr;
  uint64_t size = 0;
};

/// One launch: a function and its tiles.
struct TileLaunch {
  vit_cpu_function function;
  const uint64_t *args;
  uint32_t width; ///< of the grid; x goes fastest
  uint64_t count; ///< of tiles
};

/// How far the threads are with a launch.
struct alignas(64) TileProgress {
  std::atomic<uint64_t> next{0}, done{0};
};

/// What runs of one workspace need: memory that the first of them allocates.
struct CpuState : BackendState {
  std::vector<TileProgress> progress; ///< of each step of the plan
  std::vector<TileLaunch> launches;   ///< room for as many
  HostMemory scratch;                 ///< of each participant
};

/// Launches in order; the tiles of one on all threads that take part, which wait for each other
/// behind it.
class TileRun final : public PoolWork {
public:
  /// `progress` is as long as `launches`.
  TileRun(std::span<const TileLaunch> launches, std::span<TileProgress> progress, uint8_t *scratch,
          uint64_t scratchOfEach, int limit);
  void work(int participant) override;
  /// Only the tiles of launch `index`, without waiting: for tasks of a program's own threads.
  void workOn(size_t index, int participant);

private:
  std::span<const TileLaunch> launches;
  std::span<TileProgress> progress;
  uint8_t *scratch;
  const uint64_t scratchOfEach;
};

} // namespace vitrt
#endif // VITC_RUNTIME_CPU_RUN_H
