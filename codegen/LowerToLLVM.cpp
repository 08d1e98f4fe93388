//===- LowerToLLVM.cpp - From scf and arith to llvm ops -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/LowerToLLVM.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace vitc::codegen {

LogicalResult lowerToLLVMDialect(Operation *module,
                                 llvm::function_ref<void(ConversionTarget &target)> allow) {
  MLIRContext *context = module->getContext();
  RewritePatternSet toBranches(context);
  populateSCFToControlFlowConversionPatterns(toBranches);
  ConversionTarget branches(*context);
  branches.addIllegalDialect<scf::SCFDialect>();
  branches.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(module, branches, std::move(toBranches))))
    return failure();

  LLVMTypeConverter types(context);
  RewritePatternSet toLLVM(context);
  arith::populateArithToLLVMConversionPatterns(types, toLLVM);
  cf::populateControlFlowToLLVMConversionPatterns(types, toLLVM);
  LLVMConversionTarget target(*context);
  allow(target);
  return applyPartialConversion(module, target, std::move(toLLVM));
}

} // namespace vitc::codegen
