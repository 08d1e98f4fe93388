//===- Tune.cpp - Candidates that vit-run --tune times --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A prediction is off by a few per cent, and the best schedules lie closer together than that.
// Candidate i has the i-th best schedule of every kernel, so a handful of libraries holds that many
// schedules of all kernels, and the machine the model is for needs no compiler to time them.
//
//===----------------------------------------------------------------------===//

#include "driver/Tune.h"

#include "codegen/library/Emit.h"
#include "driver/Compiler.h"
#include "driver/Names.h"
#include "passes/CostBridge.h"

#include "llvm/ADT/MapVector.h"

#include <algorithm>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

namespace {

/// The schedules of one kernel for one range of batches, the best first.
struct Ranking {
  int64_t minBatch, maxBatch;
  std::vector<cost::Schedule> schedules;
};

/// Whether `schedule` is worth a place behind those that are ranked before it: the pipeline matters
/// less than the tile, and of tiles alike a few say what the model misses.
bool addsToThem(const std::vector<cost::Schedule> &ranked, const cost::Schedule &schedule) {
  constexpr int mostOfTile = 3, mostOfBlock = 6;
  cost::Written mine = cost::written(schedule);
  int ofTile = 0, ofBlock = 0;
  for (const cost::Schedule &other : ranked) {
    cost::Written theirs = cost::written(other);
    if (mine.block != theirs.block || mine.splits != theirs.splits)
      continue;
    ++ofBlock;
    if (mine.warp != theirs.warp)
      continue;
    ++ofTile;
    if (mine.stages == theirs.stages && mine.buffers == theirs.buffers &&
        mine.recompute == theirs.recompute)
      return false;
  }
  return ofTile < mostOfTile && ofBlock < mostOfBlock;
}

/// Those that differ, predicted at the end of the range.
Ranking rank(ArrayRef<vit::LaunchOp> launches, int64_t minBatch, int64_t maxBatch,
             int64_t largestBatch, const cost::Preferences &preferences, size_t most) {
  std::vector<cost::Use> uses = usesOf(launches);
  const cost::Work &work = cost::mostRows(uses);
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
    if (ranking.schedules.size() == most)
      break;
    if (addsToThem(ranking.schedules, schedule))
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
        return compiler.session().error("kernel '{}' has no schedule to choose from",
                                        cast<vit::KernelOp>(kernel).getSymName());
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

LogicalResult checkBatches(const TuneOptions &options, const Compiler &compiler) {
  for (int64_t batch : options.batches)
    if (batch > compiler.maxBatch())
      return compiler.session().error("--batch has {}, expected 1 to {}, the largest batch", batch,
                                      compiler.maxBatch());
  return success();
}

} // namespace

FailureOr<std::vector<Artifact>> driver::tune(TuneOptions options, const Session &session) {
  std::string name = options.name.empty() ? modelName(options.compile.model) : options.name;
  if (std::string why = objectionToName(name + "_candidate100"); !why.empty())
    return refuseName(!options.name.empty(), name, why, session);
  if (options.compile.imageSize == "any")
    return session.error("--image-size any: kernels are tuned for images of one size; give it as "
                         "--image-size HxW");
  if (isForCpusAlone(options.compile))
    return session.error("--dtype i8 is for CPUs alone, but schedules of GPUs are tuned; give "
                         "another --dtype");
  llvm::sort(options.batches);
  options.batches.erase(llvm::unique(options.batches), options.batches.end());
  Compiler compiler(options.compile, session);
  if (failed(compiler.open()) || failed(checkBatches(options, compiler)))
    return failure();
  Tuner tuner(options, compiler);
  if (failed(compiler.lowerTo(Compiler::kernels)) || failed(tuner.rankAll()))
    return failure();
  std::vector<Artifact> files;
  for (size_t i = 0; i < tuner.count(); ++i) {
    tuner.choose(i);
    if (failed(compiler.generate(Compiler::Oracle::decides)))
      return failure();
    std::string candidate = fmt::format("{}_candidate{}", name, i);
    auto data = compiler.link(candidate);
    if (!data)
      return failure();
    auto object = emitObject(*data->view(), /*exported=*/true);
    if (!object)
      return session.error(object.takeError());
    auto shared = linkShared((*object)->getMemBufferRef(), candidate);
    if (!shared)
      return session.error(shared.takeError());
    files.push_back({fmt::format("lib{}.so", candidate), std::move(*shared)});
  }
  return files;
}
