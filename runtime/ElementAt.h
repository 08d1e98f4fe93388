//===- ElementAt.h - Elements of tensors in bytes --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_ELEMENTAT_H
#define VITC_RUNTIME_ELEMENTAT_H

#include <cstdint>
#include <cstring>

namespace vitrt {

/// Element `i` of what may lie at any address.
template <class T> T elementAt(const uint8_t *bytes, uint64_t i) {
  T element;
  std::memcpy(&element, bytes + i * sizeof(T), sizeof(T));
  return element;
}

} // namespace vitrt
#endif // VITC_RUNTIME_ELEMENTAT_H
