//===- Findings.h - What went wrong in a launch ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One line per finding, `kernel:ptx-line:thread: kind: text`, written to stderr and to the report
// file. A bug usually hits every thread, so a line and kind speak once per launch.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_FINDINGS_H
#define VITC_EMULATOR_FINDINGS_H

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace vitc::emu {

enum class Kind : uint8_t {
  OutOfBounds,
  Misaligned,
  Uninitialised,
  Async,
  Race,
  Sync,
  Deadlock,
  Timeout,
  Trap
};
const char *nameOf(Kind kind);

struct Finding {
  std::string kernel;
  uint32_t line;
  std::string thread; ///< `ctax,ctay,ctaz/thread`
  Kind kind;
  std::string text;
  std::string format() const;
};

/// Findings of one launch; threads report concurrently.
class Findings {
public:
  /// The launch stops after this many lines, or when `maximumHits` threads ran into them.
  static constexpr unsigned maximum = 10, maximumHits = 256;

  void add(Finding finding);
  bool stop() const { return stopped.load(std::memory_order_relaxed); }
  /// Call when no thread reports any more.
  const std::vector<Finding> &all() const { return list; }

private:
  std::mutex mutex;
  std::vector<Finding> list;
  unsigned hits = 0;
  std::atomic<bool> stopped{false};
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_FINDINGS_H
