//===- Console.h - What command-line tools share ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_COMMON_CONSOLE_H
#define TOOLS_COMMON_CONSOLE_H

#include <cstddef>
#include <cstdio>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace vitc {

/// Exit codes of all tools. 2 is for a command line that cannot be understood, nothing else.
enum ExitCode { exitDone = 0, exitFailed = 1, exitUsage = 2 };

/// "TOOL: TEXT" as one line on stderr; returns exitFailed.
int fail(const char *tool, std::string text);

/// A line "step 3 of 12" on stderr that overwrites itself; nothing unless stderr is a terminal.
class Progress {
public:
  Progress();
  ~Progress() { clear(); }
  void show(std::string_view step, size_t done, size_t all);
  void clear();

private:
  bool terminal, shown = false;
};

/// Escapes only where somebody looks at them, and did not say that they would rather not.
bool wantsColour(FILE *stream);

/// Runs a tool, whose exit code it returns: finish() of what `body` returns. What it throws, and
/// memory that is used up in any thread, is a line and exitFailed; nothing half written stays.
int runTool(const char *tool, const std::function<int()> &body);
/// Ends the tool that runs, from any thread: "TOOL: TEXT" on stderr, no temporary files,
/// exitFailed. Allocates nothing.
[[noreturn]] void endTool(const char *text) noexcept;

/// The exit code of `tool`: `code`, unless what went to stdout could not all be written. Then that
/// is said, for whoever reads a part must not take it for the whole.
int finish(const char *tool, int code);

/// Where the emulator's libcuda.so.1 lies, seen from the running program: ../lib/emulator/.
std::string emulatorPath();

/// While it lives, Ctrl-C and SIGTERM ask for a stop instead of ending the process. One at a time.
class Interrupt {
public:
  /// Work that does not stop within two seconds is cut off; `patient` work, which may have files
  /// half written, only at a second signal.
  Interrupt(const char *tool, bool patient);
  ~Interrupt();
  Interrupt(const Interrupt &) = delete;

  std::stop_token token() const { return source.get_token(); }
  bool happened() const { return source.stop_requested(); }
  /// "interrupted, nothing written", what is said then; returns exitFailed.
  static int report(const char *tool);

private:
  void watch(const char *tool, bool patient);

  std::stop_source source;
  std::thread watcher;
};

} // namespace vitc
#endif // TOOLS_COMMON_CONSOLE_H
