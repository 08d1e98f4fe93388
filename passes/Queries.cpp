//===- Queries.cpp - What passes ask about a model ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Dependence is a walk from one output back to the arguments that carries, for every value, the
// set of tokens somebody needs. An argument is depended on if any of its elements is needed.
//
//===----------------------------------------------------------------------===//

#include "passes/Queries.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace vitc;

std::string vitc::locationName(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string name = locationName(part); !name.empty())
        return name;
  return "";
}

std::string vitc::describe(Operation *op) {
  std::string name = locationName(op->getLoc());
  if (auto launch = dyn_cast<vit::LaunchOp>(op); launch && name.empty())
    name = launch.getKernel();
  return (Twine("'") + (name.empty() ? op->getName().getStringRef() : StringRef(name)) + "'").str();
}

std::string vitc::inputName(func::FuncOp model, unsigned index) {
  auto name = model.getArgAttrOfType<StringAttr>(index, "vit.name");
  return name ? name.str() : std::to_string(index);
}

std::string vitc::outputName(func::FuncOp model, unsigned index) {
  auto name = model.getResultAttrOfType<StringAttr>(index, "vit.name");
  return name ? name.str() : std::to_string(index);
}

LogicalResult vitc::checkMaxBatch(Location location, int64_t maxBatch) {
  if (maxBatch < 1)
    return emitError(location) << "max-batch must be at least 1, but is " << maxBatch;
  if (maxBatch > vit::mostBatch)
    return emitError(location) << "max-batch must be at most " << vit::mostBatch << ", but is "
                               << maxBatch;
  return success();
}

bool vitc::isProduct(Operation *op) {
  auto root = dyn_cast_or_null<vit::KernelInterface>(op);
  return root && root.getFlops(/*batch=*/1) > 0;
}

/// Adds `names` to those that the model ignores in a file.
static void ignoreNames(func::FuncOp model, ArrayRef<Attribute> names) {
  llvm::SetVector<Attribute> all;
  if (auto known = model->getAttrOfType<ArrayAttr>(ignoredName))
    all.insert(known.begin(), known.end());
  size_t before = all.size();
  all.insert(names.begin(), names.end());
  if (all.size() != before)
    model->setAttr(ignoredName, ArrayAttr::get(model.getContext(), all.getArrayRef()));
}

void vitc::eraseDeadOps(func::FuncOp model) {
  SmallVector<Attribute> dropped;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model.getBody().front()))) {
    if (!isOpTriviallyDead(&op))
      continue;
    if (auto weight = dyn_cast<vit::WeightOp>(op)) {
      SmallVector<Attribute> names;
      weight.forEachName([&](StringAttr name, bool) { names.push_back(name); });
      llvm::append_range(dropped, llvm::reverse(names));
    }
    op.erase();
  }
  if (dropped.empty())
    return;
  llvm::DenseSet<Attribute> needed;
  for (auto weight : model.getBody().front().getOps<vit::WeightOp>())
    weight.forEachName([&](StringAttr name, bool) { needed.insert(name); });
  llvm::erase_if(dropped, [&](Attribute name) { return needed.contains(name); });
  std::reverse(dropped.begin(), dropped.end());
  ignoreNames(model, dropped);
}

//===----------------------------------------------------------------------===//
// Dependence
//===----------------------------------------------------------------------===//

namespace {
/// Tokens needed of each value; one without a dimension of tokens counts as one token.
class NeededTokens {
public:
  llvm::BitVector &of(Value value) {
    llvm::BitVector &set = sets[value];
    if (set.empty()) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      set.resize(type && type.getRank() == 3 ? type.getDimSize(1) : 1);
    }
    return set;
  }
  void needAll(Value value) { of(value).set(); }
  bool any(Value value) { return of(value).any(); }
  void visit(Block &block) {
    for (Operation &op : llvm::reverse(block.without_terminator()))
      visit(&op);
  }

private:
  /// Passes what is needed of the result of `op` on to its operands.
  void visit(Operation *op) {
    if (!llvm::any_of(op->getResults(), [&](Value result) { return any(result); }))
      return;
    auto tokens = dyn_cast<vit::TokenInterface>(op);
    if (!tokens) {
      llvm::for_each(op->getOperands(), [&](Value operand) { needAll(operand); });
      return;
    }
    SmallVector<llvm::BitVector> needed;
    for (Value operand : op->getOperands())
      needed.emplace_back(of(operand).size());
    tokens.needTokens(of(op->getResult(0)), needed);
    for (auto [operand, set] : llvm::zip_equal(op->getOperands(), needed))
      of(operand) |= set;
  }

  llvm::DenseMap<Value, llvm::BitVector> sets;
};
} // namespace

std::vector<std::vector<unsigned>> vitc::outputDependence(func::FuncOp model) {
  Block &body = model.getBody().front();
  std::vector<std::vector<unsigned>> dependence;
  for (Value output : body.getTerminator()->getOperands()) {
    NeededTokens needed;
    needed.needAll(output);
    needed.visit(body);
    std::vector<unsigned> &arguments = dependence.emplace_back();
    for (BlockArgument argument : body.getArguments())
      if (needed.any(argument))
        arguments.push_back(argument.getArgNumber());
  }
  return dependence;
}

SmallVector<llvm::BitVector> vitc::tokensRead(Block &block) {
  NeededTokens needed;
  for (Value result : block.getTerminator()->getOperands())
    needed.needAll(result);
  needed.visit(block);
  SmallVector<llvm::BitVector> read;
  for (BlockArgument argument : block.getArguments())
    read.push_back(needed.of(argument));
  return read;
}
