//===- LargeArray.h - Large arrays without many page faults ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_LARGEARRAY_H
#define VITC_RUNTIME_LARGEARRAY_H

#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#include <vector>

namespace vitrt {

/// An empty array with room for `count` elements. Tables of positions are tens of megabytes that
/// are written once, and of the time that takes the kernel's faults for pages of 4 kB are the
/// larger part: it is asked for large pages, and may decline.
template <class T> std::vector<T> roomFor(size_t count) {
  std::vector<T> array;
  array.reserve(count);
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t page = uintptr_t(2) << 20;
  uintptr_t begin = (reinterpret_cast<uintptr_t>(array.data()) + page - 1) / page * page,
            end = reinterpret_cast<uintptr_t>(array.data() + count) / page * page;
  if (begin < end)
    (void)madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
#endif
  return array;
}

template <class T> std::vector<T> zeros(size_t count) {
  std::vector<T> array = roomFor<T>(count);
  array.resize(count);
  return array;
}

} // namespace vitrt
#endif // VITC_RUNTIME_LARGEARRAY_H
