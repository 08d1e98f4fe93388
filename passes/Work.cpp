//===- Work.cpp - What passes/cost is told about kernels ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Work.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <numeric>

using namespace mlir;
using namespace vitc;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

static cost::Root rootKind(Operation *root) {
  if (!root)
    return cost::Root::None;
  return llvm::StringSwitch<cost::Root>(root->getName().stripDialect())
      .Case("linear", cost::Root::Linear)
      .Case("attention", cost::Root::Attention)
      .Case("layer_norm", cost::Root::LayerNorm)
      .Case("patchify", cost::Root::Patchify)
      .Case("select", cost::Root::Select)
      .Case("prepend", cost::Root::Prepend)
      .Default(cost::Root::Broadcast);
}

static int64_t bytesOf(RankedTensorType type) { return type.getElementTypeBitWidth() / 8; }

/// Bytes per image, or of a whole weight.
static int64_t sizeOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bytes = bytesOf(tensor);
  for (int64_t size : tensor.getShape())
    bytes *= ShapedType::isDynamic(size) ? 1 : size;
  return bytes;
}

/// Neighbouring columns that one access takes: a power of two, at most 8.
static int vectorOf(int64_t width) {
  int vector = 8;
  while (width % vector != 0)
    vector /= 2;
  return vector;
}

static bool isExpensive(Operation *op) { return isa<vit::GeluOp, vit::SiluOp, vit::TanhOp>(op); }

static void describeRoot(cost::Work &work, vit::KernelOp kernel, TypeRange operands) {
  Operation *root = kernel.getRoot();
  if (!root)
    return;
  work.inputBytes = bytesOf(tensorType(root->getOperand(0)));
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
  } else if (auto patchify = dyn_cast<vit::PatchifyOp>(root)) {
    // Neighbours in a row of patches are neighbours in the image up to the patch's width.
    work.vector = vectorOf(std::gcd(work.columns, patchify.getPatch()[1]));
  }
}

cost::Work vitc::workOf(vit::KernelOp kernel, TypeRange operands, TypeRange results) {
  cost::Work work;
  SmallVector<Operation *> roots = kernel.getRoots();
  work.root = rootKind(kernel.getRoot());
  auto first = cast<RankedTensorType>(results.front());
  work.rows = vit::rowsPerImage(first);
  work.columns = widthOf(first);
  work.vector = vectorOf(work.columns);
  if (!operands.empty())
    work.inputBytes = bytesOf(cast<RankedTensorType>(operands.front()));
  describeRoot(work, kernel, operands);

  work.results = static_cast<int>(results.size());
  work.outputBytes = 0;
  for (Type type : results) {
    work.outputBytes += static_cast<int>(bytesOf(cast<RankedTensorType>(type)));
    work.written += sizeOf(type);
  }

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
      ++(isExpensive(&op) ? ops.expensive : ops.cheap);
    }

  if (work.root == cost::Root::LayerNorm)
    work.rowReused = llvm::any_of(roots.front()->getOperand(0).getUsers(), [&](Operation *user) {
      return user != roots.front() && !before.contains(user) && !isa<vit::YieldOp>(user);
    });

  for (auto [argument, type] : llvm::zip_equal(kernel.getBody().getArguments(), operands)) {
    bool ofRoot = false, ofOthers = false;
    for (Operation *user : argument.getUsers())
      (llvm::is_contained(roots, user) ? ofRoot : ofOthers) = true;
    // A layer_norm has its row at hand for the ops after it.
    ofOthers &= !(ofRoot && work.root == cost::Root::LayerNorm);
    if (!vit::isBatchTensor(type)) {
      work.weightRead += sizeOf(type);
      if (ofOthers)
        ++(tensorType(argument).getRank() == 1 ? work.vectors : work.activations);
      continue;
    }
    // A select reads one token of each image.
    bool one = isa_and_present<vit::SelectOp>(kernel.getRoot());
    int64_t size = sizeOf(type) / (one ? vit::rowsPerImage(cast<RankedTensorType>(type)) : 1);
    if (ofRoot)
      work.rootRead += size;
    if (ofOthers) {
      work.otherRead += size;
      ++work.activations;
    }
  }
  return work;
}

cost::Work vitc::workOf(vit::LaunchOp launch) {
  return workOf(kernelOf(launch), launch.getOperandTypes(), launch.getResultTypes());
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

cost::Schedule vitc::scheduleOf(vit::ScheduleAttr attribute) {
  cost::Schedule schedule;
  auto copy = [](ArrayRef<int64_t> from, auto &to) {
    for (size_t i = 0; i < std::min(from.size(), to.size()); ++i)
      to[i] = static_cast<int>(from[i]);
  };
  copy(attribute.getBlock(), schedule.block);
  copy(attribute.getWarp(), schedule.warp);
  schedule.stages = static_cast<int>(attribute.getStages());
  schedule.buffers = static_cast<int>(attribute.getBuffers());
  schedule.splits = static_cast<int>(attribute.getSplits());
  schedule.registers = static_cast<int>(attribute.getRegisters());
  schedule.recompute = attribute.getRecompute();
  return schedule;
}

vit::ScheduleAttr vitc::attributeOf(MLIRContext *context, const cost::Schedule &schedule,
                                    cost::Root root, int64_t minBatch, int64_t maxBatch) {
  size_t block = root == cost::Root::Linear ? 3 : root == cost::Root::Attention ? 2 : 1;
  SmallVector<int64_t> sizes(schedule.block.begin(), schedule.block.begin() + block);
  SmallVector<int64_t> warp(schedule.warp.begin(),
                            schedule.warp.begin() + (root == cost::Root::Linear ? 2 : 1));
  return vit::ScheduleAttr::get(context, minBatch, maxBatch, sizes, warp, schedule.stages,
                                schedule.buffers, schedule.splits, schedule.registers,
                                schedule.recompute);
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
    p.tile = cost::parseTile(options.tile, *p.gpu, error, /*warpLimit=*/!options.forceFuse);
    if (!p.tile)
      return fail(error);
  }
  return p;
}
