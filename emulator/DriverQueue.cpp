//===- DriverQueue.cpp - Work that runs later -----------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "DriverQueue.h"

#include <algorithm>
#include <utility>

namespace vitc::emu {

uint64_t Queue::random() {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

void Queue::configure(uint64_t newSeed) {
  std::lock_guard lock(mutex);
  while (runOne())
    ;
  error = CUDA_SUCCESS;
  registrations.clear();
  seed = state = newSeed;
}

/// One piece of work that may run; false if there is none.
bool Queue::runOne() {
  std::vector<uint64_t> ready;
  for (const auto &[number, item] : items)
    if (std::none_of(item.after.begin(), item.after.end(),
                     [&](uint64_t before) { return items.count(before) != 0; }))
      ready.push_back(number);
  if (ready.empty())
    return false;
  auto it = items.find(ready[random() % ready.size()]);
  CUresult result = it->second.work();
  items.erase(it);
  if (error == CUDA_SUCCESS)
    error = result;
  return true;
}

void Queue::runSome(uint64_t count) {
  while (count-- && runOne())
    ;
}

CUresult Queue::takeError() { return std::exchange(error, CUDA_SUCCESS); }

uint64_t Queue::add(CUstream stream, std::vector<uint64_t> after, Work work) {
  if (isDefault(stream))
    stream = nullptr;
  Stream &own = streams[stream];
  after.push_back(own.last);
  for (const auto &[other, state] : streams)
    if (isDefault(stream) ? state.blocking : own.blocking && isDefault(other))
      after.push_back(state.last);
  uint64_t number = next++;
  items.emplace(number, Item{stream, std::move(after), std::move(work)});
  own.last = number;
  runSome(random() % 3); // a device that is slow, or fast
  return number;
}

uint64_t Queue::enqueue(CUstream stream, Work work) {
  std::lock_guard lock(mutex);
  return add(stream, {}, std::move(work));
}

uint64_t Queue::enqueueGraph(CUstream stream, std::vector<GraphWork> graph, uint64_t before) {
  std::lock_guard lock(mutex);
  uint64_t begin = add(stream, {before}, [] { return CUDA_SUCCESS; });
  std::vector<uint64_t> numbers;
  for (GraphWork &one : graph) {
    std::vector<uint64_t> after = {begin};
    for (size_t place : one.after)
      after.push_back(numbers[place]);
    numbers.push_back(next++);
    items.emplace(numbers.back(), Item{stream, std::move(after), std::move(one.work)});
  }
  return add(stream, std::move(numbers), [] { return CUDA_SUCCESS; });
}

void Queue::waitFor(CUstream stream, uint64_t number) {
  std::lock_guard lock(mutex);
  add(stream, {number}, [] { return CUDA_SUCCESS; });
}

CUresult Queue::finish(uint64_t number) {
  std::lock_guard lock(mutex);
  while (items.count(number) && runOne())
    ;
  return takeError();
}

CUresult Queue::finishStream(CUstream stream) {
  std::lock_guard lock(mutex);
  uint64_t number = add(stream, {}, [] { return CUDA_SUCCESS; });
  while (items.count(number) && runOne())
    ;
  return takeError();
}

CUresult Queue::finishAll() {
  std::lock_guard lock(mutex);
  while (runOne())
    ;
  return takeError();
}

bool Queue::isPending(uint64_t number) {
  std::lock_guard lock(mutex);
  runSome(random() % 2); // who asks again and again gets there
  return items.count(number) != 0;
}

bool Queue::isStreamPending(CUstream stream) {
  std::lock_guard lock(mutex);
  runSome(random() % 2);
  return items.count(streams[isDefault(stream) ? nullptr : stream].last) != 0;
}

void Queue::addStream(CUstream stream, bool blocking) {
  std::lock_guard lock(mutex);
  streams[stream] = {0, blocking};
}

void Queue::forgetStream(CUstream stream) {
  std::lock_guard lock(mutex);
  streams.erase(stream);
}

void Queue::remember(Registration registration) {
  std::lock_guard lock(mutex);
  registrations[std::this_thread::get_id()].push_back(std::move(registration));
}

std::vector<Registration> Queue::takeRegistrations() {
  std::lock_guard lock(mutex);
  auto it = registrations.find(std::this_thread::get_id());
  if (it == registrations.end())
    return {};
  std::vector<Registration> taken = std::move(it->second);
  registrations.erase(it);
  return taken;
}

void Queue::forgetRegistrations(uint64_t ptr, uint64_t bytes) {
  std::lock_guard lock(mutex);
  for (auto &[thread, remembered] : registrations)
    std::erase_if(remembered, [&](const Registration &one) {
      return one.ptr < ptr + bytes && ptr < one.ptr + one.bytes;
    });
}

} // namespace vitc::emu
