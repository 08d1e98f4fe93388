//===- Session.h - How the driver talks to its caller -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The driver prints nothing and ends no process. What it has to say goes to the
// functions of a session, and it asks the session whether to go on.
//
//===----------------------------------------------------------------------===//
#ifndef DRIVER_SESSION_H
#define DRIVER_SESSION_H

#include "llvm/Support/Error.h"
#include "llvm/Support/LogicalResult.h"

#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

namespace vitc::driver {

struct Diagnostic {
  enum Severity { Error, Warning, Note };
  Severity severity;
  /// One line, which names what it is about; or, if `located`, lines that begin with a place in a
  /// .mlir file and its severity.
  std::string text;
  bool located = false;
};

/// What one caller wants to hear of one piece of work. Functions may be empty; they are called from
/// the threads that work for it, one at a time. Whatever returns a failure has told `diagnose` why.
struct Session {
  std::function<void(const Diagnostic &)> diagnose;
  /// "assembling kernel", 3, 12: how far a step is that takes long.
  std::function<void(std::string_view step, size_t done, size_t all)> progress;
  /// Asked between steps, and while others' programs run, which are then ended. Work that is
  /// stopped fails with "stopped" as its error.
  std::stop_token stop;

  /// Reports an error; returns failure for whoever passes it on.
  llvm::LogicalResult error(std::string text) const {
    say(Diagnostic::Error, stop.stop_requested() ? "stopped" : std::move(text));
    return llvm::failure();
  }
  llvm::LogicalResult error(llvm::Error error) const {
    return this->error(llvm::toString(std::move(error)));
  }
  template <class... Args>
  llvm::LogicalResult error(fmt::format_string<Args...> form, Args &&...args) const
    requires(sizeof...(Args) > 0)
  {
    return error(fmt::format(form, std::forward<Args>(args)...));
  }
  template <class... Args> void warn(fmt::format_string<Args...> form, Args &&...args) const {
    say(Diagnostic::Warning, fmt::format(form, std::forward<Args>(args)...));
  }
  void say(Diagnostic::Severity severity, std::string text) const {
    if (diagnose)
      diagnose({severity, std::move(text)});
  }
  /// Fails if the work is to stop.
  llvm::LogicalResult checkStop() const {
    return stop.stop_requested() ? error(std::string()) : llvm::success();
  }
  /// The same with errors alone, or with warnings too, for work on what another has spoken of.
  Session errorsOnly() const { return upTo(Diagnostic::Error); }
  Session withoutNotes() const { return upTo(Diagnostic::Warning); }
  Session upTo(Diagnostic::Severity least) const {
    return {[told = diagnose, least](const Diagnostic &diagnostic) {
              if (told && diagnostic.severity <= least)
                told(diagnostic);
            },
            progress, stop};
  }
  /// The same, but a warning is not repeated. `said` outlives it.
  Session warningOnce(std::set<std::string> &said) const {
    if (!diagnose)
      return *this;
    return {[told = diagnose, &said](const Diagnostic &diagnostic) {
              if (diagnostic.severity != Diagnostic::Warning || said.insert(diagnostic.text).second)
                told(diagnostic);
            },
            progress, stop};
  }
  /// The same without a word, for work whose failure is no error.
  Session silent() const { return {{}, {}, stop}; }
};

} // namespace vitc::driver

template <> struct fmt::formatter<llvm::StringRef> : fmt::formatter<std::string_view> {
  auto format(llvm::StringRef text, fmt::format_context &context) const {
    return fmt::formatter<std::string_view>::format({text.data(), text.size()}, context);
  }
};

#endif // DRIVER_SESSION_H
