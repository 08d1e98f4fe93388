//===- Launch.h - One grid, from arguments to findings --------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_LAUNCH_H
#define VITC_EMULATOR_LAUNCH_H

#include "Findings.h"
#include "GlobalMemory.h"
#include "Ptx.h"

namespace vitc::emu {

/// How launches run; from VITC_EMULATOR (see vit_emulator.h).
struct Options {
  uint64_t seed = 0;            ///< order of the warps of a CTA at barriers; 0 is natural
  uint64_t order = 0;           ///< order of CTAs; 0 is natural
  uint64_t failCall = 0;        ///< the driver call to fail, from 1
  unsigned failCode = 0;        ///< and its error; 0: what suits the call
  unsigned sm = 89;             ///< the compute capability to pose as
  unsigned driver = 13000;      ///< the driver's version to pose as
  uint64_t async = 0;           ///< the order in which streams get on; 0: calls are complete
  uint64_t budget = 1ull << 24; ///< instructions one warp may execute
  unsigned threads = 0;         ///< host threads of a launch; 0 is all
  std::string report;           ///< file that findings are appended to; also turns bank counting on
  /// Reads `seed=1,order=2,...`; false with a message for what it does not know.
  bool parse(const char *text, std::string &error);
};

struct Geometry {
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamicShared = 0;
  uint32_t threads() const { return block[0] * block[1] * block[2]; }
  uint64_t ctas() const { return uint64_t(grid[0]) * grid[1] * grid[2]; }
};

/// What the CTAs of one launch share; constant while they run, but for findings and counters.
struct LaunchContext {
  const Function *function = nullptr;
  Geometry geometry;
  Options options;
  std::vector<uint8_t> parameters;
  std::vector<std::vector<Range>> sites; ///< per Function::sites; empty: any allocation
  std::vector<Range> everything;         ///< all allocations, by address
  uint32_t firstNumber = 0;              ///< number of CTA 0 in the writers' shadow
  /// One for each CTA if the function has fences: its stores may be read by others.
  std::unique_ptr<std::atomic<uint8_t>[]> publishedBy;
  void publish(uint32_t number) {
    if (publishedBy)
      publishedBy[number - firstNumber].store(1, std::memory_order_release);
  }
  bool published(uint32_t number) const {
    return publishedBy && publishedBy[number - firstNumber].load(std::memory_order_acquire);
  }
  Findings findings;
  std::atomic<uint64_t> nextCta{0}, instructions{0}, bankConflicts{0}, sharedAccesses{0};
};

struct LaunchResult {
  std::vector<Finding> findings;
  uint64_t instructions = 0;
  uint64_t bankConflicts = 0;  ///< wavefronts above one per access; 0 unless a report is asked for
  uint64_t sharedAccesses = 0; ///< warp-wide accesses that were counted
};

/// Runs the grid to its end, or to too many findings. `parameters` has the layout of
/// Function::parameters. Any number of threads may launch at the same time.
LaunchResult launch(const Module &module, const Function &function, const Geometry &geometry,
                    std::vector<uint8_t> parameters, const Options &options);

} // namespace vitc::emu

#endif // VITC_EMULATOR_LAUNCH_H
