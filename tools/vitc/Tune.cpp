//===- Tune.cpp - vitc tune -----------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A prediction is off by a few per cent, and the best schedules lie closer together than that.
// Candidate i has the i-th best schedule of every kernel, so a handful of libraries holds that many
// schedules of all kernels, and the machine the model is for needs no compiler to time them.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"
#include "driver/Files.h"
#include "passes/CostBridge.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include "llvm/ADT/MapVector.h"

#include <algorithm>

using namespace mlir;
using namespace vitc;

namespace {

struct TuneOptions {
  CompileOptions compile;
  std::string output, name;
  std::vector<int64_t> batches = {1, 8, 32};
  unsigned candidates = 8;
};

/// The schedules of one kernel for one range of batches, the best first.
struct Ranking {
  int64_t minBatch, maxBatch;
  std::vector<cost::Schedule> schedules;
};

/// Those that differ in what they compute where, predicted at the end of the range.
Ranking rank(ArrayRef<vit::LaunchOp> launches, int64_t minBatch, int64_t maxBatch,
             int64_t largestBatch, const cost::Preferences &preferences, size_t most) {
  std::vector<cost::Use> uses = usesOf(launches);
  const cost::Work &work = llvm::max_element(uses, [](const cost::Use &a, const cost::Use &b) {
                             return a.work.rows < b.work.rows;
                           })->work;
  std::vector<std::pair<double, cost::Schedule>> timed;
  for (const cost::Schedule &schedule : cost::candidates(work, largestBatch, preferences)) {
    double seconds = 0;
    for (const cost::Use &use : uses)
      seconds += use.count * cost::predict(use.work, schedule, maxBatch, *preferences.gpu).seconds;
    timed.push_back({seconds, schedule});
  }
  llvm::stable_sort(timed, [](const auto &a, const auto &b) { return a.first < b.first; });
  Ranking ranking = {minBatch, maxBatch, {}};
  for (const auto &[seconds, schedule] : timed) {
    bool known = llvm::any_of(ranking.schedules, [&](const cost::Schedule &other) {
      return cost::sameTile(other, schedule);
    });
    if (!known && ranking.schedules.size() < most)
      ranking.schedules.push_back(schedule);
  }
  return ranking;
}

class Tuner {
public:
  Tuner(const TuneOptions &options, Compiler &compiler) : options(options), compiler(compiler) {}

  LogicalResult rankAll();
  /// How many candidates differ.
  size_t count() const;
  /// The i-th best schedule of every kernel, those after it in case ptxas refutes it.
  void choose(size_t i);

private:
  const TuneOptions &options;
  Compiler &compiler;
  llvm::MapVector<Operation *, std::vector<Ranking>> rankings; // by kernel
};

LogicalResult Tuner::rankAll() {
  FailureOr<cost::Preferences> preferences = compiler.preferences();
  if (failed(preferences))
    return failure();
  llvm::MapVector<Operation *, SmallVector<vit::LaunchOp>> uses;
  for (vit::LaunchOp launch : launchesOf(compiler.module()))
    uses[kernelOf(launch)].push_back(launch);
  int64_t largest = compiler.maxBatch();
  for (auto &[kernel, launches] : uses) {
    int64_t first = 1;
    for (int64_t batch : options.batches) {
      int64_t last = batch == options.batches.back() ? largest : batch;
      Ranking ranking = rank(launches, first, batch, largest, *preferences, options.candidates);
      if (ranking.schedules.empty())
        return fail("kernel '" + cast<vit::KernelOp>(kernel).getSymName() +
                    "' has no schedule to choose from"),
               failure();
      ranking.maxBatch = last;
      rankings[kernel].push_back(std::move(ranking));
      first = last + 1;
    }
  }
  return success();
}

size_t Tuner::count() const {
  size_t most = 0;
  for (const auto &entry : rankings)
    for (const Ranking &ranking : entry.second)
      most = std::max(most, ranking.schedules.size());
  return most;
}

void Tuner::choose(size_t i) {
  for (auto &[op, ranges] : rankings) {
    auto kernel = cast<vit::KernelOp>(op);
    SmallVector<vit::ScheduleAttr> schedules;
    for (const Ranking &range : ranges) {
      size_t size = range.schedules.size();
      for (size_t j = 0; j < size; ++j)
        schedules.push_back(attributeOf(kernel.getContext(),
                                        range.schedules[(std::min(i, size - 1) + j) % size],
                                        range.minBatch, range.maxBatch));
    }
    compiler.reschedule(kernel, schedules);
  }
}

llvm::Error writeShared(const LibraryData &data, OutputFiles &files) {
  const vit_library &library = *data.view();
  std::string name = library.name;
  auto object = emitObject(library);
  if (!object)
    return object.takeError();
  auto input = files.addScratch(); // the linker reads a file
  if (!input)
    return input.takeError();
  if (auto error = writeBytes(*input, (*object)->getBuffer()))
    return error;
  auto output = files.add("lib" + name + ".so");
  if (!output)
    return output.takeError();
  return linkShared(*input, *output, name);
}

LogicalResult checkBatches(const TuneOptions &options, int64_t largest) {
  for (int64_t batch : options.batches)
    if (batch > largest)
      return fail("--batch has " + Twine(batch) + ", expected 1 to " + Twine(largest) +
                  ", the largest batch"),
             failure();
  return success();
}

int tune(TuneOptions &options) {
  std::string name = options.name.empty() ? modelName(options.compile.model) : options.name;
  if (!isIdentifier(name))
    return fail("--name '" + name + "': expected a C identifier that is no keyword");
  llvm::sort(options.batches);
  options.batches.erase(llvm::unique(options.batches), options.batches.end());
  Compiler compiler(options.compile);
  OutputFiles files;
  if (failed(compiler.open()) || failed(checkBatches(options, compiler.maxBatch())))
    return exitFailed;
  if (auto error = files.open(options.output))
    return fail(llvm::toString(std::move(error)));
  Tuner tuner(options, compiler);
  if (failed(compiler.lowerTo(Compiler::kernels)) || failed(tuner.rankAll()))
    return exitFailed;
  for (size_t i = 0; i < tuner.count(); ++i) {
    tuner.choose(i);
    if (failed(compiler.generate(Compiler::Oracle::decides)))
      return exitFailed;
    auto data = compiler.link(name + "_candidate" + std::to_string(i));
    if (!data)
      return exitFailed;
    if (auto error = writeShared(*data, files))
      return fail(llvm::toString(std::move(error)));
  }
  if (auto error = files.commit())
    return fail(llvm::toString(std::move(error)));
  return exitDone;
}

} // namespace

Verb vitc::addTune(CLI::App &app) {
  auto options = std::make_shared<TuneOptions>();
  app.footer("Example:\n  vitc tune vit-b16/ -o candidates --batch 1,8,32\n"
             "  vit-run --tune candidates/*.so --random-weights --batch 1,8,32 -o tuning.json\n"
             "  vitc build vit-b16/ -o out --tile-policy=tuned --tuning tuning.json");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  app.add_option("-o,--output", options->output, "folder of the candidates")->required();
  app.add_option("--name", options->name,
                 "name of the files, before _candidateI (default: MODEL's)");
  addIntegers(app, "--batch", options->batches, batchRange,
              "batches that will be timed (default 1,8,32)");
  addInteger(app, "--candidates", options->candidates, {1, 64},
             "schedules of each kernel at most (default 8)");
  return [options] { return tune(*options); };
}
