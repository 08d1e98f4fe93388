//===- Parallel.cpp - Work on several threads ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Parallel.h"
#include "runtime/Signals.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace vitrt {
namespace {

/// What the threads share.
struct Loop {
  Loop(size_t count, const std::function<Status(size_t)> &work) : count(count), work(work) {}

  const size_t count;
  const std::function<Status(size_t)> &work;
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex; // of the two below
  size_t first = 0; // that failed
  Status failure;

  void run() {
    for (size_t i; !failed && (i = next++) < count;) {
      Status done;
      try {
        done = work(i);
      } catch (const std::exception &) {
        done = {VIT_OUT_OF_MEMORY, std::string()};
      }
      if (done)
        continue;
      std::lock_guard lock(mutex);
      if (!failed || i < first) {
        first = i;
        failure = std::move(done);
      }
      failed = true;
    }
  }
};

} // namespace

Status parallelFor(size_t count, const std::function<Status(size_t)> &work) {
  Loop loop(count, work);
  size_t wanted = std::min({count, mostThreads, size_t(std::thread::hardware_concurrency())});
  std::vector<std::thread> threads;
  threads.reserve(mostThreads);
  if (wanted > 1) {
    SignalsBlocked blocked;
    try {
      while (threads.size() + 1 < wanted)
        threads.emplace_back([&loop] { loop.run(); });
    } catch (const std::exception &) { // as many as there are
    }
  }
  loop.run();
  for (std::thread &thread : threads)
    thread.join();
  return std::move(loop.failure);
}

void parallelParts(size_t count, size_t valuesOfEach,
                   const std::function<void(size_t begin, size_t end)> &work) {
  constexpr size_t worthThread = size_t(1)
                                 << 18; // values: 0.2 ms, several times what a thread costs
  size_t least = std::max<size_t>(1, worthThread / std::max<size_t>(1, valuesOfEach));
  size_t parts = std::clamp<size_t>(count / least, 1, mostThreads);
  if (parts == 1)
    return work(0, count);
  Status done = parallelFor(parts, [&](size_t part) -> Status {
    work(count * part / parts, count * (part + 1) / parts);
    return {};
  });
  if (!done)
    throw std::bad_alloc();
}

} // namespace vitrt
