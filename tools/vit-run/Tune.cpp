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
#include "runtime/Plan.h"
#include "tools/common/Console.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <tuple>

namespace vitc {
using namespace driver;
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
  void consider(const vit_kernel &kernel, int batch, double microseconds) {
    auto found = std::find_if(entries.begin(), entries.end(), [&](const TuningEntry &entry) {
      return entry.kernel == kernel.base && entry.batch == batch;
    });
    if (found == entries.end()) {
      entries.push_back({kernel.base, hashText(kernel.hash), batch, "", "", 0});
      found = entries.end() - 1;
    } else if (found->microseconds <= microseconds) {
      return;
    }
    found->schedule = kernel.schedule;
    found->scheduleHash = hashText(scheduleHash(kernel.schedule));
    found->microseconds = microseconds;
  }

  std::vector<TuningEntry> entries;
};

/// The hashes of the kernels of each name.
using Hashes = std::map<std::string, std::set<std::string>>;
Hashes hashesOf(const vit_library &library) {
  Hashes hashes;
  for (const vit_target &target : std::span(library.targets, library.target_count))
    for (const vit_kernel &kernel : std::span(target.kernels, target.kernel_count))
      hashes[kernel.base].insert(hashText(kernel.hash));
  return hashes;
}

/// Candidates have the same kernels, by other schedules.
Result<void> checkSame(const std::string &path, const Hashes &first, const Hashes &own) {
  for (const auto &[kernel, hashes] : own)
    if (auto other = first.find(kernel); other != first.end() && other->second != hashes)
      return Error{quoted(path) + ": kernel " + quoted(kernel) + " has hash " + *hashes.begin() +
                   ", but " + *other->second.begin() +
                   " in a library before; expected candidates of one vitc tune"};
  return {};
}

/// All libraries, so that what is wrong with the last one is known before the first one is timed.
Result<std::vector<const vit_library *>> openCandidates(const std::vector<std::string> &paths,
                                                        const std::vector<int> &batches) {
  std::vector<const vit_library *> libraries;
  Hashes first;
  for (const std::string &path : paths) {
    auto library = openLibrary(path);
    if (!library)
      return library.takeError();
    if (Status good = checkLibrary(*library); !good)
      return Error{quoted(path) + ": " + good.message()};
    for (int batch : batches)
      if (batch > int64_t((*library)->max_batch))
        return Error{quoted(path) + ": batch is " + std::to_string(batch) +
                     ", but the library holds at most " + std::to_string((*library)->max_batch)};
    Hashes own = hashesOf(**library);
    if (auto same = checkSame(path, first, own); !same)
      return same.takeError();
    first.merge(own);
    libraries.push_back(*library);
  }
  return libraries;
}

Result<void> tuneBatch(const vit_library &library, const vit_model *model, int batch,
                       int repetitions, Winners &winners) {
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
    winners.consider(*sum.kernel, batch, sum.microseconds);
  }
  fflush(stdout);
  return {};
}

} // namespace

Result<Tuning> tune(const std::vector<std::string> &paths, const std::vector<int> &batches,
                    int repetitions, const ModelLoader &load) {
  auto libraries = openCandidates(paths, batches);
  if (!libraries)
    return libraries.takeError();
  Tuning tuning;
  Winners winners;
  for (size_t i = 0; i != paths.size(); ++i) {
    const vit_library &library = *(*libraries)[i];
    auto model = load(library);
    if (!model)
      return model.takeError();
    DeviceNames names = deviceNames(model->get());
    tuning.gpu = names.device;
    tuning.driver = names.driver;
    printf("%s: %s\n", paths[i].c_str(), imageText(model->get()).c_str());
    for (int batch : batches)
      if (auto done = tuneBatch(library, model->get(), batch, repetitions, winners); !done)
        return done.takeError();
  }
  tuning.entries = std::move(winners.entries);
  return tuning;
}

} // namespace vitc
