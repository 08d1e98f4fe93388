//===- Fuse.cpp - Join elementwise kernels to their neighbours ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// An elementwise kernel by itself loads and stores whole activations. In the kernel that computes
// its operand the values are in registers already:
//
//   %y = vit.launch @fc1(%x, %w)            =>     %z = vit.launch @fc1_gelu(%x, %w)
//   %z = vit.launch @gelu(%y)
//
// One walk over the launches in order. A kernel without a root joins the kernel that produces one
// of its operands, products first, then the latest, because by then all its other operands exist. A
// producer further up is moved down if nothing in between reads it. What cannot go up joins the
// layer_norm or the rootless kernel that follows, as its prologue. Products take no prologue,
// because their operands go from memory to shared memory without passing a register.
//
// A linear that gates another of the same input, mul(silu(x * w), x * v), becomes one kernel with
// it: the input is read once, and the gate is in registers when it is needed. The second set of
// accumulators takes the registers of half a tile.
//
// A quantize joins the norm whose rows it reads: they are in the nearest cache.
//
// Inside a kernel nothing is rounded before it is stored, so the last bit may change. Fusing is
// never needed for correctness. Whether it pays is passes/cost's to say, which predicts both forms;
// refusals become remarks, and a note on the launch that vit-require reads.
//===----------------------------------------------------------------------===//

#include "passes/CostBridge.h"
#include "passes/PassOptions.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

namespace vitc {
#define GEN_PASS_DEF_FUSE
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// Two launches, the second reading the first, as one.
class Pair {
public:
  Pair(vit::LaunchOp producer, vit::LaunchOp consumer, KernelTable &kernels)
      : kernels(kernels), producer(producer), consumer(consumer), first(kernels.of(producer)),
        second(kernels.of(consumer)) {
    for (vit::LaunchOp launch : {producer, consumer})
      for (Value operand : launch.getOperands())
        if (operand.getDefiningOp() != producer && !llvm::is_contained(operands, operand))
          operands.push_back(operand);
    for (Value result : producer.getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return user != consumer; }))
        results.push_back(result);
    llvm::append_range(results, consumer.getResults());
  }

  cost::Decision decide(cost::FusionModel &model);
  /// Replaces both by one launch in front of `before`.
  vit::LaunchOp join(Operation *before);
  std::string ops() { return opList(first) + "+" + opList(second); }

private:
  /// The kernel of both, in no module.
  OwningOpRef<vit::KernelOp> build();

  KernelTable &kernels;
  vit::LaunchOp producer, consumer;
  vit::KernelOp first, second;
  SmallVector<Value> operands, results;
};

OwningOpRef<vit::KernelOp> Pair::build() {
  OpBuilder builder(consumer.getContext());
  Location loc = second.getRoot() ? consumer.getLoc() : producer.getLoc();
  auto kernel = createKernel(builder, loc, "fused", ValueRange(operands).getTypes(),
                             ValueRange(results).getTypes());
  Block &body = kernel.getBody().front();
  auto inside = OpBuilder::atBlockEnd(&body);
  IRMapping values; // of the function: operands to arguments, results to what computes them
  values.map(operands, body.getArguments());
  for (vit::LaunchOp launch : {producer, consumer}) {
    vit::KernelOp source = launch == producer ? first : second;
    IRMapping mapping;
    for (auto [argument, operand] :
         llvm::zip_equal(source.getBody().getArguments(), launch.getOperands()))
      mapping.map(argument, values.lookup(operand));
    for (Operation &op : source.getBody().front().without_terminator())
      inside.clone(op, mapping);
    for (auto [result, value] : llvm::zip_equal(launch.getResults(), source.getYield().getValues()))
      values.map(result, mapping.lookupOrDefault(value));
  }
  SmallVector<Value> stored;
  for (Value result : results)
    stored.push_back(values.lookup(result));
  vit::YieldOp::create(inside, loc, stored);
  return kernel;
}

cost::Decision Pair::decide(cost::FusionModel &model) {
  OwningOpRef<vit::KernelOp> kernel = build();
  cost::Work joint =
      workOf(*kernel, ValueRange(operands).getTypes(), ValueRange(results).getTypes());
  auto workOfLaunch = [](vit::KernelOp kernel, vit::LaunchOp launch) {
    return workOf(kernel, launch.getOperandTypes(), launch.getResultTypes());
  };
  return model.decide(workOfLaunch(first, producer), workOfLaunch(second, consumer), joint,
                      static_cast<int>(operands.size() + results.size()));
}

vit::LaunchOp Pair::join(Operation *before) {
  vit::KernelOp kernel = build().release();
  OpBuilder builder(before);
  auto launch = vit::LaunchOp::create(builder, kernel.getLoc(), ValueRange(results).getTypes(),
                                      kernel.getSymName(), operands, DenseI64ArrayAttr(),
                                      DenseI64ArrayAttr());
  for (auto [result, value] : llvm::zip_equal(results, launch.getResults()))
    Value(result).replaceAllUsesWith(value);
  consumer.erase();
  producer.erase();
  for (vit::KernelOp old : {first, second})
    kernels.release(old);
  // Named only now, so that the new kernel may have the name of an old one.
  kernel.setSymName(kernelName(kernel));
  kernels.insert(kernel, launch->getParentOfType<func::FuncOp>());
  launch.setKernel(kernel.getSymName());
  return launch;
}

struct Fuse : SchedulingPass<impl::FuseBase<Fuse>> {
  using SchedulingPass::SchedulingPass;
  Fuse(const Fuse &other) : SchedulingPass(other) {}
  Fuse(const PipelineOptions &options, bool forCpu) : SchedulingPass(options) { cpu = forCpu; }

  Option<bool> cpu{*this, "cpu", llvm::cl::desc("make every fusion, for code of a CPU"),
                   llvm::cl::init(false)};

  void runOnOperation() override {
    FailureOr<cost::Preferences> preferences = readPreferences(getOperation(), given());
    if (failed(preferences) || failed(checkMaxBatch(getOperation().getLoc(), maxBatch)))
      return signalPassFailure();
    model.emplace(*preferences, maxBatch);
    kernels.emplace(getOperation());
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      Block &body = model.getBody().front();
      // Weights do not depend on activations: in front of all launches they are in nobody's way.
      Operation *firstLaunch = nullptr;
      for (Operation &op : llvm::make_early_inc_range(body))
        if (!vit::isWeightArithmetic(&op))
          firstLaunch = firstLaunch ? firstLaunch : &op;
        else if (firstLaunch)
          op.moveBefore(firstLaunch);
      for (Operation *op = &body.front(); op;) {
        Operation *next = op->getNextNode();
        // What a fusion leaves without a root may have another neighbour to join.
        for (auto launch = dyn_cast<vit::LaunchOp>(op); launch;)
          launch = visit(launch, next);
        op = next;
      }
      if (!cpu)
        for (auto launch : body.getOps<vit::LaunchOp>())
          refuseRoots(launch);
    }
  }

  /// Moments see whole groups of columns, as products have them.
  bool makesMoments(vit::LaunchOp launch) {
    Block &body = kernels->of(launch).getBody().front();
    return !body.getOps<vit::MomentsOp>().empty();
  }

  /// Whether `consumer` normalises by moments that `producer` makes: of a whole row they exist when
  /// the producer has ended.
  bool needsMomentsOf(vit::LaunchOp producer, vit::LaunchOp consumer) {
    for (auto normalize : kernels->of(consumer).getBody().getOps<vit::NormalizeOp>())
      if (producerOf(consumer, normalize.getMoments()) == producer)
        return true;
    return false;
  }

  /// Tries to join `launch` to a neighbour and returns the result if it is to be tried again.
  /// `next`, where the walk goes on, is kept valid.
  vit::LaunchOp visit(vit::LaunchOp launch, Operation *&next) {
    if (launch.getPlaces())
      return {};
    if (!isElementwise(launch))
      return isa_and_present<vit::QuantizeOp>(kernels->of(launch).getRoot()) ? visitQuantize(launch)
                                                                             : visitLinear(launch);
    bool moments = makesMoments(launch);
    for (vit::LaunchOp producer : producersBestFirst(launch))
      if ((moments && !isGemm(producer)) || needsMomentsOf(producer, launch))
        continue;
      else if (Operation *place = upwardPlace(producer, launch))
        if (vit::LaunchOp fused = fuse(producer, launch, place))
          return fused;
    if (moments)
      return {};
    if (vit::LaunchOp consumer = prologueOf(launch)) {
      bool isNext = next == consumer;
      vit::LaunchOp fused = fuse(launch, consumer, consumer);
      if (fused && isNext)
        next = fused;
    }
    return {};
  }

  /// Says of what is left why no kernel does both.
  void refuseRoots(vit::LaunchOp launch) {
    vit::KernelFamily family = kernels->of(launch).getFamily();
    bool norm = family == vit::KernelFamily::Norm;
    if ((!norm && family != vit::KernelFamily::Gemm) || !sameRanks(launch))
      return;
    vit::LaunchOp before = producerOf(launch, kernels->of(launch).getRoot()->getOperand(0));
    if (!before || !isGemm(before))
      return;
    cost::Work first = workOfLaunch(before), second = workOfLaunch(launch);
    refuse(before, launch,
           norm ? model->normAfterLinear(first, second) : model->linearAfterLinear(first, second));
  }

  /// A linear joins one that gates it.
  vit::LaunchOp visitLinear(vit::LaunchOp launch) {
    for (Value operand : launch.getOperands())
      if (auto gate = operand.getDefiningOp<vit::LaunchOp>(); gate && gates(gate, launch))
        if (Operation *place = upwardPlace(gate, launch))
          return fuse(gate, launch, place);
    return {};
  }

  /// A quantize joins the norm that makes its rows.
  vit::LaunchOp visitQuantize(vit::LaunchOp launch) {
    auto norm = launch.getOperand(0).getDefiningOp<vit::LaunchOp>();
    if (!norm || !isa_and_present<vit::NormInterface>(kernels->of(norm).getRoot()) ||
        !sameRanks(norm) || !sameRanks(launch))
      return {};
    return fuse(norm, launch, norm);
  }

  bool isGemm(vit::LaunchOp launch) {
    return kernels->of(launch).getFamily() == vit::KernelFamily::Gemm;
  }

  /// The launch that computes `value`, an argument of the kernel of `launch`.
  vit::LaunchOp producerOf(vit::LaunchOp launch, Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument ? launch.getOperand(argument.getArgNumber()).getDefiningOp<vit::LaunchOp>()
                    : vit::LaunchOp();
  }

  /// Two linears of one input and of weights of one type, the second alone using the first, in its
  /// epilogue.
  bool gates(vit::LaunchOp gate, vit::LaunchOp launch) {
    auto onlyLinear = [this](vit::LaunchOp of) {
      SmallVector<Operation *> roots = kernels->of(of).getRoots();
      return roots.size() == 1 ? dyn_cast<vit::LinearOp>(roots.front()) : vit::LinearOp();
    };
    vit::LinearOp a = onlyLinear(gate), b = onlyLinear(launch);
    if (!a || !b || !sameRanks(gate) || !sameRanks(launch))
      return false;
    auto inputOf = [](vit::LaunchOp of, vit::LinearOp linear) {
      return of.getOperand(cast<BlockArgument>(linear.getInput()).getArgNumber());
    };
    return a.getWeight().getType() == b.getWeight().getType() &&
           inputOf(gate, a) == inputOf(launch, b) &&
           llvm::all_of(gate->getUsers(), [&](Operation *user) { return user == launch; });
  }

  /// No root, and the values have the ranks of the kernel, so that bodies fit together.
  bool sameRanks(vit::LaunchOp launch) {
    vit::KernelOp kernel = kernels->of(launch);
    return kernel.getArgumentTypes() == launch.getOperandTypes() &&
           kernel.getResultTypes() == launch.getResultTypes();
  }
  bool isElementwise(vit::LaunchOp launch) {
    return !kernels->of(launch).getRoot() && sameRanks(launch);
  }

  /// Products before others: their epilogue is free, and a residual is added in the same kernel
  /// whether the other operand is a whole activation or one token of it.
  SmallVector<vit::LaunchOp> producersBestFirst(vit::LaunchOp launch) {
    SmallVector<vit::LaunchOp> producers;
    for (Value operand : launch.getOperands())
      if (auto producer = operand.getDefiningOp<vit::LaunchOp>();
          producer && !llvm::is_contained(producers, producer) && sameRanks(producer))
        producers.push_back(producer);
    llvm::sort(producers, [this](vit::LaunchOp a, vit::LaunchOp b) {
      bool first = isProduct(kernels->of(a).getRoot()),
           second = isProduct(kernels->of(b).getRoot());
      return first == second ? b->isBeforeInBlock(a) : first;
    });
    return producers;
  }

  /// Where the two can stand as one: at the producer, if all other operands exist by then; else
  /// at the consumer, if nobody needs the producer's results earlier. Else null, which is reported.
  Operation *upwardPlace(vit::LaunchOp producer, vit::LaunchOp consumer) {
    auto late = llvm::find_if(consumer.getOperands(), [&](Value operand) {
      Operation *op = operand.getDefiningOp();
      return op && op != producer && producer->isBeforeInBlock(op);
    });
    if (late == consumer.getOperands().end())
      return producer;
    for (Operation *user : producer->getUsers())
      if (user != consumer && user->isBeforeInBlock(consumer)) {
        refuse(producer, consumer,
               "the other operand is computed later, and " + describe(user) +
                   " needs the first result before that");
        return nullptr;
      }
    return consumer;
  }

  /// The launch that `launch` can be a prologue of: the first that reads it. A root that takes rows
  /// may leave the value to others as a second result; a kernel without root must be the only user.
  vit::LaunchOp prologueOf(vit::LaunchOp launch) {
    Operation *first = nullptr;
    for (Operation *user : launch->getUsers())
      if (!first || user->isBeforeInBlock(first))
        first = user;
    auto consumer = dyn_cast_or_null<vit::LaunchOp>(first);
    if (!consumer || !sameRanks(consumer) || needsMomentsOf(launch, consumer) ||
        (makesMoments(consumer) && !kernels->of(consumer).getRoot()))
      return {};
    Operation *root = kernels->of(consumer).getRoot();
    if (!root)
      return llvm::all_of(launch->getUsers(), [&](Operation *user) { return user == first; })
                 ? consumer
                 : vit::LaunchOp();
    if (cast<vit::KernelInterface>(root).getPrologue() == vit::Prologue::Rows)
      return consumer;
    refuse(launch, consumer,
           root->getName().getStringRef().str() + " reads its operands from memory as they are");
    return {};
  }

  vit::LaunchOp fuse(vit::LaunchOp producer, vit::LaunchOp consumer, Operation *before) {
    Pair pair(producer, consumer, *kernels);
    if (!forceFuse && !cpu)
      if (cost::Decision decision = pair.decide(*model); !decision.fuse) {
        refuse(producer, consumer, decision.reason);
        return {};
      }
    if (!cpu) // what is said is about the GPU's kernels
      remark::passed(consumer.getLoc(), remark::RemarkOpts::name("fused").category("vit-fuse"))
          << remark::metric("Ops", pair.ops());
    return pair.join(before);
  }

  void refuse(vit::LaunchOp producer, vit::LaunchOp consumer, const std::string &reason) {
    if (cpu)
      return;
    remark::missed(consumer.getLoc(), remark::RemarkOpts::name("kept-apart").category("vit-fuse"))
        << remark::metric("Ops", Pair(producer, consumer, *kernels).ops())
        << remark::reason("{0}", reason);
    if (!consumer->hasAttr(apartName))
      consumer->setAttr(apartName, StringAttr::get(consumer.getContext(), reason));
  }

  cost::Work workOfLaunch(vit::LaunchOp launch) {
    return workOf(kernels->of(launch), launch.getOperandTypes(), launch.getResultTypes());
  }

  std::optional<cost::FusionModel> model; // of the options
  std::optional<KernelTable> kernels;
};
} // namespace

std::unique_ptr<Pass> createFuse(const PipelineOptions &options) {
  return std::make_unique<Fuse>(options);
}

std::unique_ptr<Pass> createFuseForCpu(const PipelineOptions &options) {
  return std::make_unique<Fuse>(options, /*forCpu=*/true);
}
} // namespace vitc
