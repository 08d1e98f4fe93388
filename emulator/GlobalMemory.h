//===- GlobalMemory.h - Device memory with a shadow per byte --------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Device memory is host memory; a device address is the host's. Each allocation carries one shadow
// byte per byte (written or not) and, touched only where kernels store, the CTA that wrote each
// byte. Distinct CTAs of a correct kernel store to distinct bytes, so neither shadow needs atomics.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_GLOBALMEMORY_H
#define VITC_EMULATOR_GLOBALMEMORY_H

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

namespace vitc::emu {

struct FreeDeleter {
  void operator()(void *p) const { std::free(p); }
};

/// Bytes of memory that share one "last written by launch" mark.
constexpr uint64_t chunkBytes = 4096;

struct Allocation {
  uint8_t *base = nullptr;
  uint64_t size = 0;
  std::string name; ///< of a module variable; empty for cuMemAlloc
  std::unique_ptr<uint8_t, FreeDeleter> data;
  std::unique_ptr<uint8_t, FreeDeleter> written;   ///< 1 where something was stored
  std::unique_ptr<uint32_t, FreeDeleter> writers;  ///< number of the CTA that stored a byte last
  std::unique_ptr<std::atomic<uint32_t>[]> chunks; ///< highest launch number that stored in a chunk

  uint64_t address() const { return reinterpret_cast<uint64_t>(base); }
  bool contains(uint64_t ptr, uint64_t bytes) const {
    return ptr >= address() && ptr - address() <= size && bytes <= size - (ptr - address());
  }
};

/// [begin, end): what one pointer may reach. The allocation stays alive with it.
struct Range {
  uint64_t begin = 0, end = 0;
  std::string name;
  std::shared_ptr<Allocation> allocation;
  bool contains(uint64_t ptr, uint64_t bytes) const {
    return ptr >= begin && ptr <= end && bytes <= end - ptr;
  }
};

/// All of a device's memory. Every function may be called from any thread.
class GlobalMemory {
public:
  explicit GlobalMemory(uint64_t capacity) : capacity(capacity) {}

  /// Null when the device is full or bytes is 0.
  Allocation *allocate(uint64_t bytes, std::string name = {});
  /// False if `ptr` is not the start of a live allocation.
  bool release(uint64_t ptr);
  /// The allocation that holds [ptr, ptr+bytes), or null.
  std::shared_ptr<Allocation> find(uint64_t ptr, uint64_t bytes) const;
  /// What a kernel argument may reach: its registered buffer, else its allocation; false if none.
  bool resolve(uint64_t ptr, Range &out) const;
  /// Forgets the buffers that [ptr, ptr+bytes) overlaps and adds it; false outside an allocation.
  bool registerBuffer(uint64_t ptr, uint64_t bytes, std::string name, bool fresh);
  /// Every live allocation, by address.
  std::vector<Range> snapshot() const;
  uint64_t used() const;
  uint64_t total() const { return capacity; }

  /// Numbers for the `ctas` CTAs of a launch, none 0. Hold `running` (shared) during a launch:
  /// numbers wrap once in four thousand million CTAs, and the shadow is then wiped while no
  /// launch runs. Call before taking `running`.
  uint32_t reserveNumbers(uint32_t ctas);
  std::shared_mutex running;

private:
  struct Buffer {
    uint64_t bytes;
    std::string name;
  };
  mutable std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<Allocation>> allocations;
  std::map<uint64_t, Buffer> buffers;
  uint64_t capacity, inUse = 0;
  uint64_t nextNumber = 1;
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_GLOBALMEMORY_H
