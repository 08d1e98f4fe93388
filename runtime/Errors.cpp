//===- Errors.cpp - The last error of each thread --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The text is kept per thread, so that threads which share a model do not see
// each other's failures. It is plain bytes: nothing constructs, destroys or
// allocates them, so exit handlers, the destructors of static objects and ending
// threads may fail as any other code, and a library with the runtime in it can be
// unloaded (a thread_local with a destructor would keep it mapped).
//===----------------------------------------------------------------------===//
#include "runtime/Errors.h"

#include <algorithm>
#include <cstring>
#include <pthread.h>

namespace vitrt {
namespace {

constexpr size_t capacity = 2048; // with the zero byte
thread_local char lastError[capacity];
thread_local int callersState = PTHREAD_CANCEL_DISABLE; // outside of the delay

/// The text becomes the last error; what does not fit ends in "...". It may be the last error.
void setLastError(std::string_view prefix, std::string_view text) noexcept {
  constexpr std::string_view dots = "...";
  size_t room = capacity - 1 - prefix.size();
  bool cut = text.size() > room;
  size_t length = cut ? room - dots.size() : text.size();
  while (cut && length && (text[length] & 0xC0) == 0x80)
    --length; // not inside a character of UTF-8
  char *out = lastError + prefix.size();
  std::memmove(out, text.data(), length);
  std::memcpy(lastError, prefix.data(), prefix.size());
  if (cut)
    std::memcpy(out + length, dots.data(), dots.size());
  out[length + (cut ? dots.size() : 0)] = 0;
}

} // namespace

CancellationDelay::CancellationDelay() noexcept {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  outer = std::exchange(callersState, before);
}
CancellationDelay::~CancellationDelay() noexcept(false) {
  callersState = outer;
  pthread_setcancelstate(before, nullptr);
}

CallersCancellation::CallersCancellation() { pthread_setcancelstate(callersState, nullptr); }
CallersCancellation::~CallersCancellation() {
  int callers;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &callers);
}

void clearLastError() noexcept { lastError[0] = 0; }

vit_status report(const Status &status) noexcept {
  if (status)
    clearLastError(); // what a reader may have left
  else
    setLastError("vit: ", status.message().empty() ? "out of host memory" : status.message());
  return status.status();
}

std::string takeLastError() {
  std::string text = lastError;
  clearLastError();
  return text;
}

} // namespace vitrt

extern "C" const char *vit_last_error(void) { return vitrt::lastError; }

/// A reader's text is a stranger's: one line of characters that a terminal shows.
extern "C" void vit_set_error(const char *text) {
  vitrt::setLastError("", text ? text : "");
  for (char *c = vitrt::lastError; *c; ++c) // not of UTF-8: its bytes are all above
    if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f)
      *c = *c == '\n' || *c == '\t' ? ' ' : '?';
}
