//===- Tuned.cpp - Measured schedules for a build -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/vitc/Tuned.h"

#include "codegen/Codegen.h"
#include "runtime/weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>

using namespace vitc;

Result<std::vector<std::string>>
vitc::tunedSchedules(const Tuning &tuning, mlir::MLIRContext *context, int64_t maxBatch) {
  std::vector<std::string> schedules;
  for (const TuningEntry &entry : tuning.entries) {
    int64_t before = 0, after = std::numeric_limits<int64_t>::max(); // batches measured, too
    for (const TuningEntry &other : tuning.entries)
      if (other.kernel == entry.kernel) {
        if (other.batch < entry.batch)
          before = std::max(before, other.batch);
        if (other.batch > entry.batch)
          after = std::min(after, other.batch);
      }
    bool last = after > maxBatch || entry.batch >= maxBatch;
    if (before >= maxBatch)
      continue;
    vit::ScheduleAttr schedule =
        parseSchedule(context, entry.schedule, before + 1, last ? maxBatch : entry.batch);
    if (!schedule)
      return Error{"the entry of kernel " + vitrt::quoted(entry.kernel) + " at batch " +
                   std::to_string(entry.batch) + " is stale: '" + entry.schedule +
                   "' is no schedule of this vitc; tune again"};
    std::string text;
    llvm::raw_string_ostream(text) << entry.kernel << " " << entry.kernelHash << " " << schedule;
    schedules.push_back(std::move(text));
  }
  return schedules;
}
