//===- vitc-opt.cpp - Run passes on .mlir files ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"
#include "dialect/VitOps.h"
#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<vitc::vit::VitDialect>();
  mlir::registerAllPasses();
  vitc::registerVitcPasses();
  vitc::registerVitcPipelines();
  vitc::codegen::registerCodegenPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "vitc: passes on Vision Transformers\n", registry));
}
