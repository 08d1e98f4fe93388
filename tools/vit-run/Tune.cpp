//===- Tune.cpp - Which candidate of each kernel is the fastest ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A kernel is measured as it runs in the model: each launch with the buffers it
// has there, all of its parts together. Launches of one kernel on equally many
// rows take equally long, so one of them is timed and counted for all.
//===----------------------------------------------------------------------===//
#include "tools/vit-run/Tune.h"
#include "driver/run/Bench.h"
#include "driver/run/Library.h"
#include "tools/common/Console.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <tuple>

namespace vitc {
namespace {

using namespace vitrt;

/// Launches of one kernel that differ in their buffers alone.
struct EqualLaunches {
  const vit_kernel *kernel = nullptr; // its first part
  std::vector<uint32_t> steps;        // of the first such launch, all parts
  unsigned count = 0;
};

/// What decides how long a step takes: function, grid and number of rows.
std::vector<uint64_t> workOf(const vit_step &step) {
  std::vector<uint64_t> work = {step.kernel};
  for (const vit_extent &extent : step.grid)
    work.insert(work.end(),
                {extent.count.constant, extent.count.per_image, extent.divisor, extent.times});
  for (uint32_t i = 0; i != step.arg_count; ++i)
    if (step.args[i].kind == VIT_ARG_COUNT)
      work.push_back(step.args[i].count.per_image);
  return work;
}

std::vector<EqualLaunches> launchesAt(const vit_library &library, const vit_plan &plan, int batch) {
  std::vector<EqualLaunches> launches;
  std::map<std::vector<uint64_t>, size_t> known;
  for (uint32_t i = 0; i != plan.step_count;) {
    std::vector<uint32_t> steps;
    std::vector<uint64_t> work;
    uint32_t launch = plan.steps[i].launch;
    for (; i != plan.step_count && plan.steps[i].launch == launch; ++i)
      if (const vit_step &step = plan.steps[i];
          int64_t(step.min_batch) <= batch && batch <= int64_t(step.max_batch)) {
        steps.push_back(i);
        std::vector<uint64_t> part = workOf(step);
        work.insert(work.end(), part.begin(), part.end());
      }
    if (steps.empty())
      continue;
    auto [found, isNew] = known.try_emplace(work, launches.size());
    if (isNew)
      launches.push_back({&kernelOf(library, plan, plan.steps[steps[0]]), steps, 0});
    ++launches[found->second].count;
  }
  return launches;
}

/// The winners so far, by kernel and batch, in the order of the first library.
class Winners {
public:
  /// What a library says of a kernel must agree with the libraries before.
  Result<void> consider(const vit_kernel &kernel, int batch, double microseconds,
                        const std::string &library) {
    std::string hash = hashText(kernel.hash);
    auto found = std::find_if(entries.begin(), entries.end(), [&](const TuningEntry &entry) {
      return entry.kernel == kernel.base && entry.batch == batch;
    });
    if (found == entries.end()) {
      entries.push_back({kernel.base, hash, batch, "", "", 0});
      found = entries.end() - 1;
    } else if (found->kernelHash != hash) {
      return Error{quoted(library) + ": kernel " + quoted(kernel.base) + " has hash " + hash +
                   ", but " + found->kernelHash +
                   " in a library before; expected candidates of one vitc tune"};
    } else if (found->microseconds <= microseconds) {
      return {};
    }
    found->schedule = kernel.schedule;
    found->scheduleHash = hashText(scheduleHash(kernel.schedule));
    found->microseconds = microseconds;
    return {};
  }

  std::vector<TuningEntry> entries;
};

Result<void> tuneBatch(const std::string &path, const vit_library &library, const vit_model *model,
                       int batch, int repetitions, Winners &winners) {
  if (batch > int64_t(library.max_batch))
    return Error{quoted(path) + ": batch is " + std::to_string(batch) +
                 ", but the library holds at most " + std::to_string(library.max_batch)};
  auto prepared = prepareBatch(model, batch);
  if (!prepared)
    return prepared.takeError();
  struct Sum {
    const vit_kernel *kernel;
    double microseconds;
  };
  std::vector<Sum> sums;
  constexpr int group = 8;
  for (const EqualLaunches &launches : launchesAt(library, nativePlan(model), batch)) {
    auto times = timeSteps(prepared->workspace.get(), batch, launches.steps, prepared->tensors,
                           group, repetitions);
    if (!times)
      return times.takeError();
    double all = launches.count * spreadOf(std::move(*times)).median;
    auto sum = std::find_if(sums.begin(), sums.end(), [&](const Sum &other) {
      return strcmp(other.kernel->base, launches.kernel->base) == 0;
    });
    if (sum == sums.end())
      sums.push_back({launches.kernel, all});
    else
      sum->microseconds += all;
  }
  for (const Sum &sum : sums) {
    printf("%s batch %d: %.2f us with %s\n", sum.kernel->base, batch, sum.microseconds,
           sum.kernel->schedule);
    if (auto good = winners.consider(*sum.kernel, batch, sum.microseconds, path); !good)
      return good;
  }
  fflush(stdout);
  return {};
}

} // namespace

Result<Tuning> tune(const std::vector<std::string> &libraries, const std::vector<int> &batches,
                    int repetitions, const ModelLoader &load) {
  Tuning tuning;
  Winners winners;
  for (const std::string &path : libraries) {
    auto library = openLibrary(path);
    if (!library)
      return library.takeError();
    auto model = load(**library);
    if (!model)
      return model.takeError();
    DeviceNames names = deviceNames(model->get());
    tuning.gpu = names.device;
    tuning.driver = names.driver;
    printf("%s: %s\n", path.c_str(), imageText(model->get()).c_str());
    for (int batch : batches)
      if (auto done = tuneBatch(path, **library, model->get(), batch, repetitions, winners); !done)
        return done.takeError();
  }
  tuning.entries = std::move(winners.entries);
  return tuning;
}

} // namespace vitc
