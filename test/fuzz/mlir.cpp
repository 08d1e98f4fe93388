//===- mlir.cpp - Bent .mlir of every level, through passes and code ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What the verifiers take goes through the pipelines, as a model or as kernels,
// and becomes PTX. A pass may refuse, with a diagnostic; it may not fail without
// one, and nothing may crash.
//===----------------------------------------------------------------------===//
#include "codegen/nvptx/Codegen.h"
#include "dialect/VitOps.h"
#include "passes/Passes.h"
#include "test/fuzz/Mutate.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::fuzz;

static bool hasKernels(ModuleOp module) { return !module.getOps<vit::KernelOp>().empty(); }

/// True if `run` succeeded; a failure must have told why.
template <class Run> static bool told(size_t &errors, const Run &run) {
  size_t before = errors;
  bool good = succeeded(run());
  if (!good && errors == before)
    __builtin_trap();
  return good;
}

static LogicalResult toCode(ModuleOp module) {
  for (auto kernel : module.getOps<vit::KernelOp>()) {
    auto functions = codegen::readFunctions(kernel);
    if (failed(functions))
      return failure();
  }
  return success();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  DialectRegistry registry;
  registry.insert<vit::VitDialect, func::FuncDialect>();
  codegen::registerCodegenDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  size_t errors = 0;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return success();
  });
  std::string text(textOf(data, size));
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  PipelineOptions options;
  options.maxBatch = 4;
  PassManager manager(&context);
  if (!hasKernels(*module)) {
    buildModelPipeline(manager, options);
    buildKernelPipeline(manager, options);
  }
  manager.addPass(codegen::createLowerKernelsPass());
  if (told(errors, [&] { return manager.run(*module); }))
    told(errors, [&] { return toCode(*module); });
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  Random random(seed);
  return give(mutateTokens(textOf(data, size), random), data, maxSize);
}
