//===- Threads.h - How many threads there can be ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_THREADS_H
#define DRIVER_RUN_THREADS_H

namespace vitc::driver {

/// How many threads besides those that run the system starts, at most `most`: fewer where a limit
/// (ulimit -u, ulimit -v, a container's) is near. Libraries that start threads end the process
/// there.
unsigned spareThreads(unsigned most);

} // namespace vitc::driver
#endif // DRIVER_RUN_THREADS_H
