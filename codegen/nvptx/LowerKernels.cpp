//===- LowerKernels.cpp - From vit.kernel to gpu.module -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The root of a kernel says which family writes it, once for each active schedule. Kernels stay in
// the module beside their code: the plan and the report still read them.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Functions.h"
#include "codegen/nvptx/kernels/Kernels.h"

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitc {

std::unique_ptr<Pass> createPrintPtxPass(); // PrintPtx.cpp

namespace {

/// Families other than layer_norm and select read the operands of their root as they are stored.
LogicalResult checkOperands(KernelBuilder &k) {
  for (Operation *root : k.kernel.getRoots()) {
    if (isa<vit::LayerNormOp, vit::SelectOp>(root))
      continue;
    for (Value operand : root->getOperands())
      if (Operation *before = operand.getDefiningOp())
        return k.error() << "'" << root->getName() << "' reads its operands from memory, but '"
                         << before->getName() << "' computes one: keep that in a kernel before";
  }
  return success();
}

/// Every fused op has code in Region.cpp.
LogicalResult checkFusedOps(KernelBuilder &k) {
  for (Operation &op : k.kernel.getBody().front().without_terminator())
    if (op.hasTrait<vit::Elementwise>() &&
        !isa<vit::BiasAddOp, vit::PositionOp, vit::AddOp, vit::MulOp, vit::ScaleOp, vit::CastOp,
             vit::GeluOp, vit::ReluOp, vit::SiluOp, vit::TanhOp>(op))
      return k.error() << "no code for '" << op.getName() << "' in a fused kernel";
  return success();
}

LogicalResult emitFunction(KernelBuilder &k) {
  if (failed(checkOperands(k)) || failed(checkFusedOps(k)))
    return failure();
  if (std::string why = cost::objection(k.work, k.schedule, cost::widestLimits()); !why.empty())
    return k.error() << why;
  if (!k.root())
    return emitElementwise(k);
  return llvm::TypeSwitch<Operation *, LogicalResult>(k.root())
      .Case([&](vit::LinearOp) { return k.part == 0 ? emitGemm(k) : emitSplitReduction(k); })
      .Case([&](vit::AttentionOp) { return emitAttention(k); })
      .Case([&](vit::LayerNormOp) { return emitLayerNorm(k); })
      .Case([&](vit::PatchifyOp) { return emitPatchify(k); })
      .Case([&](vit::PrependOp) { return emitPrepend(k); })
      .Case([&](vit::BroadcastOp) { return emitBroadcast(k); })
      .Case([&](vit::SelectOp) { return emitSelect(k); })
      .Default([&](Operation *root) -> LogicalResult {
        return k.error() << "no code for a kernel around '" << root->getName() << "'";
      });
}

LogicalResult lowerKernel(vit::KernelOp kernel) {
  FailureOr<std::vector<KernelCode>> functions = planFunctions(kernel);
  if (failed(functions))
    return failure();
  for (const KernelCode &function : *functions) {
    KernelBuilder k(kernel, function.schedule, function.name, function.part);
    if (failed(emitFunction(k))) {
      k.module->erase();
      return failure();
    }
  }
  return success();
}

struct LowerKernels : PassWrapper<LowerKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerKernels)
  StringRef getArgument() const final { return "vit-lower-kernels"; }
  StringRef getDescription() const final { return "GPU code for every vit.kernel"; }
  void getDependentDialects(DialectRegistry &registry) const final {
    registerCodegenDialects(registry);
  }
  void runOnOperation() final {
    if (failed(lowerKernels(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult lowerKernels(ModuleOp module) {
  LogicalResult result = success(); // every kernel that fails is reported
  for (auto kernel : llvm::to_vector(module.getOps<vit::KernelOp>()))
    if (!moduleOf(kernel) && failed(lowerKernel(kernel)))
      result = failure();
  return result;
}

std::unique_ptr<Pass> createLowerKernelsPass() { return std::make_unique<LowerKernels>(); }

void registerCodegenPasses() {
  registerPass([] { return createLowerKernelsPass(); });
  registerPass([] { return createPrintPtxPass(); });
}

} // namespace vitc
