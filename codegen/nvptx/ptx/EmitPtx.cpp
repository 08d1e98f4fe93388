//===- EmitPtx.cpp - PTX text from an llvm.func ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// scf and arith become llvm ops, those become LLVM IR, and LLVM's NVPTX back end writes the text.
// All of it happens in this process, on a clone, and nothing of the machine enters the text: no
// debug locations, no names but the function's, no seeds. Each function is translated by itself, so
// its text does not depend on the others of its kernel, and threads share the work.
//
//===----------------------------------------------------------------------===//

#include "codegen/LowerToLLVM.h"
#include "codegen/nvptx/Codegen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Target/LLVMIR/LLVMTranslationInterface.h"
#include "mlir/Transforms/DialectConversion.h"

#include "llvm-c/Target.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace mlir;

namespace vitc::codegen {

namespace {

/// The dialects of lowered kernels know how to become LLVM IR. Not while threads use the context.
void registerTranslations(MLIRContext *context) {
  context->loadDialect<cf::ControlFlowDialect, LLVM::LLVMDialect>();
  auto *loaded = context->getOrLoadDialect<NVVM::NVVMDialect>();
  if (loaded->getRegisteredInterface<LLVMTranslationDialectInterface>())
    return;
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);
}

/// The oldest PTX that knows an architecture, which has all that is used here: a driver takes no
/// text that is newer than itself, and nobody should need a newer one than the device does.
struct Architecture {
  llvm::StringLiteral name, ptx;
};
constexpr Architecture architectures[] = {
    {"sm_80", "+ptx70"}, {"sm_86", "+ptx71"},  {"sm_87", "+ptx74"}, {"sm_89", "+ptx78"},
    {"sm_90", "+ptx78"}, {"sm_100", "+ptx86"}, {"sm_120", "+ptx87"}};

std::unique_ptr<llvm::TargetMachine> createTargetMachine(llvm::StringRef arch, std::string &error) {
  const auto *known = llvm::find_if(architectures, [&](const auto &a) { return a.name == arch; });
  if (known == std::end(architectures)) {
    std::string names;
    for (const Architecture &each : architectures)
      names += (names.empty() ? "" : ", ") + each.name.str();
    error = "expected an architecture of " + names + ", found '" + arch.str() + "'";
    return nullptr;
  }
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, arch, known->ptx, llvm::TargetOptions(), std::nullopt,
                                  std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// A module of this function and the shared memory of its kernel's module, if it uses that.
OwningOpRef<gpu::GPUModuleOp> isolate(LLVM::LLVMFuncOp function) {
  auto module = cast<gpu::GPUModuleOp>(function->getParentOp());
  OpBuilder builder(function.getContext());
  OwningOpRef<gpu::GPUModuleOp> alone =
      gpu::GPUModuleOp::create(builder, module.getLoc(), module.getName());
  builder.setInsertionPointToStart(alone->getBody());
  for (auto global : module.getOps<LLVM::GlobalOp>())
    if (!SymbolTable::symbolKnownUseEmpty(global.getSymNameAttr(), function))
      builder.clone(*global);
  builder.clone(*function);
  return alone;
}

FailureOr<std::string> translate(LLVM::LLVMFuncOp function, llvm::StringRef arch) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(arch, error);
  if (!machine)
    return function.emitError() << error;

  OwningOpRef<gpu::GPUModuleOp> clone = isolate(function);
  auto isKernels = [](ConversionTarget &target) {
    target.addLegalDialect<NVVM::NVVMDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
  };
  if (failed(lowerToLLVMDialect(*clone, isKernels)))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(*clone, context, function.getName());
  if (!ir)
    return function.emitError() << "no LLVM IR for '" << function.getName() << "'";
  ir->setTargetTriple(machine->getTargetTriple());
  ir->setDataLayout(machine->createDataLayout());
  if (llvm::Error failure =
          makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, machine.get())(ir.get()))
    return function.emitError() << llvm::toString(std::move(failure));

  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return function.emitError() << "this LLVM cannot write PTX";
  passes.run(*ir);

  // Both would run, but slowly or not at all: a stack in memory, a call of a missing library.
  for (llvm::StringRef forbidden : {"__local_depot", ".extern .func"})
    if (text.str().contains(forbidden))
      return function.emitError() << "the PTX of '" << function.getName() << "' has '" << forbidden
                                  << "', which no kernel may have";
  return std::string(text);
}

} // namespace

void registerCodegenDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, scf::SCFDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                  NVVM::NVVMDialect, DLTIDialect>();
}

LogicalResult translateToPtx(ModuleOp module, llvm::StringRef arch,
                             std::vector<KernelCode> &functions) {
  registerTranslations(module.getContext());
  return failableParallelForEach(module.getContext(), functions, [&](KernelCode &function) {
    if (!function.ptx.empty())
      return success();
    auto code =
        cast<gpu::GPUModuleOp>(moduleOf(module.lookupSymbol<vit::KernelOp>(function.kernel)))
            .lookupSymbol<LLVM::LLVMFuncOp>(function.name);
    FailureOr<std::string> text = translate(code, arch);
    if (succeeded(text))
      function.ptx = *text;
    return LogicalResult(text);
  });
}

} // namespace vitc::codegen
