//===- Warp.h - 32 lanes, and the CTA they belong to ----------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A warp executes one instruction for all its active lanes at a time. Lanes that part at a branch
// meet again at its immediate post-dominator: a stack keeps the groups that wait. Warps of a CTA
// run one after the other from barrier to barrier, on one host thread.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_WARP_H
#define VITC_EMULATOR_WARP_H

#include "Launch.h"
#include "SharedShadow.h"

#include <bit>
#include <cstring>
#include <unordered_map>

namespace vitc::emu {

/// Where shared and local memory and the parameters start in the generic space, 4 GiB each; no host
/// address reaches them.
constexpr uint64_t sharedWindow = 1ull << 60, localWindow = 2ull << 60, paramWindow = 3ull << 60;
/// Parameters of calls are local memory; their addresses in the parameter space start here.
constexpr uint64_t callParameters = 1ull << 30;

inline bool inWindow(uint64_t address, uint64_t window) { return address - window < 1ull << 32; }

class Cta;

/// The lanes of one cp.async that have not been waited for, with the data they will store.
struct PendingCopy {
  PendingCopy() {} // zeroing it would cost more than the copy
  uint32_t lanes;
  uint32_t group; ///< the commit group, counted per thread
  uint32_t size;
  uint32_t address[warpSize];
  uint16_t unwritten[warpSize];
  uint8_t data[warpSize][16];
};

class Warp {
public:
  enum class State : uint8_t { Ready, Waiting, Done };

  void start(Cta &cta, uint32_t index);
  /// Runs until a barrier, the end, or a stop.
  void run();

  template <class T> T get(uint32_t slot, unsigned lane) const {
    T value;
    if constexpr (sizeof(T) == 8)
      memcpy(&value, file + slot + 2 * lane, 8);
    else
      memcpy(&value, file + slot + lane, sizeof(T));
    return value;
  }
  template <class T> void set(uint32_t slot, unsigned lane, T value) {
    if constexpr (sizeof(T) == 8) {
      memcpy(file + slot + 2 * lane, &value, 8);
    } else if constexpr (sizeof(T) == 4) {
      memcpy(file + slot + lane, &value, 4);
    } else {
      uint32_t wide = 0; // 8- and 16-bit values are kept zero-extended
      memcpy(&wide, &value, sizeof(T));
      file[slot + lane] = wide;
    }
  }

  /// Reports for the lowest lane of `lanes`.
  void report(const Inst &inst, unsigned lane, Kind kind, std::string text);
  void report(const Inst &inst, unsigned lane, const Hazard &hazard);
  uint32_t threadOf(unsigned lane) const { return index * warpSize + lane; }
  Accessor accessor(unsigned lane) const { return {clock, threadOf(lane)}; }
  /// Accesses before this are ordered before those after it, for this warp.
  void tick();
  /// membar and fence; `device`: other CTAs are meant, too.
  void fence(bool device);
  /// Around an atomic or strong access at an address of shared or global memory; see Order.cpp.
  void beforeStrongWrite(uint64_t place, bool release);
  void afterStrongRead(uint64_t place, bool acquire);
  /// Lets the other warps run at the next branch: this one waits for them.
  void yieldSoon() { sliceEnd = 0; }
  /// True if all lanes execute `inst`; otherwise reports that it needs the whole warp.
  bool converged(const Inst &inst, uint32_t mask);

  uint32_t *file = nullptr; ///< registers: slots of 32 lanes
  uint32_t *predicates = nullptr;
  uint32_t *clock = nullptr; ///< see SharedShadow.h
  Cta *cta = nullptr;
  uint32_t index = 0;
  uint32_t exist = 0; ///< lanes below the thread count
  uint32_t live = 0;  ///< lanes that have not exited
  State state = State::Done;
  uint32_t barrier = 0, barrierThreads = 0;   ///< while Waiting
  uint32_t waitingMask = 0, waitingValue = 0; ///< lanes at the barrier, and what bar.red combines
  const Inst *waitingAt = nullptr;
  uint64_t executed = 0;
  std::vector<PendingCopy> pending;
  uint32_t group[warpSize] = {}; ///< commits so far
  uint32_t carry = 0;            ///< of each lane, between add.cc and addc

private:
  struct Entry {
    uint32_t pc, join, mask;
  };
  void branch(const Inst &inst, uint32_t taken);
  void branchIndexed(const Inst &inst, uint32_t mask);
  void diverge(uint32_t join, const Entry *parts, unsigned count);
  void giveWay();
  std::string trapText(const Inst &inst, unsigned lane) const;
  void exitLanes(uint32_t mask);
  bool arrive(const Inst &inst, uint32_t mask);
  bool settle();

  uint32_t pc = 0, join = noPc, active = 0;
  bool strongRead = false; ///< since the last giveWay
  uint64_t nextGiveWay = 0;
  uint64_t sliceEnd = 0; ///< a branch after that many instructions lets the other warps run
  std::vector<Entry> stack;
  /// The clock at the last fence, and what strong reads since then have seen released.
  std::vector<uint32_t> fenceClock, acquirable;
};

/// One CTA at a time; a host thread reuses its Cta for the whole launch.
class Cta {
public:
  explicit Cta(LaunchContext &launch);
  void run(uint64_t number);

  LaunchContext &launch;
  uint32_t id[3] = {0, 0, 0};
  uint32_t number = 0; ///< in the writers' shadow
  std::vector<uint8_t> shared;
  uint32_t sharedBytes = 0;
  std::vector<uint8_t> local, localWritten; ///< Function::localBytes of each thread; 1: written
  SharedShadow shadow;
  bool countBanks = false;
  uint64_t bankConflicts = 0, sharedAccesses = 0, instructions = 0;
  std::string threadName(uint32_t thread) const;
  /// Where reserved shared memory begins, if the function has any.
  uint32_t reservedAt() const { return sharedBytes - launch.function->reservedShared; }
  size_t warpCount() const { return warps.size(); }
  /// bar.arrive: a warp's threads count, but it does not wait.
  void arriveOnly(Warp &warp, uint32_t barrier);
  /// Clocks that were released at an address.
  std::unordered_map<uint64_t, std::vector<uint32_t>> released;
  /// Towards other CTAs: a fence was passed; an atomic was read; and then a fence.
  bool fenced = false, observed = false, acquired = false;

private:
  void releaseBarriers();
  void release(uint32_t barrier);
  bool anyReady() const;
  void reportStuck();

  std::vector<Warp> warps;
  struct Arrivals {
    uint32_t threads = 0;
    std::vector<uint32_t> clock;
  };
  Arrivals arrivals[16]; ///< by bar.arrive
  struct AlignedDelete {
    void operator()(void *p) const { std::free(p); }
  };
  std::unique_ptr<uint32_t, AlignedDelete> files;
  std::vector<uint32_t> predicates, clocks, order;
};

/// Calls f for each lane of the mask; the full warp gets a loop the compiler can vectorise.
template <class F> inline __attribute__((always_inline)) void forLanes(uint32_t mask, F &&f) {
  if (mask == fullMask) {
#if !defined(__clang__) // which warns where it cannot
#pragma GCC ivdep
#endif
    for (unsigned lane = 0; lane < warpSize; ++lane)
      f(lane);
  } else {
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      f(unsigned(std::countr_zero(rest)));
  }
}

} // namespace vitc::emu

#endif // VITC_EMULATOR_WARP_H
