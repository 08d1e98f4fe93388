//===- RuntimeInterpose.h - Counts what a run allocates and what stays -----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Reads of files and allocations fail on demand, too. The test's own malloc counts the calls of a
// thread that asks for it, outside the driver: what the emulator does to emulate is not the
// runtime's. Functions in front of the driver's count what was made and not given back.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_RUNTIMEINTERPOSE_H
#define VITC_TEST_UNIT_RUNTIMEINTERPOSE_H

#include "runtime/cuda/Driver.h"

#include <atomic>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VITC_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VITC_TEST_SANITIZED
#endif

namespace interpose {

/// While set, allocations of this thread count.
extern thread_local bool counting;
extern std::atomic<int> allocations;
/// The next but N-1 allocation of this thread outside the driver fails (not with sanitizers), and
/// the next but N-1 pread of this thread; 0: none.
extern thread_local int failAllocation, failRead;
/// Calls of cuMemAlloc.
extern int deviceAllocations;
/// Contexts retained, modules, streams, graphs and instances of them that live.
extern std::atomic<int> live;

/// Puts counting functions in front of the driver's while it lives; `live` begins at 0.
struct Interposed {
  Interposed();
  ~Interposed();
  vitrt::Driver *table;
};

} // namespace interpose
#endif // VITC_TEST_UNIT_RUNTIMEINTERPOSE_H
