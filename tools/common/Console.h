//===- Console.h - What command-line tools share ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_TOOLS_COMMON_CONSOLE_H
#define VITC_TOOLS_COMMON_CONSOLE_H

#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

/// Exit codes of all tools. 2 is for a command line that cannot be understood, nothing else.
enum ExitCode { exitDone = 0, exitFailed = 1, exitUsage = 2 };

/// A line "verb 3 of 12" on stderr that overwrites itself; nothing unless stderr is a terminal.
class Progress {
public:
  explicit Progress(std::string verb);
  ~Progress(); // clears the line
  void show(int64_t done, int64_t all);

private:
  std::string verb;
  bool terminal, shown = false;
};

/// The exit code of `tool`: `code`, unless what went to stdout could not all be written. Then that
/// is said, for whoever reads a part must not take it for the whole.
int finish(const char *tool, int code);

/// Where the emulator's libcuda.so.1 lies, seen from the running program: ../lib/emulator/.
std::string emulatorPath();

/// Median, and the 10th and 90th percentile.
struct Spread {
  double median, low, high;
};
Spread spreadOf(std::vector<double> values);

} // namespace vitc
#endif // VITC_TOOLS_COMMON_CONSOLE_H
