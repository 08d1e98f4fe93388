//===- ModelFunction.cpp - Which function is the model --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"

using namespace mlir;
using namespace vitc;

SmallVector<func::FuncOp> vit::modelFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> models;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getBody().hasOneBlock() && function.getName() != prepareName)
      models.push_back(function);
  return models;
}

llvm::Expected<func::FuncOp> vit::findModel(ModuleOp module) {
  SmallVector<func::FuncOp> models = modelFunctions(module);
  if (models.size() == 1)
    return models.front();
  auto fail = [](const Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
  };
  if (models.empty())
    return fail("expected a function of one block that is the model, but got none");
  return fail("expected one function besides @prepare, but got @" + models[0].getSymName() +
              " and @" + models[1].getSymName());
}
