//===- vitc-opt.cpp - Run passes on .mlir files ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"
#include "dialect/VitOps.h"
#include "driver/run/MlirText.h"
#include "driver/run/Threads.h"
#include "passes/Passes.h"
#include "tools/common/Console.h"
#include "tools/common/LlvmErrors.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace vitc;

/// MlirOptMain of files, but for the reading.
static int run(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<vit::VitDialect>();
  mlir::registerAllPasses();
  registerVitcPasses();
  registerVitcPipelines();
  codegen::registerCodegenPasses();
  std::vector<char *> arguments(argv, argv + argc);
  char withoutThreads[] = "--mlir-disable-threading";
  if (driver::spareThreads(1) == 0)
    arguments.push_back(withoutThreads);
  auto [input, output] = mlir::registerAndParseCLIOptions(
      int(arguments.size()), arguments.data(), "vitc: passes on Vision Transformers\n", registry);
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses()) // which need no input
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  llvm::InitLLVM prepared(argc, argv);
  auto text = driver::readMlir(input);
  if (!text)
    return fail("vitc-opt", input + ": " + text.error());
  std::string error;
  auto file = mlir::openOutputFile(output, &error);
  if (!file)
    return fail("vitc-opt", error);
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(*text, input == "-" ? "<stdin>" : input);
  if (failed(mlir::MlirOptMain(file->os(), std::move(buffer), registry, config)))
    return exitFailed;
  file->keep();
  return exitDone;
}

int main(int argc, char **argv) {
  catchLlvmErrors();
  return runTool("vitc-opt", [=] { return run(argc, argv); });
}
