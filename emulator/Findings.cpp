//===- Findings.cpp - What went wrong in a launch -------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "Findings.h"

namespace vitc::emu {

const char *nameOf(Kind kind) {
  static const char *const names[] = {"out-of-bounds", "misaligned", "uninitialised",
                                      "async",         "race",       "sync",
                                      "deadlock",      "timeout",    "trap"};
  return names[unsigned(kind)];
}

std::string Finding::format() const {
  return kernel + ":" + std::to_string(line) + ":" + thread + ": " + nameOf(kind) + ": " + text;
}

void Findings::add(Finding finding) {
  std::lock_guard lock(mutex);
  // An endless loop would only be found again by every other warp.
  bool last = finding.kind == Kind::Timeout;
  bool known = false;
  for (const Finding &other : list)
    known |= other.line == finding.line && other.kind == finding.kind;
  if (!known && list.size() < maximum)
    list.push_back(std::move(finding));
  if (++hits >= maximumHits || last || list.size() >= maximum)
    stopped.store(true, std::memory_order_relaxed);
}

} // namespace vitc::emu
