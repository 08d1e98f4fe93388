//===- CostBridge.cpp - Kernels in IR as numbers of passes/cost -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/CostBridge.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/ErrorHandling.h"

#include <numeric>

using namespace mlir;
using namespace vitc;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

static cost::Family familyOf(Operation *root) {
  using cost::Family;
  if (!root)
    return Family::Elementwise;
  return llvm::TypeSwitch<Operation *, Family>(root)
      .Case<vit::LinearOp>([](auto) { return Family::Gemm; })
      .Case<vit::AttentionOp>([](auto) { return Family::Attention; })
      .Case<vit::LayerNormOp>([](auto) { return Family::Norm; })
      .Case<vit::PatchifyOp, vit::SelectOp, vit::PrependOp, vit::BroadcastOp>(
          [](auto) { return Family::Tokens; })
      .Default([](Operation *op) -> Family {
        llvm::report_fatal_error("no kernel family for '" + op->getName().getStringRef() + "'");
      });
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
    work.vector = cost::vectorWidth(std::gcd(work.columns, patchify.getPatch()[1]));
    work.gathers = true;
  }
}

cost::Work vitc::workOf(vit::KernelOp kernel, TypeRange operands, TypeRange results) {
  cost::Work work;
  SmallVector<Operation *> roots = kernel.getRoots();
  work.family = familyOf(kernel.getRoot());
  auto first = cast<RankedTensorType>(results.front());
  work.rows = vit::rowsPerImage(first);
  work.columns = widthOf(first);
  work.vector = cost::vectorWidth(work.columns);
  if (!operands.empty())
    work.inputBytes = bytesOf(cast<RankedTensorType>(operands.front()));
  describeRoot(work, kernel, operands);

  work.results = static_cast<int>(results.size());
  work.outputBytes = 0;
  work.narrowest = static_cast<int>(bytesOf(first));
  for (Type type : results) {
    int bytes = static_cast<int>(bytesOf(cast<RankedTensorType>(type)));
    work.outputBytes += bytes;
    work.narrowest = std::min(work.narrowest, bytes);
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

  if (work.family == cost::Family::Norm)
    work.rowReused = llvm::any_of(roots.front()->getOperand(0).getUsers(), [&](Operation *user) {
      return user != roots.front() && !before.contains(user) && !isa<vit::YieldOp>(user);
    });

  for (auto [argument, type] : llvm::zip_equal(kernel.getBody().getArguments(), operands)) {
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

cost::Work vitc::workOf(vit::KernelOp kernel) {
  return workOf(kernel, kernel.getArgumentTypes(), kernel.getResultTypes());
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
  using cost::Schedule;
  // Verified: all numbers are small.
  Schedule schedule =
      llvm::TypeSwitch<Attribute, Schedule>(attribute)
          .Case([](vit::GemmScheduleAttr a) {
            cost::GemmSchedule s;
            llvm::copy(a.getTile(), s.tile.begin());
            llvm::copy(a.getWarp(), s.warp.begin());
            s.stages = int(a.getStages());
            s.buffers = int(a.getBuffers());
            s.splits = int(a.getSplits());
            return Schedule{s};
          })
          .Case([](vit::AttentionScheduleAttr a) {
            return Schedule{
                cost::AttentionSchedule{int(a.getRows()), int(a.getKeys()), a.getResident()}};
          })
          .Case([](vit::NormScheduleAttr a) {
            return Schedule{
                cost::NormSchedule{int(a.getRows()), int(a.getWarp()), a.getRecompute()}};
          })
          .Case([](vit::TokensScheduleAttr a) {
            return Schedule{cost::TokensSchedule{{int(a.getElements()), int(a.getWarp())}}};
          })
          .Case([](vit::ElementwiseScheduleAttr a) {
            return Schedule{cost::ElementwiseSchedule{{int(a.getElements()), int(a.getWarp())}}};
          });
  schedule.registers = int(attribute.getRegisters());
  return schedule;
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
    return vit::AttentionScheduleAttr::get(context, minBatch, maxBatch, s.rows, s.keys, s.resident,
                                           registers);
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

FailureOr<cost::Preferences> vitc::readPreferences(ModuleOp module,
                                                   const ScheduleOptions &options) {
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
  p.force = options.force;
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
    p.tile = cost::parseTile(options.tile, *p.gpu, error, options.force);
    if (!p.tile)
      return fail(error);
  }
  return p;
}
