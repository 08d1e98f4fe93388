//===- LargeArray.h - Large arrays without much waiting for memory ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_LARGEARRAY_H
#define VITC_RUNTIME_LARGEARRAY_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <type_traits>
#include <utility>
#include <vector>

namespace vitrt {

/// Memory for large arrays. Tables of positions are tens of megabytes that are written once, and of
/// the time that takes the kernel's faults for pages of 4 kB are the larger part: it is asked for
/// large pages, and may decline. Elements without a value are left as the memory has them, so that
/// the threads that write them are the first to touch it.
template <class T> struct LargeAllocator {
  static_assert(std::is_trivial_v<T>);
  using value_type = T; // NOLINT(readability-identifier-naming): as std::allocator_traits wants it
  LargeAllocator() = default;
  template <class U> LargeAllocator(const LargeAllocator<U> &) {}

  T *allocate(size_t count) {
    T *memory = std::allocator<T>().allocate(count);
#ifdef MADV_HUGEPAGE
    constexpr uintptr_t page = uintptr_t(2) << 20;
    uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + page - 1) / page * page,
              end = reinterpret_cast<uintptr_t>(memory + count) / page * page;
    if (begin < end)
      (void)madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
#endif
    return memory;
  }
  void deallocate(T *memory, size_t count) { std::allocator<T>().deallocate(memory, count); }
  template <class U> void construct(U *at) { ::new (static_cast<void *>(at)) U; }
  template <class U, class V> void construct(U *at, V &&value) {
    ::new (static_cast<void *>(at)) U(std::forward<V>(value));
  }
  bool operator==(const LargeAllocator &) const { return true; }
};

/// LargeArray<T>(n) has n elements of no value, LargeArray<T>(n, 0) zeros.
template <class T> using LargeArray = std::vector<T, LargeAllocator<T>>;
using Doubles = LargeArray<double>;

} // namespace vitrt
#endif // VITC_RUNTIME_LARGEARRAY_H
