//===- Signals.h - Threads that take no signals ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_SIGNALS_H
#define VITC_RUNTIME_SIGNALS_H

#include <csignal>

namespace vitrt {

/// Threads that are started while it lives take no signals, for a program's handlers expect its own
/// threads.
class SignalsBlocked {
public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
  }
  SignalsBlocked(const SignalsBlocked &) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

private:
  sigset_t before;
};

} // namespace vitrt
#endif // VITC_RUNTIME_SIGNALS_H
