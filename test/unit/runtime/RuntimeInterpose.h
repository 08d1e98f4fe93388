//===- RuntimeInterpose.h - Counts what a run allocates and what stays -----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The test's own malloc counts the calls of a thread that asks for it, outside
// the driver: what the emulator does to emulate is not the runtime's. Functions
// in front of the driver's count what was made and not given back.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_RUNTIMEINTERPOSE_H
#define VITC_TEST_UNIT_RUNTIMEINTERPOSE_H

#include "runtime/cuda/Driver.h"

#include <atomic>

namespace interpose {

/// While set, allocations of this thread count.
extern thread_local bool counting;
extern std::atomic<int> allocations;
/// Calls of cuMemAlloc.
extern int deviceAllocations;
/// Contexts retained, modules and streams that live.
extern int live;

/// Puts counting functions in front of the driver's while it lives; `live` begins at 0.
struct Interposed {
  Interposed();
  ~Interposed();
  vitrt::Driver *table;
};

} // namespace interpose
#endif // VITC_TEST_UNIT_RUNTIMEINTERPOSE_H
