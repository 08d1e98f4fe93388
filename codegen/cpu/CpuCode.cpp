//===- CpuCode.cpp - From kernels in IR to code of a CPU ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each kernel becomes a function in each form, in one module, so that forms and kernels share the
// functions of products. scf and arith become llvm ops, those LLVM IR, which is optimised once,
// here; what makes machine code of it links it with the rest of a library.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CpuCode.h"
#include "codegen/LowerToLLVM.h"
#include "codegen/cpu/Families.h"
#include "passes/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Target/LLVMIR/LLVMTranslationInterface.h"

#include "llvm-c/Target.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace mlir;

namespace vitc::codegen {

using namespace cpu;

StringRef isaName(vit_isa isa) { return formOf(isa).name; }

std::string cpuSymbol(StringRef function, vit_isa isa) {
  return (function + "." + isaName(isa)).str();
}

static LogicalResult emitFamily(CpuKernel &k) {
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
  case vit::KernelFamily::Broadcast:
  case vit::KernelFamily::Select:
  case vit::KernelFamily::Append:
  case vit::KernelFamily::Mean:
  case vit::KernelFamily::Merge:
    return emitTokens(k);
  }
  llvm_unreachable("all families are above");
}

/// Products do, and what is done value by value.
static bool readsBf16(Operation *op) {
  return isa<vit::LinearOp, vit::ElementwiseInterface, vit::YieldOp>(op);
}

static bool readsI8(Operation *op) { return isa<vit::LinearOp>(op); }

/// What every family relies on.
static LogicalResult checkKernel(vit::KernelOp kernel) {
  auto fail = [&] { return kernel.emitError() << "kernel '" << kernel.getSymName() << "': "; };
  WalkResult walked = kernel.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && !tensor.getElementType().isF32() && !isa<vit::QuantizeOp>(op) &&
          !(tensor.getElementType().isBF16() && isa<vit::CastOp>(op))) {
        fail() << "code for CPUs computes in f32, but '" << op->getName() << "' is " << type;
        return WalkResult::interrupt();
      }
    if (isa<vit::MomentsOp, vit::NormalizeOp>(op)) {
      fail() << "'" << op->getName() << "' has no code for CPUs; leave out vit-fold-norm";
      return WalkResult::interrupt();
    }
    auto root = dyn_cast<vit::KernelInterface>(op);
    if (!root || root.getPrologue() != vit::Prologue::None)
      return WalkResult::advance();
    for (Value operand : op->getOperands())
      if (Operation *before = operand.getDefiningOp()) {
        fail() << "'" << op->getName() << "' reads its operands from memory, but '"
               << before->getName() << "' computes one: keep that in a kernel before";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    Type element = CpuKernel::typeOf(argument).getElementType();
    bool read = // pixels patchify makes f32 of
        element.isF32() || element.isUnsignedInteger(8) ||
        (element.isBF16() && llvm::all_of(argument.getUsers(), readsBf16)) ||
        (element.isSignlessInteger(8) && llvm::all_of(argument.getUsers(), readsI8));
    if (!read)
      return fail() << "code for CPUs computes in f32, but an argument is " << argument.getType();
  }
  return success();
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createCpuMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string problem;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return llvm::createStringError("this LLVM cannot write code for x86-64: " + problem);
  // Functions name their own processors.
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, "x86-64", "", llvm::TargetOptions(), llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

static void registerTranslations(MLIRContext *context) {
  context->loadDialect<arith::ArithDialect, scf::SCFDialect, cf::ControlFlowDialect,
                       LLVM::LLVMDialect>();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);
}

static FailureOr<std::string> optimise(ModuleOp code) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createCpuMachine();
  if (!machine)
    return code.emitError() << llvm::toString(machine.takeError());
  if (failed(lowerToLLVMDialect(code,
                                [](ConversionTarget &target) { target.addLegalOp<ModuleOp>(); })))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(code, context, "cpu");
  if (!ir)
    return code.emitError() << "no LLVM IR for the kernels of a CPU";
  ir->setTargetTriple((*machine)->getTargetTriple());
  ir->setDataLayout((*machine)->createDataLayout());
  if (llvm::Error failure =
          makeOptimizingTransformer(/*optLevel=*/2, /*sizeLevel=*/0, machine->get())(ir.get()))
    return code.emitError() << llvm::toString(std::move(failure));
  for (llvm::Function &function : *ir)
    if (function.isDeclaration() && !function.isIntrinsic())
      return code.emitError() << "the code of a CPU calls '" << function.getName()
                              << "', which nobody has";
  std::string bitcode;
  llvm::raw_string_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(*ir, stream);
  return bitcode;
}

/// The function of `kernel` that other code has, under the kernel's name in its own module.
static std::optional<CpuFunction> sharedFunction(vit::KernelOp kernel, const CpuCode *beside) {
  if (!beside)
    return std::nullopt;
  std::string text = textOf(kernel);
  for (const CpuFunction &function : beside->functions)
    if (function.text == text) {
      CpuFunction shared = function;
      shared.kernel = kernel.getSymName().str();
      return shared;
    }
  return std::nullopt;
}

/// Writes the function of a kernel in each form.
static FailureOr<CpuFunction> writeFunction(vit::KernelOp kernel, ModuleOp functions,
                                            ArrayRef<vit_isa> isas, bool isBeside) {
  if (failed(checkKernel(kernel)))
    return failure();
  CpuFunction written;
  written.kernel = kernel.getSymName().str();
  written.name =
      written.kernel + (isBeside ? "_any" : ""); // kernels' names end in types or numbers
  written.text = textOf(kernel);
  for (vit_isa isa : isas) {
    CpuKernel k(kernel, functions, formOf(isa), cpuSymbol(written.name, isa));
    if (failed(emitFamily(k)))
      return failure();
    k.function.setLinkage(LLVM::Linkage::External); // until it is linked, nobody refers to it
    std::copy(std::begin(k.grid), std::end(k.grid), std::begin(written.grid));
    written.tile = k.tile;
    written.scratchBytes = std::max(written.scratchBytes, uint32_t(k.scratchBytes()));
  }
  return written;
}

FailureOr<CpuCode> generateCpu(ModuleOp module, std::vector<vit_isa> isas, const CpuCode *beside) {
  registerTranslations(module.getContext());
  CpuCode code;
  llvm::sort(isas);
  code.isas = isas;
  OwningOpRef<ModuleOp> functions = ModuleOp::create(UnknownLoc::get(module.getContext()));
  for (auto kernel : module.getOps<vit::KernelOp>()) {
    if (std::optional<CpuFunction> shared = sharedFunction(kernel, beside)) {
      code.functions.push_back(std::move(*shared));
      continue;
    }
    FailureOr<CpuFunction> written =
        writeFunction(kernel, *functions, isas, /*isBeside=*/beside != nullptr);
    if (failed(written))
      return failure();
    code.functions.push_back(std::move(*written));
  }
  FailureOr<std::string> bitcode = optimise(*functions);
  if (failed(bitcode))
    return failure();
  code.bitcode = std::move(*bitcode);
  return code;
}

} // namespace vitc::codegen
