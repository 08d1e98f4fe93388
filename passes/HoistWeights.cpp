//===- HoistWeights.cpp - Arithmetic on weights alone into @prepare -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Casts, concatenations, sums and scales of weights do not change from image to image. They move to
// a function of their own, which the runtime executes once when a file is loaded; the model reads
// its results:
//
//   %w = vit.weight "fc1.weight"        =>   func.func @prepare() -> (tensor<3072x768xf16>) { ... }
//   %c = vit.cast %w                         %w = vit.prepared 0 : tensor<3072x768xf16>
//   %y = vit.linear %x, %c                   %y = vit.linear %x, %w
//
// Equal ops on equal operands are one op there, so equal results are computed and stored once.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/MapVector.h"

namespace vitc {
#define GEN_PASS_DEF_HOISTWEIGHTS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// The body of @prepare while it grows.
class PrepareBody {
public:
  PrepareBody(OpBuilder builder, IRMapping &mapping) : builder(builder), mapping(mapping) {}

  /// The value in @prepare for `value` of a model; its operands are there already.
  void add(Operation *op) {
    Operation *clone = builder.clone(*op, mapping);
    auto hash = OperationEquivalence::computeHash(clone, OperationEquivalence::directHashValue,
                                                  OperationEquivalence::ignoreHashValue,
                                                  OperationEquivalence::IgnoreLocations);
    for (Operation *known : byHash[hash])
      if (OperationEquivalence::isEquivalentTo(known, clone,
                                               OperationEquivalence::IgnoreLocations)) {
        mapping.map(op->getResult(0), known->getResult(0));
        clone->erase();
        return;
      }
    byHash[hash].push_back(clone);
  }

private:
  OpBuilder builder;
  IRMapping &mapping;
  llvm::DenseMap<llvm::hash_code, SmallVector<Operation *, 1>> byHash;
};

struct HoistWeights : impl::HoistWeightsBase<HoistWeights> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> models = vit::modelFunctions(module);
    SmallVector<Operation *> arithmetic;
    for (func::FuncOp model : models) {
      eraseDeadOps(model); // while it is known whose weights they are
      for (Operation &op : model.getBody().front())
        if (vit::isWeightArithmetic(&op) && !isa<vit::PreparedOp>(op))
          arithmetic.push_back(&op);
    }
    if (arithmetic.empty())
      return;
    if (auto existing = module.lookupSymbol(vit::prepareName)) {
      emitError(existing->getLoc()) << "expected a module without @" << vit::prepareName
                                    << ", because weights are left that would go there";
      return signalPassFailure();
    }
    for (Operation *op : arithmetic)
      for (Value operand : op->getOperands())
        if (operand.getDefiningOp<vit::PreparedOp>()) {
          emitError(op->getLoc()) << describe(op) << " computes with a result of @"
                                  << vit::prepareName;
          return signalPassFailure();
        }

    OpBuilder builder(module.getBody(), module.getBody()->begin());
    auto prepare = func::FuncOp::create(builder, module.getLoc(), vit::prepareName,
                                        builder.getFunctionType({}, {}));
    OpBuilder body = OpBuilder::atBlockBegin(prepare.addEntryBlock());
    IRMapping mapping;
    PrepareBody grown(body, mapping);
    for (Operation *op : arithmetic)
      grown.add(op);
    replaceUses(models, mapping, prepare);
    for (Operation *op : llvm::reverse(arithmetic))
      op->erase();
  }

  /// Lets activations read results of @prepare, numbered by first use.
  static void replaceUses(ArrayRef<func::FuncOp> models, IRMapping &mapping, func::FuncOp prepare) {
    llvm::MapVector<Value, int64_t> results;
    for (func::FuncOp model : models) {
      llvm::DenseMap<int64_t, Value> prepared;
      auto builder = OpBuilder::atBlockBegin(&model.getBody().front());
      for (Operation &op : model.getBody().front()) {
        if (vit::isWeightArithmetic(&op))
          continue;
        for (OpOperand &operand : op.getOpOperands()) {
          Value source = mapping.lookupOrNull(operand.get());
          if (!source)
            continue;
          int64_t index = results.insert({source, results.size()}).first->second;
          Value &value = prepared[index];
          if (!value)
            value = vit::PreparedOp::create(builder, operand.get().getLoc(),
                                            operand.get().getType(), index);
          operand.set(value);
        }
      }
    }
    SmallVector<Value> values;
    for (auto &[value, index] : results)
      values.push_back(value);
    Block &body = prepare.getBody().front();
    auto builder = OpBuilder::atBlockEnd(&body);
    func::ReturnOp::create(builder, prepare.getLoc(), values);
    prepare.setFunctionType(builder.getFunctionType({}, ValueRange(values).getTypes()));
  }
};
} // namespace
} // namespace vitc
