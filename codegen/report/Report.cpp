//===- Report.cpp - What was built, and why so ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Predictions come from passes/cost, facts from ptxas; both stand side by side,
// so that a wrong prediction is seen. Nothing here depends on when and where it
// was built.
//
//===----------------------------------------------------------------------===//

#include "codegen/report/Report.h"
#include "codegen/library/LibraryData.h"
#include "passes/CostBridge.h"
#include "passes/Kernels.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

static std::string dtypeOfKernel(vit::KernelOp kernel) {
  auto name = [](Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return text;
  };
  for (TypeRange types : {TypeRange(kernel.getArgumentTypes()), TypeRange(kernel.getResultTypes())})
    for (Type type : types)
      if (vit::isBatchTensor(type))
        return name(cast<RankedTensorType>(type).getElementType());
  return "f32";
}

/// What one block computes, and one warp of it.
static std::string tileText(const cost::Schedule &schedule) {
  cost::Written s = cost::written(schedule);
  switch (schedule.family()) {
  case cost::Family::Gemm:
    return llvm::formatv("{0}x{1}x{2}/{3}x{4}", s.block[0], s.block[1], s.block[2], s.warp[0],
                         s.warp[1]);
  case cost::Family::Attention:
    return llvm::formatv("{0}x{1}", s.block[0], s.block[1]);
  case cost::Family::Norm:
    return std::to_string(s.block[0]) + " rows";
  case cost::Family::Tokens:
  case cost::Family::Elementwise:
    return std::to_string(s.block[0]) + " elements";
  }
  llvm_unreachable("all families have a text");
}

//===----------------------------------------------------------------------===//
// One function
//===----------------------------------------------------------------------===//

namespace {

/// All launches of one kernel.
struct Uses {
  SmallVector<vit::LaunchOp> launches;
  std::vector<cost::Use> works;
  cost::Work work; // of the one with the most rows
  std::vector<std::string> places;
};

class FunctionReporter {
public:
  FunctionReporter(const ReportSource &source, vit::KernelOp kernel, const Uses &uses,
                   const KernelCode &function)
      : source(source), gpu(*source.preferences.gpu), kernel(kernel), uses(uses),
        function(function), schedule(scheduleOf(function.schedule)),
        largest(function.batches.back().second) {}

  KernelReport make() {
    describe();
    addFacts();
    predict();
    addCandidates();
    addDecisions();
    return std::move(report);
  }

private:
  void describe();
  void addFacts();
  void predict();
  void addCandidates();
  void addDecisions();
  Candidate candidate(vit::ScheduleAttr attribute) const;

  const ReportSource &source;
  const cost::Gpu &gpu;
  vit::KernelOp kernel;
  const Uses &uses;
  const KernelCode &function;
  cost::Schedule schedule;
  int64_t largest; // batch
  KernelReport report;
};

} // namespace

void FunctionReporter::describe() {
  const cost::Work &work = uses.work;
  report.name = function.name;
  report.kernel = function.kernel;
  report.hash = llvm::utohexstr(hashOf(kernel), /*LowerCase=*/true, 16);
  report.batches = function.batches;
  Operation *root = kernel.getRoot();
  report.root = root ? root->getName().stripDialect().str() : "elementwise";
  report.ops = opList(kernel);
  report.m = work.rows * largest;
  report.n = work.columns;
  report.k =
      work.family == cost::Family::Attention ? (work.overBatch ? largest : work.keys) : work.depth;
  report.dtype = dtypeOfKernel(kernel);
  report.schedule = scheduleText(function.schedule);
  report.tile = tileText(schedule);
  report.stages = cost::written(schedule).stages;
  report.splits = cost::written(schedule).splits;
  report.launches = uses.launches.size();
  report.uses = uses.works;
  report.places = uses.places;
}

void FunctionReporter::addFacts() {
  report.threads = function.launch.threads;
  report.smemBytes = function.launch.dynamicSmem;
  if (function.codes.empty())
    return;
  const Resources &used = function.codes.front().resources;
  report.registers = used.registers;
  report.spillBytes = used.spillStores + used.spillLoads;
  report.stackBytes = used.stack;
  report.smemBytes += used.staticSmem;
}

void FunctionReporter::predict() {
  cost::Prediction prediction = cost::predict(uses.work, schedule, largest, gpu);
  report.predictedRegisters = prediction.registers;
  report.predictedMicroseconds = prediction.seconds * 1e6;
  report.bound = prediction.bound;
}

Candidate FunctionReporter::candidate(vit::ScheduleAttr attribute) const {
  cost::Schedule other = scheduleOf(attribute);
  cost::Prediction prediction = cost::predict(uses.work, other, largest, gpu);
  return {cost::text(other), prediction.registers, prediction.seconds * 1e6, {}, 0, ""};
}

/// The alternatives of the function's last range of batches, with what became of them.
void FunctionReporter::addCandidates() {
  auto found = llvm::find_if(source.alternatives, [&](const KernelAlternatives &alternatives) {
    return alternatives.kernel == function.kernel;
  });
  if (found == source.alternatives.end())
    return;
  for (vit::ScheduleAttr attribute : found->schedules) {
    if (attribute.getMinBatch() > largest || attribute.getMaxBatch() < largest)
      continue;
    Candidate entry = candidate(attribute);
    auto refuted = llvm::find_if(source.refuted, [&](const RefutedSchedule &other) {
      return other.kernel == function.kernel && sameCode(other.schedule, attribute);
    });
    if (sameCode(attribute, function.schedule)) {
      entry.registers = report.registers;
      entry.spillBytes = report.spillBytes;
      entry.verdict = "chosen";
    } else if (refuted != source.refuted.end()) {
      entry.registers = refuted->registers;
      entry.spillBytes = refuted->spillBytes;
      entry.verdict = refuted->problem;
    } else {
      double slower = entry.predictedMicroseconds / *report.predictedMicroseconds - 1;
      entry.verdict = std::abs(slower) < 5e-4
                          ? "as fast"
                          : llvm::formatv("{0} by {1:f1} %", slower < 0 ? "faster" : "slower",
                                          std::abs(slower) * 100)
                                .str();
    }
    report.candidates.push_back(std::move(entry));
  }
}

/// Whether a row that a layer_norm reads is kept in registers, with the numbers of passes/cost.
void FunctionReporter::addDecisions() {
  const cost::Work &work = uses.work;
  if (work.family != cost::Family::Norm || work.before.ops() == 0)
    return;
  cost::NormSchedule numbers = schedule.norm(), kept = numbers;
  kept.recompute = false;
  int needed = cost::leastRegisters(work, {kept}), budget = source.preferences.registerBudget;
  auto ops = [](int count) { return std::to_string(count) + (count == 1 ? " op" : " ops"); };
  std::string why =
      llvm::formatv("keeping it takes {0} registers, the budget is {1}", needed, budget);
  if (source.preferences.fusePolicy != cost::FusePolicy::Auto)
    why += "; asked for by --fuse-policy";
  if (numbers.recompute)
    report.decisions.push_back("recompute: the row is read again, " + ops(work.before.ops()) +
                               " before the norm done anew; " + why);
  else if (work.before.expensive > 0)
    report.decisions.push_back("keep: " + ops(work.before.expensive) +
                               " before the norm too expensive to do twice; " + why);
  else
    report.decisions.push_back("keep: the row stays in registers; " + why);
}

//===----------------------------------------------------------------------===//
// The whole model
//===----------------------------------------------------------------------===//

namespace {

class ModelReporter {
public:
  explicit ModelReporter(const ReportSource &source)
      : source(source), gpu(*source.preferences.gpu) {}

  Report make();

private:
  void addKernels(Report &report);
  void addPredictions(Report &report);
  /// Seconds of one launch, and of the gap before it not.
  std::optional<double> seconds(vit::LaunchOp launch, int64_t batch);
  std::optional<double> predictLaunch(vit::KernelOp kernel, const cost::Work &work, int64_t batch);

  const ReportSource &source;
  const cost::Gpu &gpu;
  llvm::MapVector<Operation *, Uses> uses; // by kernel, in the order of the first launch
  std::map<std::tuple<Operation *, cost::Work, int64_t>, std::optional<double>> times;
};

} // namespace

void ModelReporter::addKernels(Report &report) {
  for (auto &[op, launches] : uses) {
    auto kernel = cast<vit::KernelOp>(op);
    for (const KernelCode &function : source.functions) {
      if (function.kernel != kernel.getSymName())
        continue;
      KernelReport made = FunctionReporter(source, kernel, launches, function).make();
      int registers = made.registers.value_or(made.predictedRegisters.value_or(255));
      cost::Occupancy fit =
          cost::occupancy(gpu, made.threads, std::clamp(registers, 1, 255), made.smemBytes);
      made.occupancy = {fit.blocks, fit.warps, gpu.warpsPerSm, fit.limit};
      report.kernels.push_back(std::move(made));
    }
  }
}

std::optional<double> ModelReporter::seconds(vit::LaunchOp launch, int64_t batch) {
  // Layers repeat; the search for a schedule is what takes time.
  cost::Work work = workOf(launch);
  vit::KernelOp kernel = kernelOf(launch);
  auto [known, isNew] = times.try_emplace({kernel.getOperation(), work, batch});
  if (isNew)
    known->second = predictLaunch(kernel, work, batch);
  return known->second;
}

std::optional<double> ModelReporter::predictLaunch(vit::KernelOp kernel, const cost::Work &work,
                                                   int64_t batch) {
  if (batch <= source.maxBatch) {
    vit::ScheduleAttr schedule = scheduleAt(kernel, batch);
    assert(schedule && "kernels are scheduled for all batches");
    return cost::predict(work, scheduleOf(schedule), batch, gpu).seconds;
  }
  // As if the library had been built for that batch, with a range of its own.
  std::optional<cost::Best> best = cost::best(work, batch, source.preferences);
  return best ? std::optional(best->prediction.seconds) : std::nullopt;
}

void ModelReporter::addPredictions(Report &report) {
  bool overBatch =
      llvm::any_of(uses, [](const auto &entry) { return entry.second.work.overBatch; });
  for (int64_t batch : {1, 8, 32, 128}) {
    ModelPrediction prediction;
    prediction.batch = batch;
    prediction.served = batch <= source.maxBatch;
    if (overBatch && !prediction.served)
      continue; // images that attend to each other are another model at another batch
    Roofline roofline = rooflineOf(source.module, gpu, batch);
    prediction.rooflineMicroseconds = roofline.seconds * 1e6;
    prediction.rooflineBound = roofline.bound;
    report.predictions.push_back(prediction);
  }
  for (ModelPrediction &prediction : report.predictions)
    prediction.microseconds = 0;
  for (vit::LaunchOp launch : launchesOf(source.module)) {
    vit::KernelOp kernel = kernelOf(launch);
    StepReport step = {labelOf(launch.getLoc()), kernel.getSymName().str(), opList(kernel), {}};
    for (ModelPrediction &prediction : report.predictions) {
      std::optional<double> time = seconds(launch, prediction.batch);
      step.microseconds.push_back(time ? std::optional(*time * 1e6) : std::nullopt);
      if (time && prediction.microseconds)
        *prediction.microseconds += *time * 1e6 + gpu.launchGapUs;
      else
        prediction.microseconds.reset();
    }
    report.steps.push_back(std::move(step));
  }
}

Report ModelReporter::make() {
  Report report;
  report.gpu = gpu.name;
  report.tensorTflops = gpu.tensorTflops;
  report.dramGBs = gpu.dramGBs;
  report.launchGapMicroseconds = gpu.launchGapUs;
  report.policy = source.policy;
  report.maxBatch = source.maxBatch;
  report.fusions.assign(source.fusions.begin(), source.fusions.end());
  for (vit::LaunchOp launch : launchesOf(source.module)) {
    Uses &use = uses[kernelOf(launch)];
    use.launches.push_back(launch);
    use.places.push_back(labelOf(launch.getLoc()));
  }
  for (auto &[op, use] : uses) {
    use.works = usesOf(use.launches);
    use.work = cost::mostRows(use.works);
  }
  addKernels(report);
  addPredictions(report);
  return report;
}

Report vitc::codegen::makeReport(const ReportSource &source) {
  return ModelReporter(source).make();
}
