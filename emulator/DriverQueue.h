//===- DriverQueue.h - Work that runs later -------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// With async=SEED launches and copies do not run when they are enqueued but some time later, in any
// order that streams and events allow, so that a wait that is missing shows.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_DRIVERQUEUE_H
#define VITC_EMULATOR_DRIVERQUEUE_H

#include "Driver.h"

#include <functional>
#include <thread>

namespace vitc::emu {

/// A buffer that vitEmuRegister named, for the next launch of its thread or node of a graph.
struct Registration {
  uint64_t ptr = 0;
  size_t bytes = 0;
  std::string name;
  bool fresh = false;
};

/// What is enqueued and has not run. Every function may be called from any thread.
///
/// Work of a stream runs in its order. The default stream waits for what other streams hold, and
/// they for what it holds, but for streams that do not block. Time passes in calls of the driver
/// only, so one thread with one seed always sees the same order.
class Queue {
public:
  using Work = std::function<CUresult()>;

  /// 0: everything runs when it is enqueued. Runs what there is before.
  void configure(uint64_t seed);
  bool isOn() const { return seed.load(std::memory_order_relaxed) != 0; }

  /// Returns the number of the work, which finish() takes.
  uint64_t enqueue(CUstream stream, Work work);
  /// Work of a graph, and the places of that before it.
  struct GraphWork {
    Work work;
    std::vector<size_t> after;
  };
  /// The whole belongs to the stream's order, and comes after work `before`; inside of it only what
  /// each says counts. Returns the number of its end.
  uint64_t enqueueGraph(CUstream stream, std::vector<GraphWork> graph, uint64_t before);
  /// What is enqueued on `stream` from now on runs after work `number`.
  void waitFor(CUstream stream, uint64_t number);
  /// Runs work, whichever may run, until number `number` is done. Returns the first error of work
  /// since the last call, as drivers tell it.
  CUresult finish(uint64_t number);
  CUresult finishStream(CUstream stream);
  CUresult finishAll();
  bool isPending(uint64_t number);
  bool isStreamPending(CUstream stream);

  void addStream(CUstream stream, bool blocking);
  void forgetStream(CUstream stream); ///< what it holds still runs

  void remember(Registration registration);
  std::vector<Registration> takeRegistrations();
  /// The memory is free: nothing that was remembered of it may fall on its next owner.
  void forgetRegistrations(uint64_t ptr, uint64_t bytes);

private:
  struct Item {
    CUstream stream;
    std::vector<uint64_t> after;
    Work work;
  };
  struct Stream {
    uint64_t last = 0; ///< the work that was enqueued last
    bool blocking = true;
  };

  // With the mutex held.
  static bool isDefault(CUstream stream) { return reinterpret_cast<uintptr_t>(stream) <= 1; }
  uint64_t add(CUstream stream, std::vector<uint64_t> after, Work work);
  void runSome(uint64_t count);
  bool runOne();
  CUresult takeError();
  uint64_t random();

  std::mutex mutex;
  std::atomic<uint64_t> seed{0};
  uint64_t state = 0, next = 1;
  std::map<uint64_t, Item> items; ///< by number
  std::map<CUstream, Stream> streams;
  std::map<std::thread::id, std::vector<Registration>> registrations;
  CUresult error = CUDA_SUCCESS;
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_DRIVERQUEUE_H
