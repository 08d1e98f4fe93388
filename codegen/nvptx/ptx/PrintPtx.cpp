//===- PrintPtx.cpp - PTX and resources of every kernel, as text ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// For tests and for looking inside with vitc-opt: the PTX of each function, behind one line with
// what ptxas says about it.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"

#include "mlir/Pass/Pass.h"

#include <thread>

using namespace mlir;

namespace vitc::codegen {

namespace {

struct PrintPtx : PassWrapper<PrintPtx, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintPtx)
  PrintPtx() = default;
  PrintPtx(const PrintPtx &other) : PassWrapper(other) {}
  StringRef getArgument() const final { return "vit-print-ptx"; }
  StringRef getDescription() const final {
    return "Print the PTX of every kernel function and what ptxas says about it";
  }
  Option<std::string> arch{*this, "arch", llvm::cl::desc("Architecture"), llvm::cl::init("sm_89")};
  Option<std::string> ptxas{*this, "ptxas", llvm::cl::desc("ptxas to use, or none"),
                            llvm::cl::init("")};
  Option<bool> text{*this, "text", llvm::cl::desc("Print the PTX too"), llvm::cl::init(true)};

  void runOnOperation() final {
    if (failed(print()))
      signalPassFailure();
  }

  LogicalResult print() {
    std::vector<KernelCode> kernels;
    for (auto kernel : getOperation().getOps<vit::KernelOp>()) {
      FailureOr<std::vector<KernelCode>> functions = readFunctions(kernel);
      if (failed(functions))
        return failure();
      llvm::append_range(kernels, *functions);
    }
    if (failed(translateToPtx(getOperation(), arch, kernels)))
      return failure();
    std::string error, program = findPtxas(ptxas, error);
    if (!error.empty())
      return getOperation().emitError() << error;
    Assembler assembler;
    assembler.ptxas = program;
    assembler.archs = {arch};
    assembler.jobs = std::thread::hardware_concurrency();
    if (!program.empty() && failed(assemble(assembler, kernels, error)))
      return getOperation().emitError() << error;
    for (const KernelCode &kernel : kernels) {
      llvm::outs() << "// kernel " << kernel.name << ": threads " << kernel.launch.threads
                   << ", dynamic shared " << kernel.launch.dynamicSmem;
      for (const MachineCode &code : kernel.codes)
        llvm::outs() << ", " << code.arch << ": registers " << code.resources.registers
                     << ", spill stores " << code.resources.spillStores << ", spill loads "
                     << code.resources.spillLoads << ", stack " << code.resources.stack
                     << ", static shared " << code.resources.staticSmem;
      llvm::outs() << "\n";
      if (text)
        llvm::outs() << kernel.ptx;
    }
    llvm::outs().flush();
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createPrintPtxPass() { return std::make_unique<PrintPtx>(); }

} // namespace vitc::codegen
