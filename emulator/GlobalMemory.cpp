//===- GlobalMemory.cpp - Device memory with a shadow per byte ------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Allocation, named buffers, lookup. The shadows are zero pages until somebody writes to them.
//
//===----------------------------------------------------------------------===//

#include "GlobalMemory.h"

#include <cstring>

namespace vitc::emu {

Allocation *GlobalMemory::allocate(uint64_t bytes, std::string name) {
  if (!bytes)
    return nullptr;
  // Room for the alignment that cuMemAlloc promises.
  uint64_t padded = (bytes + 255) / 256 * 256;
  std::lock_guard lock(mutex);
  if (padded < bytes || padded > capacity - inUse)
    return nullptr;
  auto allocation = std::make_shared<Allocation>();
  allocation->data.reset(static_cast<uint8_t *>(std::aligned_alloc(256, padded)));
  allocation->written.reset(static_cast<uint8_t *>(std::calloc(bytes, 1)));
  allocation->writers.reset(static_cast<uint32_t *>(std::calloc(bytes, sizeof(uint32_t))));
  allocation->chunks.reset(new (std::nothrow)
                               std::atomic<uint32_t>[(bytes + chunkBytes - 1) / chunkBytes]());
  if (!allocation->data || !allocation->written || !allocation->writers || !allocation->chunks)
    return nullptr;
  allocation->base = allocation->data.get();
  allocation->size = bytes;
  allocation->name = std::move(name);
  inUse += padded;
  Allocation *result = allocation.get();
  allocations.emplace(result->address(), std::move(allocation));
  return result;
}

bool GlobalMemory::release(uint64_t ptr) {
  std::lock_guard lock(mutex);
  auto it = allocations.find(ptr);
  if (it == allocations.end())
    return false;
  uint64_t end = ptr + it->second->size;
  inUse -= (it->second->size + 255) / 256 * 256;
  buffers.erase(buffers.lower_bound(ptr), buffers.lower_bound(end));
  allocations.erase(it);
  return true;
}

template <class Map> static auto floorOf(Map &map, uint64_t ptr) {
  auto it = map.upper_bound(ptr);
  return it == map.begin() ? map.end() : std::prev(it);
}

std::shared_ptr<Allocation> GlobalMemory::find(uint64_t ptr, uint64_t bytes) const {
  std::lock_guard lock(mutex);
  auto it = floorOf(allocations, ptr);
  return it != allocations.end() && it->second->contains(ptr, bytes) ? it->second : nullptr;
}

bool GlobalMemory::resolve(uint64_t ptr, Range &out) const {
  std::lock_guard lock(mutex);
  auto it = floorOf(allocations, ptr);
  if (it == allocations.end() || !it->second->contains(ptr, 1))
    return false;
  out = {it->first, it->first + it->second->size, it->second->name, it->second};
  auto buffer = floorOf(buffers, ptr);
  if (buffer != buffers.end() && ptr - buffer->first < buffer->second.bytes) {
    out.begin = buffer->first;
    out.end = buffer->first + buffer->second.bytes;
    out.name = buffer->second.name;
  }
  return true;
}

bool GlobalMemory::registerBuffer(uint64_t ptr, uint64_t bytes, std::string name, bool fresh) {
  std::lock_guard lock(mutex);
  auto it = floorOf(allocations, ptr);
  if (!bytes || it == allocations.end() || !it->second->contains(ptr, bytes))
    return false;
  auto old = buffers.upper_bound(ptr);
  if (old != buffers.begin())
    --old;
  while (old != buffers.end() && old->first < ptr + bytes)
    old = old->first + old->second.bytes > ptr ? buffers.erase(old) : std::next(old);
  buffers[ptr] = {bytes, std::move(name)};
  if (fresh)
    memset(it->second->written.get() + (ptr - it->first), 0, bytes);
  return true;
}

std::vector<Range> GlobalMemory::snapshot() const {
  std::lock_guard lock(mutex);
  std::vector<Range> result;
  for (const auto &[ptr, allocation] : allocations)
    result.push_back({ptr, ptr + allocation->size, allocation->name, allocation});
  return result;
}

uint64_t GlobalMemory::used() const {
  std::lock_guard lock(mutex);
  return inUse;
}

uint32_t GlobalMemory::reserveNumbers(uint32_t ctas) {
  std::unique_lock lock(mutex);
  if (nextNumber + ctas > 0xffffffffull) {
    lock.unlock();
    std::unique_lock alone(running);
    lock.lock();
    for (auto &[ptr, allocation] : allocations) {
      memset(allocation->writers.get(), 0, allocation->size * sizeof(uint32_t));
      for (uint64_t i = 0; i * chunkBytes < allocation->size; ++i)
        allocation->chunks[i].store(0, std::memory_order_relaxed);
    }
    nextNumber = 1;
  }
  uint32_t first = uint32_t(nextNumber);
  nextNumber += ctas;
  return first;
}

} // namespace vitc::emu
