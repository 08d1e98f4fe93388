//===- LowerKernels.cpp - From vit.kernel to gpu.module -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The root of a kernel says which family writes it, once for each active schedule. Kernels stay in
// the module beside their code: the plan and the report still read them.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Functions.h"
#include "codegen/nvptx/kernels/Families.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace vitc::codegen {

std::unique_ptr<Pass> createPrintPtxPass(); // PrintPtx.cpp

namespace {

/// A root without prologue reads its operands as they are stored.
LogicalResult checkOperands(KernelBuilder &k) {
  for (Operation *root : k.kernel.getRoots()) {
    if (cast<vit::KernelInterface>(root).getPrologue() != vit::Prologue::None)
      continue;
    for (Value operand : root->getOperands())
      if (Operation *before = operand.getDefiningOp())
        return k.error() << "'" << root->getName() << "' reads its operands from memory, but '"
                         << before->getName() << "' computes one: keep that in a kernel before";
  }
  return success();
}

LogicalResult emitFunction(KernelBuilder &k) {
  if (failed(checkOperands(k)))
    return failure();
  if (std::string why = cost::objection(k.work, k.schedule, cost::widestLimits()); !why.empty())
    return k.error() << why;
  switch (k.kernel.getFamily()) {
  case vit::KernelFamily::Elementwise:
    return emitElementwise(k);
  case vit::KernelFamily::Gemm:
    return emitGemm(k);
  case vit::KernelFamily::Attention:
    return emitAttention(k);
  case vit::KernelFamily::Norm:
    return emitNorm(k);
  case vit::KernelFamily::Patchify:
    return emitPatchify(k);
  case vit::KernelFamily::Prepend:
    return emitPrepend(k);
  case vit::KernelFamily::Broadcast:
    return emitBroadcast(k);
  case vit::KernelFamily::Select:
    return emitSelect(k);
  case vit::KernelFamily::Append:
    return emitAppend(k);
  case vit::KernelFamily::Mean:
    return emitMean(k);
  case vit::KernelFamily::Merge:
    return emitMerge(k);
  }
  llvm_unreachable("all families are above");
}

LogicalResult lowerKernel(vit::KernelOp kernel) {
  FailureOr<std::vector<KernelCode>> functions = planFunctions(kernel);
  if (failed(functions))
    return failure();
  for (const KernelCode &function : *functions) {
    KernelBuilder k(kernel, function.schedule, function.name);
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

} // namespace vitc::codegen
