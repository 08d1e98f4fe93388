//===- Interrupt.cpp - Nothing stays after Ctrl-C -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A signal handler may call rmdir, but neither allocate nor lock. So the paths
// are in a table of atomic pointers; what does not fit stays behind.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Interrupt.h"

#include "llvm/Support/Signals.h"

#include <atomic>
#include <unistd.h>

static constexpr int slots = 256;
static std::atomic<const char *> folders[slots];

/// Runs after LLVM has removed its files.
static void removeFoldersAndEnd() {
  for (int i = slots; i-- > 0;)
    if (const char *path = folders[i].load())
      rmdir(path);
  _exit(130); // as a shell says of a process that SIGINT ended
}

vitc::RemoveFolderOnSignal::RemoveFolderOnSignal(std::string folder)
    : path(std::move(folder)), slot(0) {
  for (const char *empty = nullptr;
       slot < slots && !folders[slot].compare_exchange_strong(empty, path.c_str()); empty = nullptr)
    ++slot;
  llvm::sys::SetInterruptFunction(removeFoldersAndEnd);
}

vitc::RemoveFolderOnSignal::~RemoveFolderOnSignal() {
  if (slot < slots)
    folders[slot].store(nullptr);
}
