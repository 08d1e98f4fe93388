//===- Temporaries.cpp - Files that go when the process does ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The list only grows: an entry that is forgotten is marked. So a handler may walk
// it while any thread is anywhere.
//===----------------------------------------------------------------------===//
#include "weights/Temporaries.h"

#include <atomic>
#include <cstdio>

namespace vitrt {
namespace {

struct Entry {
  const std::string path;
  Entry *const next;
  std::atomic<bool> there{true};
};
std::atomic<Entry *> newest{nullptr};

} // namespace

void rememberTemporary(const std::string &path) {
  Entry *before = newest.load();
  for (;;) {
    auto *entry = new Entry{path, before};
    if (newest.compare_exchange_strong(before, entry))
      return;
    delete entry; // another thread was first
  }
}

void forgetTemporary(const std::string &path) {
  for (Entry *entry = newest.load(); entry; entry = entry->next)
    if (entry->path == path && entry->there.exchange(false))
      return;
}

void removeTemporaries() noexcept {
  for (Entry *entry = newest.load(); entry; entry = entry->next)
    if (entry->there.exchange(false))
      (void)std::remove(entry->path.c_str());
}

} // namespace vitrt
