//===- DriverMemory.cpp - Memory, copies, streams, events -----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything is done when the call returns; streams and events only have to exist.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "vit_emulator.h"

#include <cstring>

using namespace vitc::emu;

bool vitc::emu::knownStream(const Driver &driver, CUstream stream) {
  return reinterpret_cast<uintptr_t>(stream) <= 2 || driver.streams.count(stream);
}

VIT_EXPORT int vitEmuRegister(uint64_t ptr, size_t bytes, const char *name, int fresh) {
  return Driver::get().memory.registerBuffer(ptr, bytes, name ? name : "", fresh != 0) ? 0 : 1;
}

VIT_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *pointer, size_t bytes) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  if (!pointer || !bytes)
    return CUDA_ERROR_INVALID_VALUE;
  Allocation *allocation = Driver::get().memory.allocate(bytes);
  if (!allocation)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *pointer = allocation->address();
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuMemFree_v2(CUdeviceptr pointer) {
  VIT_ENTER_CONTEXT();
  if (!pointer)
    return CUDA_SUCCESS;
  return Driver::get().memory.release(pointer) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VIT_EXPORT CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
  VIT_ENTER_CONTEXT();
  if (!available || !total)
    return CUDA_ERROR_INVALID_VALUE;
  *total = Driver::get().memory.total();
  *available = *total - Driver::get().memory.used();
  return CUDA_SUCCESS;
}

static CUresult checkStream(CUstream stream) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return knownStream(driver, stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult toDevice(CUdeviceptr to, const void *from, size_t bytes) {
  if (!bytes)
    return CUDA_SUCCESS;
  std::shared_ptr<Allocation> a = Driver::get().memory.find(to, bytes);
  if (!a || !from)
    return CUDA_ERROR_INVALID_VALUE;
  uint64_t offset = to - a->address();
  memcpy(a->base + offset, from, bytes);
  memset(a->written.get() + offset, 1, bytes);
  return CUDA_SUCCESS;
}

static CUresult toHost(void *to, CUdeviceptr from, size_t bytes) {
  if (!bytes)
    return CUDA_SUCCESS;
  std::shared_ptr<Allocation> a = Driver::get().memory.find(from, bytes);
  if (!a || !to)
    return CUDA_ERROR_INVALID_VALUE;
  memcpy(to, a->base + (from - a->address()), bytes);
  return CUDA_SUCCESS;
}

/// Unwritten bytes stay unwritten in the copy.
static CUresult onDevice(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  if (!bytes)
    return CUDA_SUCCESS;
  std::shared_ptr<Allocation> source = Driver::get().memory.find(from, bytes);
  std::shared_ptr<Allocation> target = Driver::get().memory.find(to, bytes);
  if (!source || !target)
    return CUDA_ERROR_INVALID_VALUE;
  uint64_t a = from - source->address(), b = to - target->address();
  memmove(target->base + b, source->base + a, bytes);
  memmove(target->written.get() + b, source->written.get() + a, bytes);
  return CUDA_SUCCESS;
}

static CUresult fill(CUdeviceptr to, unsigned char value, size_t bytes) {
  if (!bytes)
    return CUDA_SUCCESS;
  std::shared_ptr<Allocation> a = Driver::get().memory.find(to, bytes);
  if (!a)
    return CUDA_ERROR_INVALID_VALUE;
  uint64_t offset = to - a->address();
  memset(a->base + offset, value, bytes);
  memset(a->written.get() + offset, 1, bytes);
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return toDevice(to, from, bytes);
}
VIT_EXPORT CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return toHost(to, from, bytes);
}
VIT_EXPORT CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return onDevice(to, from, bytes);
}
VIT_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  CUresult known = checkStream(stream);
  return known == CUDA_SUCCESS ? toDevice(to, from, bytes) : known;
}
VIT_EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  CUresult known = checkStream(stream);
  return known == CUDA_SUCCESS ? toHost(to, from, bytes) : known;
}
VIT_EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  CUresult known = checkStream(stream);
  return known == CUDA_SUCCESS ? onDevice(to, from, bytes) : known;
}
VIT_EXPORT CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return fill(to, value, bytes);
}
VIT_EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                                    CUstream stream) {
  VIT_ENTER_CONTEXT();
  CUresult known = checkStream(stream);
  return known == CUDA_SUCCESS ? fill(to, value, bytes) : known;
}

VIT_EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  if (!stream)
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUstream_st>();
  *stream = made.get();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.streams.emplace(*stream, std::move(made));
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.streams.erase(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VIT_EXPORT CUresult cuStreamSynchronize(CUstream stream) {
  VIT_ENTER_CONTEXT();
  return checkStream(stream);
}
VIT_EXPORT CUresult cuStreamQuery(CUstream stream) {
  VIT_ENTER_CONTEXT();
  return checkStream(stream);
}

VIT_EXPORT CUresult cuEventCreate(CUevent *event, unsigned) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  if (!event)
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUevent_st>();
  *event = made.get();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.events.emplace(*event, std::move(made));
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuEventDestroy_v2(CUevent event) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.events.erase(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VIT_EXPORT CUresult cuEventRecord(CUevent event, CUstream stream) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!driver.events.count(event) || !knownStream(driver, stream))
    return CUDA_ERROR_INVALID_HANDLE;
  event->recorded = true;
  event->time = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuEventSynchronize(CUevent event) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.events.count(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VIT_EXPORT CUresult cuEventQuery(CUevent event) { return cuEventSynchronize(event); }
VIT_EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.events.count(event) && knownStream(driver, stream) ? CUDA_SUCCESS
                                                                   : CUDA_ERROR_INVALID_HANDLE;
}
VIT_EXPORT CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!milliseconds)
    return CUDA_ERROR_INVALID_VALUE;
  if (!driver.events.count(start) || !driver.events.count(end) || !start->recorded ||
      !end->recorded)
    return CUDA_ERROR_INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent start, CUevent end) {
  return cuEventElapsedTime(milliseconds, start, end);
}
