//===- CostBridge.cpp - Kernels in IR as numbers of passes/cost -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/CostBridge.h"

#include "passes/cost/Mma.h"
#include "passes/cost/Time.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace vitc;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

static cost::Family familyOf(vit::KernelFamily family) {
  switch (family) {
  case vit::KernelFamily::Elementwise:
    return cost::Family::Elementwise;
  case vit::KernelFamily::Gemm:
    return cost::Family::Gemm;
  case vit::KernelFamily::Attention:
    return cost::Family::Attention;
  case vit::KernelFamily::Norm:
    return cost::Family::Norm;
  case vit::KernelFamily::Patchify:
  case vit::KernelFamily::Prepend:
  case vit::KernelFamily::Broadcast:
  case vit::KernelFamily::Select:
  case vit::KernelFamily::Append:
  case vit::KernelFamily::Mean:
  case vit::KernelFamily::Merge:
    return cost::Family::Tokens;
  }
  llvm_unreachable("all families are above");
}

static int64_t bytesOf(RankedTensorType type) { return vit::bytesOf(type.getElementType()); }

/// Bytes per image, or of a whole weight.
static int64_t sizeOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bytes = bytesOf(tensor);
  for (int64_t size : tensor.getShape())
    bytes *= ShapedType::isDynamic(size) ? 1 : size;
  return bytes;
}

static void describeRoot(cost::Work &work, vit::KernelOp kernel, TypeRange operands) {
  Operation *root = kernel.getRoot();
  if (!root)
    return;
  work.inputBytes = bytesOf(tensorType(root->getOperand(0)));
  work.threefold = isProduct(root) && tensorType(root->getOperand(0)).getElementType().isF32();
  if (auto linear = dyn_cast<vit::LinearOp>(root)) {
    work.depth = linear.getWeight().getType().getDimSize(1);
    work.products = static_cast<int>(kernel.getRoots().size());
  } else if (auto attention = dyn_cast<vit::AttentionOp>(root)) {
    auto typeOf = [&](Value value) { // rank-2 kernels do not attend
      auto argument = dyn_cast<BlockArgument>(value);
      return cast<RankedTensorType>(argument ? operands[argument.getArgNumber()] : value.getType());
    };
    work.heads = attention.getHeads();
    work.headDim = attention.getHeadDim();
    work.queries = vit::rowsPerImage(typeOf(attention.getQuery()));
    work.keys = vit::rowsPerImage(typeOf(attention.getKey()));
    work.overBatch = attention.getAxis() == vit::Axis::Batch;
    if (auto windows = attention.getWindows()) {
      work.windows = work.keys / windows->tokens();
      work.queries = work.keys = windows->tokens();
      work.parted = llvm::any_of(windows->getShift(), [](int64_t shift) { return shift > 0; });
    }
    work.biased = attention.getBias() != nullptr;
    work.anyQueries = kernel.getTokens() && work.queries >= vit::anyTokens;
    work.anyKeys = kernel.getTokens() && work.keys >= vit::anyTokens;
  } else if (auto patchify = dyn_cast<vit::PatchifyOp>(root)) {
    // Neighbours in a row of patches are neighbours in the image up to the patch's width; lines of
    // the image begin where its width says. Of bytes both have all channels.
    vit::ImageShape image = vit::imageShapeOf(patchify.getInput().getType());
    int64_t together = patchify.getOrder() == vit::PatchOrder::Bytes ? image.channels : 1;
    int64_t line = image.width * together, run = patchify.getPatch()[1] * together;
    work.vector = cost::vectorWidth(std::gcd(std::gcd(work.columns, line), run));
    work.gathers = true;
  } else if (auto norm = dyn_cast<vit::NormInterface>(root)) {
    work.groups = static_cast<int64_t>(norm.getGroups());
  } else if (auto mean = dyn_cast<vit::MeanTokensOp>(root)) {
    work.summed =
        vit::rowsPerImage(tensorType(mean.getInput())) - static_cast<int64_t>(mean.getFirst());
    work.anyKeys = kernel.getTokens().has_value();
  } else if (auto merge = dyn_cast<vit::MergePatchesOp>(root)) {
    work.vector = cost::vectorWidth(widthOf(merge.getInput())); // of one of the four
  }
}

/// Moments leave a kernel with a root beside the elements of its results: one pair for many.
static void describeResults(cost::Work &work, vit::KernelOp kernel, TypeRange results) {
  work.outputBytes = work.results = 0;
  work.narrowest = static_cast<int>(bytesOf(cast<RankedTensorType>(results.front())));
  for (auto [type, value] : llvm::zip_equal(results, kernel.getYield().getValues())) {
    work.written += sizeOf(type);
    auto moments = value.getDefiningOp<vit::MomentsOp>();
    if (moments && kernel.getRoot()) {
      work.group = static_cast<int64_t>(moments.getGroup());
      continue;
    }
    int bytes = static_cast<int>(bytesOf(cast<RankedTensorType>(type)));
    ++work.results;
    work.outputBytes += bytes;
    work.narrowest = std::min(work.narrowest, bytes);
  }
}

bool vitc::isMoments(BlockArgument argument) {
  return !argument.use_empty() && llvm::all_of(argument.getUses(), [](OpOperand &use) {
    auto normalize = dyn_cast<vit::NormalizeOp>(use.getOwner());
    return normalize && &use == &normalize.getMomentsMutable();
  });
}

cost::Work vitc::workOf(vit::KernelOp kernel, TypeRange operands, TypeRange results) {
  cost::Work work;
  SmallVector<Operation *> roots = kernel.getRoots();
  work.family = familyOf(kernel.getFamily());
  auto first = cast<RankedTensorType>(results.front());
  work.rows = vit::rowsPerImage(first);
  work.columns = widthOf(first);
  work.vector = cost::vectorWidth(work.columns);
  if (!operands.empty())
    work.inputBytes = bytesOf(cast<RankedTensorType>(operands.front()));
  describeRoot(work, kernel, operands);

  describeResults(work, kernel, results);

  // What a root's operand is computed from comes before it.
  llvm::SmallPtrSet<Operation *, 8> before;
  SmallVector<Operation *> pending(roots);
  while (!pending.empty())
    for (Value operand : pending.pop_back_val()->getOperands())
      if (Operation *op = operand.getDefiningOp(); op && before.insert(op).second)
        pending.push_back(op);
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!llvm::is_contained(roots, &op)) {
      cost::Arithmetic &ops = before.contains(&op) ? work.before : work.after;
      ++(cast<vit::ElementwiseInterface>(op).isExpensive() ? ops.expensive : ops.cheap);
    }

  if (work.family == cost::Family::Norm)
    work.rowReused = llvm::any_of(roots.front()->getOperand(0).getUsers(), [&](Operation *user) {
      return user != roots.front() && !before.contains(user) && !isa<vit::YieldOp>(user);
    });

  SmallVector<llvm::BitVector> read = tokensRead(kernel.getBody().front());
  for (auto [argument, type, tokens] :
       llvm::zip_equal(kernel.getBody().getArguments(), operands, read)) {
    bool ofRoot = false, ofOthers = false;
    for (Operation *user : argument.getUsers())
      (llvm::is_contained(roots, user) ? ofRoot : ofOthers) = true;
    // A layer_norm has its row at hand for the ops after it.
    ofOthers &= !(ofRoot && work.family == cost::Family::Norm);
    if (!vit::isBatchTensor(type)) {
      work.weightRead += sizeOf(type);
      if (ofOthers)
        ++(tensorType(argument).getRank() == 1 ? work.vectors : work.activations);
      continue;
    }
    auto size = static_cast<int64_t>(sizeOf(type) / tokens.size() * tokens.count());
    if (ofRoot)
      work.rootRead += size;
    if (!ofOthers)
      continue;
    work.otherRead += size;
    if (isMoments(argument) && work.family == cost::Family::Gemm)
      work.normalized = true;
    else
      ++work.activations;
  }
  return work;
}

cost::Work vitc::workOf(vit::LaunchOp launch) {
  return workOf(kernelOf(launch), launch.getOperandTypes(), launch.getResultTypes());
}

cost::Work vitc::workOf(vit::KernelOp kernel) {
  return workOf(kernel, kernel.getArgumentTypes(), kernel.getResultTypes());
}

/// Whether a weight has a row for each token of a model for any size.
static bool isTable(RankedTensorType type) {
  vit::TokenCount rows = vit::tokenCountOf(type.getDimSize(0));
  return type.getRank() == 2 && rows.perPatch && rows.constant <= vit::mostExtraTokens;
}

cost::Work vitc::workAt(vit::LaunchOp launch, int64_t tokens) {
  cost::Work work = workOf(launch);
  for (int64_t *number : {&work.rows, &work.queries, &work.keys, &work.summed})
    if (*number >= vit::anyTokens)
      *number = tokens;
  for (int64_t *bytes : {&work.rootRead, &work.otherRead, &work.written})
    *bytes = *bytes / vit::anyTokens * tokens + *bytes % vit::anyTokens * tokens / vit::anyTokens;
  // Of a table as many rows as there are tokens.
  for (Type type : launch.getOperandTypes())
    if (auto table = cast<RankedTensorType>(type); !vit::isBatchTensor(type) && isTable(table)) {
      work.weightRead -= sizeOf(type);
      work.otherRead += sizeOf(type) / table.getDimSize(0) * tokens;
    }
  return work;
}

vit::TokenCount vitc::measureOf(vit::LaunchOp launch) {
  vit::TokenCount rows = vit::tokenCountOf(vit::rowsPerImage(tensorType(launch->getResult(0))));
  bool countsImages = kernelOf(launch).getTokens() && !rows.perPatch;
  return countsImages ? vit::TokenCount{1, 0} : rows;
}

int64_t vitc::largestMeasure(vit::LaunchOp launch, const vit::AnySize &sizes, int64_t maxBatch) {
  vit::TokenCount rows = measureOf(launch);
  return maxBatch * (rows.constant + rows.perPatch * sizes.maxTokens);
}

std::vector<cost::Use> vitc::usesOf(ArrayRef<vit::LaunchOp> launches) {
  std::vector<cost::Use> uses;
  for (vit::LaunchOp launch : launches) {
    cost::Work work = workOf(launch);
    auto same = llvm::find_if(uses, [&](const cost::Use &use) { return use.work == work; });
    if (same == uses.end())
      uses.push_back({work, 1});
    else
      ++same->count;
  }
  return uses;
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

using Numbers = decltype(cost::Schedule::numbers);

/// Verified: all numbers are small.
static Numbers numbersOf(vit::ScheduleAttr attribute) {
  if (auto a = dyn_cast<vit::GemmScheduleAttr>(attribute)) {
    cost::GemmSchedule s;
    llvm::copy(a.getTile(), s.tile.begin());
    llvm::copy(a.getWarp(), s.warp.begin());
    s.stages = int(a.getStages());
    s.buffers = int(a.getBuffers());
    s.splits = int(a.getSplits());
    return s;
  }
  if (auto a = dyn_cast<vit::AttentionScheduleAttr>(attribute))
    return cost::AttentionSchedule{int(a.getRows()), int(a.getKeys()), int(a.getStages()),
                                   a.getResident(), int(a.getWarp())};
  if (auto a = dyn_cast<vit::NormScheduleAttr>(attribute))
    return cost::NormSchedule{int(a.getRows()), int(a.getWarp()), a.getRecompute()};
  if (auto a = dyn_cast<vit::TokensScheduleAttr>(attribute))
    return cost::TokensSchedule{{int(a.getElements()), int(a.getWarp())}};
  auto a = cast<vit::ElementwiseScheduleAttr>(attribute);
  return cost::ElementwiseSchedule{{int(a.getElements()), int(a.getWarp())}};
}

cost::Schedule vitc::scheduleOf(vit::ScheduleAttr attribute) {
  return {numbersOf(attribute), int(attribute.getRegisters())};
}

namespace {

/// The attribute that has the numbers of a schedule.
struct MakeAttribute {
  MLIRContext *context;
  int64_t minBatch, maxBatch, registers;

  vit::ScheduleAttr operator()(const cost::GemmSchedule &s) const {
    SmallVector<int64_t> tile(s.tile.begin(), s.tile.end()), warp(s.warp.begin(), s.warp.end());
    return vit::GemmScheduleAttr::get(context, minBatch, maxBatch, tile, warp, s.stages, s.buffers,
                                      s.splits, registers);
  }
  vit::ScheduleAttr operator()(const cost::AttentionSchedule &s) const {
    return vit::AttentionScheduleAttr::get(context, minBatch, maxBatch, s.rows, s.keys, s.stages,
                                           s.resident, s.warp, registers);
  }
  vit::ScheduleAttr operator()(const cost::NormSchedule &s) const {
    return vit::NormScheduleAttr::get(context, minBatch, maxBatch, s.rows, s.warp, s.recompute,
                                      registers);
  }
  vit::ScheduleAttr operator()(const cost::TokensSchedule &s) const {
    return vit::TokensScheduleAttr::get(context, minBatch, maxBatch, s.elements, s.warp, registers);
  }
  vit::ScheduleAttr operator()(const cost::ElementwiseSchedule &s) const {
    return vit::ElementwiseScheduleAttr::get(context, minBatch, maxBatch, s.elements, s.warp,
                                             registers);
  }
};

} // namespace

vit::ScheduleAttr vitc::attributeOf(MLIRContext *context, const cost::Schedule &schedule,
                                    int64_t minBatch, int64_t maxBatch) {
  return std::visit(MakeAttribute{context, minBatch, maxBatch, schedule.registers},
                    schedule.numbers);
}

vit::ScheduleAttr vitc::scheduleAt(vit::KernelOp kernel, int64_t batch) {
  if (auto schedules = kernel.getSchedules())
    for (auto schedule : schedules->getAsRange<vit::ScheduleAttr>())
      if (schedule.getMinBatch() <= batch && batch <= schedule.getMaxBatch())
        return schedule;
  return {};
}

//===----------------------------------------------------------------------===//
// Whole models, and options
//===----------------------------------------------------------------------===//

double vitc::predictModel(ModuleOp module, const cost::Gpu &gpu, int64_t batch) {
  double seconds = 0;
  for (vit::LaunchOp launch : launchesOf(module)) {
    vit::ScheduleAttr schedule = scheduleAt(kernelOf(launch), batch);
    assert(schedule && "kernels are scheduled for this batch");
    seconds += cost::predict(workOf(launch), scheduleOf(schedule), batch, gpu).seconds +
               gpu.launchGapUs * 1e-6;
  }
  return seconds;
}

namespace {
/// Bytes per image of inputs and outputs, by the value: at most, of one launch.
using Traffic = llvm::MapVector<Value, int64_t>;
} // namespace

/// Adds what `launch` reads of its operands; a kernel may read few of an operand's tokens.
static void addReads(vit::LaunchOp launch, Traffic &traffic) {
  Block &body = kernelOf(launch).getBody().front();
  for (auto [operand, tokens] : llvm::zip_equal(launch.getOperands(), tokensRead(body)))
    if (isa<BlockArgument>(operand) && vit::isBatchTensor(operand.getType())) {
      auto share = static_cast<int64_t>(sizeOf(operand.getType()) / tokens.size());
      int64_t &bytes = traffic[operand];
      bytes = std::max(bytes, share * static_cast<int64_t>(tokens.count()));
    }
}

Roofline vitc::rooflineOf(ModuleOp module, const cost::Gpu &gpu, int64_t batch) {
  double flops = 0, l2 = 0, dram = 0, rate = 0;
  Traffic traffic;
  for (vit::LaunchOp launch : launchesOf(module)) {
    cost::Work work = workOf(launch);
    dram += double(work.weightRead);
    if (isProduct(kernelOf(launch).getRoot())) {
      const cost::MmaShape &mma = cost::mmaOf(work);
      rate = std::max(rate, mma.rate / mma.instructions);
    }
    addReads(launch, traffic);
  }
  for (func::FuncOp model : vit::modelFunctions(module)) {
    flops += double(batch) * double(countFlops(model, batch));
    for (Value output : model.getBody().front().getTerminator()->getOperands())
      if (vit::isBatchTensor(output.getType()))
        traffic[output] = sizeOf(output.getType());
  }
  // As predictions have it: activations that fit are found in L2, weights never are.
  for (auto [value, bytes] : traffic) {
    cost::Work work;
    work.otherRead = bytes;
    dram += cost::dramBytes(work, batch, gpu);
    bool columns =
        llvm::any_of(value.getUsers(), [](Operation *user) { // an attention's heads alone
          auto launch = dyn_cast<vit::LaunchOp>(user);
          return launch && kernelOf(launch).getFamily() == vit::KernelFamily::Attention;
        });
    l2 += columns ? 0 : double(bytes) * double(batch);
  }
  double products = flops > 0 ? flops / (gpu.tensorTflops * rate * 1e12) : 0;
  Roofline roofs[] = {
      {products, "tensor"}, {l2 / (gpu.l2GBs * 1e9), "L2"}, {dram / (gpu.dramGBs * 1e9), "DRAM"}};
  return *std::max_element(std::begin(roofs), std::end(roofs),
                           [](const auto &a, const auto &b) { return a.seconds < b.seconds; });
}

FailureOr<cost::Preferences> vitc::readPreferences(ModuleOp module,
                                                   const PipelineOptions &options) {
  cost::Preferences p;
  auto fail = [&](const Twine &text) { return emitError(module.getLoc()) << text, failure(); };
  p.gpu = cost::findGpu(options.gpu);
  if (!p.gpu)
    return fail("no device named '" + options.gpu + "'; known are " + cost::knownGpus());
  if (int64_t budget = options.registerBudget) {
    if (budget < cost::leastBudget || budget > cost::mostBudget)
      return fail("register-budget must be " + Twine(cost::leastBudget) + " to " +
                  Twine(cost::mostBudget) + ", but is " + Twine(budget));
    p.registerBudget = static_cast<int>(budget);
  }
  p.force = options.forceFuse;
  p.batchInvariant = options.batchInvariant;
  if (options.fusePolicy == "keep")
    p.fusePolicy = cost::FusePolicy::Keep;
  else if (options.fusePolicy == "recompute")
    p.fusePolicy = cost::FusePolicy::Recompute;
  else if (options.fusePolicy != "auto")
    return fail("no fuse-policy named '" + options.fusePolicy +
                "'; known are auto, keep, recompute");
  if (options.tilePolicy == "classic")
    p.tilePolicy = cost::TilePolicy::Classic;
  else if (options.tilePolicy != "model" && options.tilePolicy != "tuned")
    return fail("no tile-policy named '" + options.tilePolicy +
                "'; known are model, classic, tuned");
  if (!options.tile.empty()) {
    std::string error;
    p.tile = cost::parseTile(options.tile, *p.gpu, error, options.forceFuse);
    if (!p.tile)
      return fail(error);
  }
  return p;
}
