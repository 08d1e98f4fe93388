//===- Errors.h - Statuses with text ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Inside the runtime a failure is a Status; at the C boundary its text becomes
// the thread's last error. Exceptions of the standard library end there too.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_ERRORS_H
#define VITC_RUNTIME_ERRORS_H

#include "vit/runtime.h"

#include <new>
#include <string>
#include <utility>

namespace vitrt {

/// VIT_OK, or a status and its text (without "vit: "). Success allocates nothing.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(vit_status code, std::string text) : code(code), text(std::move(text)) {}

  explicit operator bool() const { return code == VIT_OK; }
  vit_status status() const { return code; }
  const std::string &message() const { return text; }

private:
  vit_status code = VIT_OK;
  std::string text;
};

inline Status badArgument(std::string text) { return {VIT_BAD_ARGUMENT, std::move(text)}; }
inline Status badFile(std::string text) { return {VIT_BAD_FILE, std::move(text)}; }

/// Makes the text the thread's last error and returns the code.
vit_status report(const Status &status) noexcept;
/// Takes the thread's last error, as vit_set_error left it; empty if none.
std::string takeLastError();
void clearLastError() noexcept;

/// While it lives, a cancellation of this thread waits: a driver cannot be unwound. It may act in
/// the destructor, which therefore may unwind.
class CancellationDelay {
public:
  CancellationDelay() noexcept;
  CancellationDelay(const CancellationDelay &) = delete;
  ~CancellationDelay() noexcept(false);

private:
  int before, outer;
};
/// Inside of a delay: a cancellation acts again, if it did where the C function was called.
class CallersCancellation {
public:
  CallersCancellation();
  CallersCancellation(const CallersCancellation &) = delete;
  ~CallersCancellation();
};

/// Runs the body of a C function: what it throws becomes VIT_OUT_OF_MEMORY. Only the unwinding of a
/// thread that is cancelled in a reader passes through, which cleans up on its way.
template <class Body> vit_status guarded(Body body) {
  CancellationDelay delay;
  clearLastError();
  try {
    return report(body());
  } catch (const std::exception &) {
    return report(Status(VIT_OUT_OF_MEMORY, std::string()));
  }
}

} // namespace vitrt
#endif // VITC_RUNTIME_ERRORS_H
