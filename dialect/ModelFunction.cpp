//===- ModelFunction.cpp - Which function is the model --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"

#include "dialect/VitOps.h"

using namespace mlir;
using namespace vitc;

SmallVector<func::FuncOp> vit::modelFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> models;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getBody().hasOneBlock() && function.getName() != prepareName)
      models.push_back(function);
  return models;
}

std::optional<vit::AnySize> vit::anySizeOf(Operation *function) {
  auto sizes = function->getAttrOfType<DictionaryAttr>(anySizeName);
  if (!sizes)
    return std::nullopt;
  ArrayRef<int64_t> patch = sizes.getAs<DenseI64ArrayAttr>("patch");
  return AnySize{sizes.getAs<IntegerAttr>("max_tokens").getInt(), {patch[0], patch[1]}};
}

std::optional<vit::AnySize> vit::anySizeOf(ModuleOp module) {
  for (func::FuncOp model : modelFunctions(module))
    if (auto sizes = anySizeOf(model.getOperation()))
      return sizes;
  return std::nullopt;
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
