//===- DriverMemory.cpp - Memory, copies, streams, events -----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything is done when the call returns, unless async=N puts it into the queue. Then a copy from
// the host without `Async` has read its source when it returns, and no more: that is what drivers
// promise.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "DriverQueue.h"
#include "vit_emulator.h"

#include <cstring>

using namespace vitc::emu;

bool vitc::emu::knownStream(const Driver &driver, CUstream stream) {
  return reinterpret_cast<uintptr_t>(stream) <= 2 || driver.streams.count(stream);
}

VIT_EXPORT int vitEmuRegister(uint64_t ptr, size_t bytes, const char *name, int fresh) {
  if (!bytes || !Driver::get().memory.find(ptr, bytes))
    return 1;
  if (!queue().isOn())
    Driver::get().memory.registerBuffer(ptr, bytes, name ? name : "", fresh != 0);
  queue().remember({ptr, bytes, name ? name : "", fresh != 0});
  return 0;
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
  queue().finishAll(); // drivers wait for what may use it
  if (std::shared_ptr<Allocation> gone = Driver::get().memory.find(pointer, 1))
    queue().forgetRegistrations(pointer, gone->size);
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

CUresult vitc::emu::checkStream(CUstream stream) {
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

CUresult vitc::emu::order(CUstream stream, const std::function<CUresult()> &work) {
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  if (capture(stream, work))
    return CUDA_SUCCESS;
  if (!queue().isOn())
    return work();
  queue().enqueue(stream, work);
  return CUDA_SUCCESS;
}

/// Pointers are judged at once.
static bool isDevice(CUdeviceptr pointer, size_t bytes) {
  return !bytes || Driver::get().memory.find(pointer, bytes);
}

VIT_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  if (!queue().isOn() || !from || !isDevice(to, bytes))
    return toDevice(to, from, bytes);
  const auto *begin = static_cast<const uint8_t *>(from);
  return order(nullptr, [to, copy = std::vector<uint8_t>(begin, begin + bytes)] {
    return toDevice(to, copy.data(), copy.size());
  });
}
VIT_EXPORT CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  if (CUresult failed = queue().isOn() ? queue().finishStream(nullptr) : CUDA_SUCCESS;
      failed != CUDA_SUCCESS)
    return failed;
  return toHost(to, from, bytes);
}
VIT_EXPORT CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return order(nullptr, [=] { return onDevice(to, from, bytes); });
}
VIT_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  if (bytes && (!from || !isDevice(to, bytes)))
    return CUDA_ERROR_INVALID_VALUE;
  return order(stream, [=] { return toDevice(to, from, bytes); });
}
VIT_EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  if (bytes && (!to || !isDevice(from, bytes)))
    return CUDA_ERROR_INVALID_VALUE;
  return order(stream, [=] { return toHost(to, from, bytes); });
}
VIT_EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                                         CUstream stream) {
  VIT_ENTER_CONTEXT();
  if (!isDevice(to, bytes) || !isDevice(from, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  return order(stream, [=] { return onDevice(to, from, bytes); });
}
VIT_EXPORT CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t bytes) {
  VIT_ENTER_CONTEXT();
  return order(nullptr, [=] { return fill(to, value, bytes); });
}
VIT_EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                                    CUstream stream) {
  VIT_ENTER_CONTEXT();
  if (!isDevice(to, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  return order(stream, [=] { return fill(to, value, bytes); });
}

VIT_EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  if (!stream)
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUstream_st>();
  *stream = made.get();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  queue().addStream(*stream, !(flags & 1)); // CU_STREAM_NON_BLOCKING
  driver.streams.emplace(*stream, std::move(made));
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  queue().forgetStream(stream);
  return driver.streams.erase(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
VIT_EXPORT CUresult cuStreamSynchronize(CUstream stream) {
  VIT_ENTER_CONTEXT();
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  if (CUresult refused = refuseWait(stream); refused != CUDA_SUCCESS)
    return refused;
  return queue().isOn() ? queue().finishStream(stream) : CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuStreamQuery(CUstream stream) {
  VIT_ENTER_CONTEXT();
  CUresult known = checkStream(stream);
  if (known == CUDA_SUCCESS && queue().isOn() && queue().isStreamPending(stream))
    return CUDA_ERROR_NOT_READY;
  return known;
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
  queue().finishAll(); // what records it
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
  auto record = [event] {
    event->time = std::chrono::steady_clock::now();
    event->recorded = true;
    return CUDA_SUCCESS;
  };
  if (!queue().isOn())
    return record();
  event->recorded = false;
  event->work = queue().enqueue(stream, record);
  return CUDA_SUCCESS;
}

/// The work that records a known event, 0 if nothing does.
static CUresult workOf(CUevent event, uint64_t &work) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!driver.events.count(event))
    return CUDA_ERROR_INVALID_HANDLE;
  work = event->work;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuEventSynchronize(CUevent event) {
  VIT_ENTER_CONTEXT();
  uint64_t work = 0;
  CUresult known = workOf(event, work);
  return known == CUDA_SUCCESS && work ? queue().finish(work) : known;
}
VIT_EXPORT CUresult cuEventQuery(CUevent event) {
  VIT_ENTER_CONTEXT();
  uint64_t work = 0;
  CUresult known = workOf(event, work);
  return known == CUDA_SUCCESS && work && queue().isPending(work) ? CUDA_ERROR_NOT_READY : known;
}
VIT_EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  VIT_ENTER_CONTEXT();
  uint64_t work = 0;
  if (CUresult known = workOf(event, work); known != CUDA_SUCCESS)
    return known;
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  if (queue().isOn() && work)
    queue().waitFor(stream, work);
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!milliseconds)
    return CUDA_ERROR_INVALID_VALUE;
  if (!driver.events.count(start) || !driver.events.count(end))
    return CUDA_ERROR_INVALID_HANDLE;
  if (!start->recorded || !end->recorded)
    return start->work && end->work ? CUDA_ERROR_NOT_READY : CUDA_ERROR_INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return CUDA_SUCCESS;
}
VIT_EXPORT CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent start, CUevent end) {
  return cuEventElapsedTime(milliseconds, start, end);
}
