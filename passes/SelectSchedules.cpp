//===- SelectSchedules.cpp - Schedules for every kernel -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Which part of the result a block computes decides how many blocks there are, and with it how
// evenly the device is filled: for small batches that is most of the speed. passes/cost knows; this
// pass collects the shapes of all launches of a kernel, asks, and writes the answer down: for each
// range of batches what is best, and what to take instead if ptxas spills.
//
// Measured schedules come before predicted ones. They name the kernel they were measured for by a
// hash of what it computes, so that one for another kernel is refused instead of slow.
//
// It is also the last place before code is written, so what no kernel can do is refused here, with
// the name of the op in the model.
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"
#include "passes/CostBridge.h"
#include "passes/PassOptions.h"
#include "passes/Passes.h"
#include "passes/cost/families/Attention.h"
#include "passes/cost/families/Gemm.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace vitc {
#define GEN_PASS_DEF_SELECTSCHEDULES
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// The launches of each kernel.
using Uses = llvm::MapVector<Operation *, SmallVector<vit::LaunchOp>>;

/// What was fastest for a kernel at one batch.
struct Tuned {
  std::string kernel;
  int64_t batch;
  cost::Schedule schedule;
};

struct SelectSchedules : SchedulingPass<impl::SelectSchedulesBase<SelectSchedules>> {
  using SchedulingPass::SchedulingPass;
  explicit SelectSchedules(const PipelineOptions &options) : SchedulingPass(options) {
    tuned = llvm::join(options.tuned, ";");
  }
  SelectSchedules(const SelectSchedules &other) : SchedulingPass(other) {}

  Option<std::string> tuned{*this, "tuned", llvm::cl::desc("KERNEL HASH BATCH SCHEDULE; ...")};

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<cost::Preferences> read = readPreferences(module, given());
    if (failed(read) || failed(checkMaxBatch(module.getLoc(), maxBatch)))
      return signalPassFailure();
    preferences = *read;
    Uses uses;
    for (vit::LaunchOp launch : launchesOf(module))
      uses[kernelOf(launch)].push_back(launch);
    if (failed(readTuned(uses)))
      return signalPassFailure();
    if (llvm::all_of(uses,
                     [](auto &use) { return bool(cast<vit::KernelOp>(use.first).getSchedules()); }))
      return;
    std::vector<std::vector<cost::Use>> works;
    for (auto &[op, launches] : uses)
      works.push_back(usesOf(launches));
    std::vector<double> shares = cost::sharesOfTime(works, maxBatch, preferences);
    for (auto [use, work, share] : llvm::zip_equal(uses, works, shares))
      if (auto kernel = cast<vit::KernelOp>(use.first); !kernel.getSchedules())
        if (failed(schedule(kernel, use.second, work, share)))
          return signalPassFailure();
  }

  /// `uses`: the launches as passes/cost has them. `share`: of the model's time that the kernel
  /// takes.
  LogicalResult schedule(vit::KernelOp kernel, ArrayRef<vit::LaunchOp> launches,
                         const std::vector<cost::Use> &uses, double share) {
    const cost::Work &work = uses.front().work;
    std::optional<vit::AnySize> sizes = vit::anySizeOf(getOperation());
    cost::Selection selection = sizes ? selectForAnySize(kernel, launches, *sizes, share)
                                      : cost::select(uses, maxBatch, preferences, {.share = share});
    if (!selection.objection.empty()) {
      Operation *root = kernel.getRoot();
      InFlightDiagnostic error = emitError(root ? root->getLoc() : kernel.getLoc());
      error << "kernel '" << kernel.getSymName() << "' (" << opList(kernel) << ")";
      if (root)
        error << " of " << describe(root);
      return error << ": " << selection.objection;
    }
    FailureOr<SmallVector<Attribute>> schedules = tunedSchedules(kernel, work, selection.note);
    if (failed(schedules))
      return failure();
    if (!selection.note.empty()) {
      std::string note = "kernel '" + kernel.getSymName().str() + "': " + selection.note;
      emitWarning(kernel.getLoc()) << note;
      remark::missed(kernel.getLoc(),
                     remark::RemarkOpts::name("over-budget").category("vit-select-schedules"))
          << remark::metric("Ops", opList(kernel)) << remark::reason("{0}", note);
    }
    std::vector<cost::Use> measuredAs = sizes ? std::vector<cost::Use>{{workOf(kernel)}} : uses;
    if (schedules->empty())
      for (const cost::BatchRange &range : cost::withMeasured(
               selection.ranges, profileOf(kernel, work), selection.ranges.back().maxBatch,
               cost::losesNoMore(measuredAs, selection.ranges, *preferences.gpu)))
        for (const cost::Schedule &alternative : range.alternatives)
          schedules->push_back(
              attributeOf(&getContext(), alternative, range.minBatch, range.maxBatch));
    kernel.setSchedulesAttr(ArrayAttr::get(&getContext(), *schedules));
    return success();
  }

  /// Why the device cannot launch a kernel on as many images, or as many patches, as there may be;
  /// empty if it can.
  std::string objectionToSizes(vit::KernelOp kernel, ArrayRef<vit::LaunchOp> launches,
                               const vit::AnySize &sizes) {
    auto countsQueries = [](vit::LaunchOp launch) { return workOf(launch).anyQueries; };
    if (maxBatch > cost::mostImagesOfAnySize && llvm::any_of(launches, countsQueries))
      return "max-batch is " + std::to_string(maxBatch) +
             ", but an attention for any size of images launches at most " +
             std::to_string(cost::mostImagesOfAnySize) + "; lower --max-batch";
    if (kernel.getFamily() != vit::KernelFamily::Gemm)
      return "";
    // The most of all kernels, so that what is said is enough for each.
    int64_t rows = 0, most = cost::mostGemmRows(preferences);
    vit::TokenCount tokens;
    for (vit::LaunchOp launch : launchesOf(getOperation()))
      if (kernelOf(launch).getFamily() == vit::KernelFamily::Gemm &&
          largestMeasure(launch, sizes, maxBatch) > rows) {
        rows = largestMeasure(launch, sizes, maxBatch);
        tokens = measureOf(launch);
      }
    if (rows <= most)
      return "";
    int64_t images = most / (rows / maxBatch);
    int64_t patches = tokens.perPatch ? (most / maxBatch - tokens.constant) / tokens.perPatch : 0;
    std::string cure = patches > 0 ? "--max-tokens to " + std::to_string(patches) : "";
    if (images > 0)
      cure += (cure.empty() ? "" : " or ") + ("--max-batch to " + std::to_string(images));
    if (cure.empty())
      cure = "--max-tokens and --max-batch";
    return std::to_string(maxBatch) + " images of " + std::to_string(sizes.maxTokens) +
           " patches are " + std::to_string(rows) + " rows, at most " + std::to_string(most) +
           " can be launched; lower " + cure;
  }

  /// Ranges of rows instead of batches: a row costs the same whatever image it is of. An attention
  /// is judged by images of a common size, of which there are as many as rows make.
  cost::Selection selectForAnySize(vit::KernelOp kernel, ArrayRef<vit::LaunchOp> launches,
                                   const vit::AnySize &sizes, double share) {
    constexpr int64_t commonTokens = 256;
    if (std::string why = objectionToSizes(kernel, launches, sizes); !why.empty()) {
      cost::Selection none;
      none.objection = why;
      return none;
    }
    int64_t most = 0;
    for (vit::LaunchOp launch : launches)
      most = std::max(most, largestMeasure(launch, sizes, maxBatch));
    if (!kernel.getTokens())
      return cost::select({{workOf(kernel)}}, most, preferences, {.finer = true, .share = share});
    vit::LaunchOp first = launches.front();
    bool whole = kernel.getFamily() == vit::KernelFamily::Attention || !measureOf(first).perPatch;
    int64_t tokens = whole ? commonTokens : 1;
    int64_t unit = measureOf(first).perPatch ? tokens : 1;
    cost::Selection selection = cost::select({{workAt(first, tokens)}}, (most - 1) / unit + 1,
                                             preferences, {.finer = unit == 1, .share = share});
    for (cost::BatchRange &range : selection.ranges) {
      range.minBatch = (range.minBatch - 1) * unit + 1;
      range.maxBatch = std::min(range.maxBatch * unit, most);
    }
    return selection;
  }

  // Measured schedules -------------------------------------------------------

  /// Entries are "KERNEL HASH BATCH SCHEDULE" or "* HASH ROWS SCHEDULE".
  LogicalResult readTuned(Uses &uses) {
    tunedEntries.clear(), profile.clear();
    SmallVector<StringRef> entries;
    StringRef(tuned).split(entries, ';', -1, /*KeepEmpty=*/false);
    llvm::StringMap<Operation *> byHash;
    if (!entries.empty())
      for (const auto &use : uses)
        byHash[hashText(use.first)] = use.first;
    for (StringRef entry : entries) {
      auto [name, rest] = entry.split(' ');
      auto [hash, more] = rest.split(' ');
      auto [batchText, text] = more.split(' ');
      auto fail = [&, name = name] {
        return emitError(getOperation().getLoc()) << "tuned schedule of '" << name << "': ";
      };
      int64_t batch = 0;
      auto invalid = [&, entry = entry] {
        return fail() << "expected KERNEL HASH BATCH SCHEDULE, but got '" << entry << "'";
      };
      if (batchText.getAsInteger(10, batch) || batch < 1)
        return invalid();
      bool anywhere = name == "*";
      Operation *known = anywhere ? byHash.lookup(hash) : nullptr;
      if (anywhere && !known)
        continue;
      auto use = llvm::find_if(uses, [&, name = name](const auto &use) {
        return known ? use.first == known : cast<vit::KernelOp>(use.first).getSymName() == name;
      });
      if (use == uses.end())
        return fail() << "the model has no such kernel; run vitc tune again";
      cost::Work work = workOf(use->second.front());
      std::optional<cost::Schedule> schedule =
          cost::readSchedule(text.str(), work, *preferences.gpu);
      if (!schedule)
        return invalid();
      if (std::string now = hashText(use->first); now != hash)
        return fail() << "it was measured for kernel " << hash << ", but the model's is " << now
                      << "; run vitc tune again";
      auto kernel = cast<vit::KernelOp>(use->first);
      if (anywhere &&
          vit::anySizeOf(getOperation())) { // ranges are of rows, but where tokens count
        if (kernel.getTokens())
          continue;
      } else if (anywhere) { // measured for so many rows, of images of any size
        int64_t rows = cost::mostRows(usesOf(use->second)).rows,
                nearest = (batch + rows / 2) / rows;
        if (nearest < 1 || std::abs(nearest * rows - batch) * 10 > batch)
          continue;
        batch = nearest;
      }
      (anywhere ? profile : tunedEntries).push_back({kernel.getSymName().str(), batch, *schedule});
    }
    for (std::vector<Tuned> *list : {&tunedEntries, &profile})
      llvm::stable_sort(*list, [](auto &a, auto &b) { return a.batch < b.batch; });
    return success();
  }

  static std::string hashText(Operation *kernel) {
    return llvm::utohexstr(hashOf(cast<vit::KernelOp>(kernel)), /*LowerCase=*/true, 16);
  }

  /// The kernel's measured schedules, each up to the batch it was measured at, the last for all
  /// that follow, and in `note` why one does not keep the register budget. Fails with a diagnostic
  /// where one cannot be built, or they would sum differently though no batch may.
  FailureOr<SmallVector<Attribute>> tunedSchedules(vit::KernelOp kernel, const cost::Work &work,
                                                   std::string &note) {
    SmallVector<const Tuned *> mine;
    for (const Tuned &entry : tunedEntries)
      if (kernel.getSymName() == entry.kernel)
        mine.push_back(&entry);
    SmallVector<Attribute> schedules;
    if (mine.empty())
      return schedules;
    note.clear();
    auto fail = [&] {
      return emitError(kernel.getLoc())
             << "tuned schedule of '" << kernel.getSymName().str() << "': ";
    };
    int64_t next = 1;
    for (const Tuned *entry : mine) {
      cost::Schedule schedule = entry->schedule;
      std::string why = cost::objection(work, schedule, cost::limitsOf(*preferences.gpu));
      if (!why.empty())
        return fail() << why;
      int64_t last = entry == mine.back() ? maxBatch : std::min<int64_t>(entry->batch, maxBatch);
      if (last < next)
        continue;
      int splits = cost::written(mine.front()->schedule).splits;
      if (int other = cost::written(schedule).splits; batchInvariant && other != splits)
        return fail() << "batch-invariant sums need the same splits for all batches, but it has "
                      << splits << " at batch " << mine.front()->batch << " and " << other
                      << " at batch " << entry->batch
                      << "; run vitc tune again with --batch-invariant";
      keepBudget(work, schedule, note);
      schedules.push_back(attributeOf(&getContext(), schedule, next, last));
      next = last + 1;
    }
    return schedules;
  }

  /// What was measured of the kernel in whatever model, as far as it can be built here.
  std::vector<cost::Measured> profileOf(vit::KernelOp kernel, const cost::Work &work) const {
    std::vector<cost::Measured> measured;
    for (const Tuned &entry : profile)
      if (kernel.getSymName() == entry.kernel &&
          (measured.empty() || measured.back().batch < entry.batch) &&
          cost::objection(work, entry.schedule, cost::limitsOf(*preferences.gpu)).empty())
        measured.push_back({entry.batch, entry.schedule});
    return measured;
  }

  /// Bounds the registers of a schedule that somebody chose; `note` says if they will not do.
  void keepBudget(const cost::Work &work, cost::Schedule &schedule, std::string &note) const {
    int budget = preferences.registerBudget;
    if (budget >= 255)
      return;
    schedule.registers = schedule.registers ? std::min(schedule.registers, budget) : budget;
    if (int needed = cost::predictRegisters(work, schedule); needed > budget)
      note = ("predicted " + Twine(needed) + " registers, budget " + Twine(budget)).str();
  }

  cost::Preferences preferences;
  std::vector<Tuned> tunedEntries;
  std::vector<Tuned> profile; ///< by hash, of any model
};
} // namespace

std::unique_ptr<Pass> createSelectSchedules(const PipelineOptions &options) {
  return std::make_unique<SelectSchedules>(options);
}
} // namespace vitc
