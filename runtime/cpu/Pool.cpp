//===- Pool.cpp - Threads that run tiles -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Pool.h"
#include "runtime/Signals.h"

#include <algorithm>
#include <system_error>
#include <unistd.h>

namespace vitrt {

pid_t Pool::currentProcess() { return getpid(); }

std::shared_ptr<Pool> Pool::get(int threads) {
  // Never destroyed: models of static objects may end after anything that would be.
  static std::mutex creating;
  static auto &shared = *new std::weak_ptr<Pool>;
  std::lock_guard lock(creating);
  std::shared_ptr<Pool> pool = shared.lock();
  if (!pool || pool->process != currentProcess())
    shared = pool = std::shared_ptr<Pool>(new Pool, endOf);
  pool->grow(threads);
  return pool;
}

void Pool::grow(int count) {
  std::lock_guard lock(mutex);
  wanted = std::max(wanted, count);
  SignalsBlocked blocked;
  try {
    while (int(threads.size()) + 1 < wanted)
      threads.emplace_back([this] { serve(); });
  } catch (const std::system_error &) { // as many as there are
  }
}

int Pool::size() {
  std::lock_guard lock(mutex);
  return int(threads.size()) + 1;
}

// In the child of a process the threads are the parent's, and what they wait on is waited on
// forever: not even its destructor may run.
void Pool::endOf(Pool *pool) {
  if (pool->process == currentProcess())
    delete pool;
}

Pool::~Pool() {
  {
    std::lock_guard lock(mutex);
    ends = true;
  }
  comes.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

PoolWork *Pool::next() {
  if (busy >= wanted)
    return nullptr;
  for (PoolWork *work : offered)
    if (work->joined < work->limit)
      return work;
  return nullptr;
}

void Pool::serve() {
  std::unique_lock lock(mutex);
  while (true) {
    PoolWork *work = nullptr;
    comes.wait(lock, [&] { return ends || (work = next()); });
    if (ends)
      return;
    int participant = work->joined++;
    ++work->inside;
    ++busy;
    lock.unlock();
    work->work(participant);
    lock.lock();
    --busy;
    if (--work->inside == 0)
      leaves.notify_all();
  }
}

void Pool::run(PoolWork &work) {
  if (process != currentProcess())
    return work.work(0);
  {
    std::lock_guard lock(mutex);
    offered.push_back(&work);
    ++busy;
  }
  if (work.limit > 1)
    comes.notify_all();
  work.work(0);
  std::unique_lock lock(mutex);
  std::erase(offered, &work);
  leaves.wait(lock, [&] { return work.inside == 0; });
  --busy;
  bool others = !offered.empty();
  lock.unlock();
  if (others) // there is room for a thread more
    comes.notify_one();
}

} // namespace vitrt
