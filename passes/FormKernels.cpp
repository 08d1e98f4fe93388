//===- FormKernels.cpp - Every op its own kernel --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// From here on the model is a list of launches. Each op on activations moves into a vit.kernel
// whose arguments are its operands (equal ones once) and whose result is its result:
//
//   %y = vit.gelu erf %x     =>     vit.kernel @gelu(%0) { %1 = vit.gelu erf %0; vit.yield %1 }
//                                   %y = vit.launch @gelu(%x)
//
// Kernel and launch keep the op's location, from which names and messages come. An output that no
// kernel writes for itself (an input, or a value returned twice) gets a kernel that copies it.
//===----------------------------------------------------------------------===//

#include "passes/Kernels.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace vitc {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
struct FormKernels : impl::FormKernelsBase<FormKernels> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      if (failed(copySharedOutputs(model)))
        return signalPassFailure();
      SmallVector<Operation *> ops;
      for (Operation &op : model.getBody().front().without_terminator())
        if (!isa<vit::LaunchOp>(op) && !vit::isWeightArithmetic(&op))
          ops.push_back(&op);
      for (Operation *op : ops) {
        if (!isa<vit::ElementwiseInterface, vit::KernelInterface>(op)) {
          emitError(op->getLoc()) << "expected an op of the vit dialect on activations in a model, "
                                     "but got '"
                                  << op->getName() << "'";
          return signalPassFailure();
        }
        outline(op, symbols);
      }
    }
  }

  static LogicalResult copySharedOutputs(func::FuncOp model) {
    Operation *terminator = model.getBody().front().getTerminator();
    OpBuilder builder(terminator);
    SmallVector<Value> returned;
    for (OpOperand &output : terminator->getOpOperands()) {
      Value value = output.get();
      if (!vit::isBatchTensor(value.getType()))
        return emitError(model.getLoc())
               << "output '" << outputName(model, output.getOperandNumber())
               << "' has no batch dimension";
      if (isa<BlockArgument>(value) || llvm::is_contained(returned, value))
        output.set(vit::CastOp::create(builder, NameLoc::get(builder.getStringAttr("copy")),
                                       value.getType(), value));
      returned.push_back(value);
    }
    return success();
  }

  static void outline(Operation *op, SymbolTable &symbols) {
    OpBuilder builder(op);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(operands, operand))
        operands.push_back(operand);

    auto kernel = createKernel(builder, op->getLoc(), kernelName(ArrayRef<Operation *>(op)),
                               ValueRange(operands).getTypes(), op->getResultTypes());
    Block &body = kernel.getBody().front();
    IRMapping mapping;
    mapping.map(operands, body.getArguments());
    auto inside = OpBuilder::atBlockEnd(&body);
    Operation *clone = inside.clone(*op, mapping);
    vit::YieldOp::create(inside, op->getLoc(), clone->getResults());
    insertKernel(symbols, kernel, op->getParentOfType<func::FuncOp>());

    auto launch =
        vit::LaunchOp::create(builder, op->getLoc(), op->getResultTypes(), kernel.getSymName(),
                              operands, DenseI64ArrayAttr(), DenseI64ArrayAttr());
    op->replaceAllUsesWith(launch);
    op->erase();
  }
};
} // namespace
} // namespace vitc
