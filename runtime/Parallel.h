//===- Parallel.h - Work on several threads --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_PARALLEL_H
#define VITC_RUNTIME_PARALLEL_H

#include "runtime/Errors.h"

#include <cstddef>
#include <functional>

namespace vitrt {

/// Never more threads than this, whatever the machine has: a load is one of several things that
/// a program does while it starts.
constexpr size_t mostThreads = 8;

/// Calls work(i) for every i below `count`, on up to mostThreads threads of which the caller's is
/// one, in ascending order of their beginnings. Returns the failure of the lowest i; after one no
/// more begin. Goes on with fewer threads where no more can be started. The others take no signals,
/// for a program's handlers expect its own threads.
Status parallelFor(size_t count, const std::function<Status(size_t)> &work);

/// Calls work(begin, end) for parts that together are 0 to `count`, on threads as parallelFor() if
/// there are enough values to be worth one: `valuesOfEach` for each that is counted. `work` fails
/// for want of memory alone, which is thrown here.
void parallelParts(size_t count, size_t valuesOfEach,
                   const std::function<void(size_t begin, size_t end)> &work);

} // namespace vitrt
#endif // VITC_RUNTIME_PARALLEL_H
