//===- Require.cpp - Fail unless fusions were made ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A fusion that a model's speed depends on can be lost to a change elsewhere: a layer_norm between,
// a second use, a smaller register budget. A requirement makes that an error. It is checked on
// kernels, where fusions are, and follows values out of a kernel to say what is in the way.
//===----------------------------------------------------------------------===//

#include "passes/Kernels.h"
#include "passes/PassOptions.h"
#include "passes/Passes.h"

#include "llvm/ADT/StringExtras.h"

namespace vitc {
#define GEN_PASS_DEF_REQUIRE
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// An op in the kernel of a launch.
struct Place {
  Operation *op = nullptr;
  vit::LaunchOp launch;
};

/// What computes `value`, which is in the kernel of `launch`. Casts change only how a value is
/// stored.
Place definitionOf(Value value, vit::LaunchOp launch, const KernelTable &kernels) {
  while (launch) {
    if (Operation *op = value.getDefiningOp()) {
      if (!isa<vit::CastOp>(op))
        return {op, launch};
      value = op->getOperand(0);
      continue;
    }
    Value outside = launch.getOperand(cast<BlockArgument>(value).getArgNumber());
    launch = outside.getDefiningOp<vit::LaunchOp>();
    if (launch)
      value = kernels.of(launch).getYield().getOperand(cast<OpResult>(outside).getResultNumber());
  }
  return {};
}

struct Require : impl::RequireBase<Require> {
  Require() = default;
  Require(const Require &other) : Base(other) {}
  explicit Require(const PipelineOptions &options) {
    require = options.require;
    fused = !options.noFuse;
  }

#define VITC_REQUIRE_OPTION VITC_PASS_LIST_OPTION
#include "passes/Options.def"
  Option<bool> fused{*this, "fused", llvm::cl::desc("false: nothing was to be fused"),
                     llvm::cl::init(true)};

  void runOnOperation() override {
    SmallVector<vit::LaunchOp> launches = launchesOf(getOperation());
    if (!require.empty()) {
      KernelTable kernels(getOperation());
      for (const std::string &requirement : require)
        if (failed(check(requirement, launches, kernels)))
          signalPassFailure();
    }
    for (vit::LaunchOp launch : launches)
      launch->removeAttr(apartName);
  }

  LogicalResult check(StringRef requirement, ArrayRef<vit::LaunchOp> launches,
                      const KernelTable &kernels) {
    if (requirement == "no-spill")
      return success(); // of machine code
    StringRef list = requirement;
    SmallVector<StringRef> chain;
    list.consume_front("fuse:") ? list.split(chain, '+') : (void)0;
    auto fail = [&] {
      return emitError(getOperation().getLoc()) << "requirement '" << requirement << "': ";
    };
    if (chain.size() < 2)
      return fail() << "known are fuse:OP+OP+... and no-spill";
    for (StringRef name : chain)
      if (!RegisteredOperationName::lookup(("vit." + name).str(), &getContext()))
        return fail() << "no op is called 'vit." << name << "'";
    bool found = false;
    LogicalResult result = success();
    for (vit::LaunchOp launch : launches)
      for (Operation &op : kernels.of(launch).getBody().front())
        if (op.getName().stripDialect() == chain.back()) {
          found = true;
          if (failed(checkChain(requirement, chain, {&op, launch}, kernels)))
            result = failure();
        }
    if (!found)
      return fail() << "the model has no 'vit." << chain.back() << "'";
    return result;
  }

  /// Whether `last` and the ops of `chain` before it are one kernel, where each is read by one of
  /// those behind it: the next, or, as with a gate, a later one that joins two branches.
  LogicalResult checkChain(StringRef requirement, ArrayRef<StringRef> chain, Place last,
                           const KernelTable &kernels) {
    SmallVector<Place> found = {last};
    for (StringRef expected : llvm::reverse(chain.drop_back())) {
      Place at = found.back(), between, next;
      for (Place reader : llvm::reverse(found))
        for (Value operand : reader.op->getOperands()) {
          Place definition =
              behindNorm(definitionOf(operand, reader.launch, kernels), expected, kernels);
          auto same = [&](const Place &place) { return place.op == definition.op; };
          if (!definition.op || llvm::any_of(found, same))
            continue;
          if (definition.op->getName().stripDialect() != expected) {
            if (reader.op == at.op)
              between = definition;
          } else if (!next.op) {
            next = definition;
          }
        }
      if (next.op && next.launch == last.launch) {
        found.push_back(next);
        continue;
      }
      InFlightDiagnostic error = emitError(last.op->getLoc())
                                 << "requirement '" << requirement << "': " << describe(last.op);
      if (!locationName(last.op->getLoc()).empty())
        error << " (" << last.op->getName() << ")";
      error << " is not fused: ";
      if (!next.op && between.op)
        return error << "'" << at.op->getName() << "' reads '" << between.op->getName()
                     << "', expected 'vit." << expected << "'";
      if (!next.op)
        return error << "'" << at.op->getName() << "' reads no 'vit." << expected << "'";
      return error << "'vit." << expected << "' is in another kernel: " << reasonOf(at.launch);
    }
    return success();
  }

  /// A norm that was folded stands behind the product that it was in front of: what reads it reads
  /// the product.
  static Place behindNorm(Place definition, StringRef expected, const KernelTable &kernels) {
    auto normalize = dyn_cast_or_null<vit::NormalizeOp>(definition.op);
    return normalize && expected != "normalize"
               ? definitionOf(normalize.getInput(), definition.launch, kernels)
               : definition;
  }

  std::string reasonOf(vit::LaunchOp launch) {
    if (!fused)
      return "nothing was to be fused";
    auto note = launch->getAttrOfType<StringAttr>(apartName);
    return note ? note.getValue().str() : "they cannot be joined where they are";
  }
};
} // namespace

std::unique_ptr<Pass> createRequire(const PipelineOptions &options) {
  return std::make_unique<Require>(options);
}
} // namespace vitc
