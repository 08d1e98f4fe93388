//===- AssignPrecision.cpp - Choose how values are stored -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Types say how a value is stored; arithmetic is f32 whatever they say. So each activation gets one
// type by what it is:
//
//   output of the model   the type the function returns (f32)
//   residual stream       `residual`: made by add, position, prepend or broadcast, or read by one
//   of them token of another      the type of the value it is taken from anything else `dtype`
//
// Only linear and attention insist on their operands' types; what they read in another type is cast
// for them, which vit-fuse makes a second result of the kernel that computes it. Weights of linears
// are cast once at load; vectors and tables stay f32.
//===----------------------------------------------------------------------===//

#include "passes/Model.h"
#include "passes/PassOptions.h"
#include "passes/Passes.h"

namespace vitc {
#define GEN_PASS_DEF_ASSIGNPRECISION
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
Type parseFloatType(MLIRContext *context, StringRef name) {
  if (name == "f16")
    return Float16Type::get(context);
  if (name == "bf16")
    return BFloat16Type::get(context);
  return name == "f32" ? Type(Float32Type::get(context)) : Type();
}

bool joinsStream(Operation *op) {
  return isa<vit::AddOp, vit::PositionOp, vit::PrependOp, vit::BroadcastOp>(op);
}

/// Casts, one per value and type, placed so that all users can share them.
class Casts {
public:
  Value get(Value value, Type element) {
    if (tensorType(value).getElementType() == element)
      return value;
    Value &cast = made[{value, element}];
    if (!cast) {
      OpBuilder builder(value.getContext());
      builder.setInsertionPointAfterValue(value);
      cast = vit::CastOp::create(builder, value.getLoc(), tensorType(value).clone(element), value);
    }
    return cast;
  }

private:
  llvm::DenseMap<std::pair<Value, Type>, Value> made;
};

struct AssignPrecision : impl::AssignPrecisionBase<AssignPrecision> {
  AssignPrecision() = default;
  AssignPrecision(const AssignPrecision &other) : Base(other) {}
  explicit AssignPrecision(const PipelineOptions &options) {
    dtype = options.dtype;
    residual = options.residual;
  }

#define VITC_PRECISION_OPTION VITC_PASS_OPTION
#include "passes/Options.def"

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    dtypeType = parseFloatType(context, dtype);
    if (!dtypeType || dtypeType.isF32()) {
      emitError(getOperation().getLoc())
          << "expected dtype f16 or bf16, but got '" << dtype.getValue() << "'";
      return signalPassFailure();
    }
    std::string stream = residual.empty() ? (dtype == "f16" ? "f16" : "f32") : residual.getValue();
    residualType = parseFloatType(context, stream);
    if (!residualType) {
      emitError(getOperation().getLoc())
          << "expected residual f16, bf16 or f32, but got '" << stream << "'";
      return signalPassFailure();
    }
    for (func::FuncOp model : modelFunctions(getOperation())) {
      assignActivations(model);
      assignOperands(model);
    }
  }

  /// Operands come before their users, so a select finds its input's type chosen.
  void assignActivations(func::FuncOp model) {
    for (Operation &op : model.getBody().front().without_terminator()) {
      if (op.getNumResults() != 1 || isWeight(op.getResult(0)) ||
          !isa_and_present<vit::VitDialect>(op.getDialect()) || isa<vit::LaunchOp>(op))
        continue;
      Value value = op.getResult(0);
      if (!llvm::any_of(value.getUsers(),
                        [](Operation *user) { return isa<func::ReturnOp>(user); }))
        value.setType(tensorType(value).clone(storageType(value)));
    }
  }

  Type storageType(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto select = dyn_cast<vit::SelectOp>(op);
        select && vit::isStorageType(select.getInput().getType().getElementType()) &&
        select.getInput().getDefiningOp())
      return select.getInput().getType().getElementType();
    if (joinsStream(op) || llvm::any_of(value.getUsers(), joinsStream))
      return residualType;
    return dtypeType;
  }

  void assignOperands(func::FuncOp model) {
    Casts casts;
    Type f32 = Float32Type::get(&getContext());
    SmallVector<Operation *> ops;
    for (Operation &op : model.getBody().front().without_terminator())
      ops.push_back(&op);
    for (Operation *op : ops) {
      if (op->getNumResults() != 1 || isWeight(op->getResult(0)) ||
          !isa_and_present<vit::VitDialect>(op->getDialect()) || isa<vit::LaunchOp>(op))
        continue;
      bool product = isa<vit::LinearOp, vit::AttentionOp>(op);
      for (OpOperand &operand : op->getOpOperands())
        if (product || isWeight(operand.get()))
          operand.set(casts.get(operand.get(), product ? dtypeType : f32));
    }
  }

  Type dtypeType, residualType;
};
} // namespace

std::unique_ptr<Pass> createAssignPrecision(const PipelineOptions &options) {
  return std::make_unique<AssignPrecision>(options);
}
} // namespace vitc
