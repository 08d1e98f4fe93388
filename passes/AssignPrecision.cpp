//===- AssignPrecision.cpp - Choose how values are stored -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Types say how a value is stored; arithmetic is f32 whatever they say. So each activation gets one
// type by what it is:
//
//   output of the model   the type the function returns (f32)
//   residual stream       `residual`: made by an op whose result is part of it (add, position,
//                         prepend, broadcast), or read by one as part of it
//   token of another      the type of the value it is taken from
//   anything else         `dtype`
//
// What an op insists on reading in `dtype` (linear and attention do) is cast for it, which vit-fuse
// makes a second result of the kernel that computes it. Weights of linears are cast once at load;
// vectors and tables stay f32.
//===----------------------------------------------------------------------===//

#include "passes/PassOptions.h"
#include "passes/Passes.h"
#include "passes/Queries.h"

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
  if (name == "tf32")
    return FloatTF32Type::get(context);
  return name == "f32" ? Type(Float32Type::get(context)) : Type();
}

/// Whether `use` reads a value as part of the residual stream.
bool joinsStream(OpOperand &use) {
  auto user = dyn_cast<vit::StorageInterface>(use.getOwner());
  return user && user.getOperandStorage(use.getOperandNumber()) == vit::Storage::Residual;
}

/// What computes activations of `model`, in order.
SmallVector<vit::StorageInterface> activationOps(func::FuncOp model) {
  SmallVector<vit::StorageInterface> ops;
  for (auto op : model.getBody().front().getOps<vit::StorageInterface>())
    if (!isWeight(op->getResult(0)))
      ops.push_back(op);
  return ops;
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
    if (!dtypeType) {
      emitError(getOperation().getLoc())
          << "expected dtype f16, bf16, tf32 or f32, but got '" << dtype.getValue() << "'";
      return signalPassFailure();
    }
    Type asked = parseFloatType(context, residual);
    if (!residual.empty() && (!asked || asked.isTF32())) {
      emitError(getOperation().getLoc())
          << "expected residual f16, bf16 or f32, but got '" << residual.getValue() << "'";
      return signalPassFailure();
    }
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      residualType = asked ? asked : defaultResidual(model);
      assignActivations(model);
      assignOperands(model);
    }
  }

  /// Each sum rounds the stream again, so its error grows with their number: in f16, 64 of them
  /// (32 blocks) come to 1.9e-3, 80 beyond the 2e-3 that f16 is allowed.
  Type defaultResidual(func::FuncOp model) {
    constexpr size_t most = 64;
    bool narrow = dtype == "f16" && size_t(llvm::range_size(model.getOps<vit::AddOp>())) <= most;
    return narrow ? Type(Float16Type::get(&getContext())) : Type(Float32Type::get(&getContext()));
  }

  /// Operands come before their users, so an op finds its input's type chosen.
  void assignActivations(func::FuncOp model) {
    for (vit::StorageInterface op : activationOps(model)) {
      Value value = op->getResult(0);
      if (!llvm::any_of(value.getUsers(),
                        [](Operation *user) { return isa<func::ReturnOp>(user); }))
        value.setType(tensorType(value).clone(resultType(op)));
    }
  }

  Type resultType(vit::StorageInterface op) {
    vit::Storage storage = op.getResultStorage();
    if (storage == vit::Storage::Input && op->getOperand(0).getDefiningOp())
      return tensorType(op->getOperand(0)).getElementType();
    bool stream =
        storage == vit::Storage::Residual || llvm::any_of(op->getResult(0).getUses(), joinsStream);
    return stream ? residualType : dtypeType;
  }

  /// Null if the op reads it as it is.
  Type operandType(vit::Storage storage) {
    switch (storage) {
    case vit::Storage::Dtype:
      return dtypeType;
    case vit::Storage::F32:
      return Float32Type::get(&getContext());
    case vit::Storage::Any:
    case vit::Storage::Input:
    case vit::Storage::Residual:
      return {};
    }
    llvm_unreachable("all answers are above");
  }

  void assignOperands(func::FuncOp model) {
    Casts casts;
    for (vit::StorageInterface op : activationOps(model))
      for (OpOperand &operand : op->getOpOperands())
        if (Type type = operandType(op.getOperandStorage(operand.getOperandNumber())))
          operand.set(casts.get(operand.get(), type));
  }

  Type dtypeType, residualType;
};
} // namespace

std::unique_ptr<Pass> createAssignPrecision(const PipelineOptions &options) {
  return std::make_unique<AssignPrecision>(options);
}
} // namespace vitc
