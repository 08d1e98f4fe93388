//===- Pool.h - Threads that run tiles -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One pool serves all models of a process: those that run at the same time share
// its threads, and each that calls keeps one of them from taking new work. A
// thread that calls takes part in its own work and never depends on others:
// where they are busy, or gone because the process forked, it does all of it.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CPU_POOL_H
#define VITC_RUNTIME_CPU_POOL_H

#include <condition_variable>
#include <memory>
#include <mutex>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace vitrt {

/// Work that up to `limit` threads share. Each that takes part calls work() once, with a number of
/// its own below `limit`; the caller has 0. It returns when nothing is left to take.
class PoolWork {
public:
  explicit PoolWork(int limit) : limit(limit) {}
  virtual void work(int participant) = 0;

protected:
  ~PoolWork() = default;

private:
  friend class Pool;
  const int limit;
  int joined = 1; ///< of the pool's mutex, as what follows
  int inside = 0;
};

class Pool {
public:
  /// The pool of the process, with at least `threads` threads, callers among them; fewer where no
  /// more can be started. It ends with its last user.
  static std::shared_ptr<Pool> get(int threads);
  Pool() = default;
  Pool(const Pool &) = delete;
  ~Pool();

  /// Threads that can work, callers' own among them as one.
  int size();
  /// Returns when all that take part have returned.
  void run(PoolWork &work);

private:
  void grow(int threads);
  void serve();
  PoolWork *next(); ///< that may have another participant; the mutex is held

  std::mutex mutex;
  std::condition_variable comes, leaves;
  std::vector<std::thread> threads;
  std::vector<PoolWork *> offered; ///< in the order they came
  int wanted = 1;                  ///< threads at work at most
  int busy = 0;                    ///< callers and others
  bool ends = false;
  const pid_t process = currentProcess();
  static pid_t currentProcess();
  static void endOf(Pool *pool);
};

} // namespace vitrt
#endif // VITC_RUNTIME_CPU_POOL_H
