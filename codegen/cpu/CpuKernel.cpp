//===- CpuKernel.cpp - The builder inside one kernel ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CpuKernel.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitc::codegen::cpu {

// Vectors of 512 bits are registers of AVX-512 only where a function says so: LLVM's own models of
// older processors would split them.
const Form avx2 = {VIT_ISA_AVX2, "avx2", "x86-64-v3", "", cost::avx2Cpu};
const Form avx512 = {VIT_ISA_AVX512, "avx512", "x86-64-v4", "-prefer-256-bit", cost::avx512Cpu};
const Form avx512vnni = {VIT_ISA_AVX512_VNNI, "avx512vnni", "x86-64-v4",
                         "+avx512vnni,-prefer-256-bit", cost::avx512Cpu};
const Form avx512bf16 = {VIT_ISA_AVX512_BF16, "avx512bf16", "x86-64-v4",
                         "+avx512vnni,+avx512bf16,-prefer-256-bit", cost::avx512Cpu};

const Form &formOf(vit_isa isa) {
  switch (isa) {
  case VIT_ISA_AVX2:
    return avx2;
  case VIT_ISA_AVX512:
    return avx512;
  case VIT_ISA_AVX512_VNNI:
    return avx512vnni;
  case VIT_ISA_AVX512_BF16:
    return avx512bf16;
  }
  llvm_unreachable("all forms are above");
}

LLVM::LLVMFuncOp createFunction(ImplicitLocOpBuilder &builder, ModuleOp module, StringRef name,
                                ArrayRef<Type> parameters, const Form &form, Block *&entry) {
  MLIRContext *context = builder.getContext();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), parameters);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(builder, name, type, LLVM::Linkage::Internal);
  function.setTargetCpu(form.machine);
  if (!form.features.empty())
    function.setTargetFeaturesAttr(LLVM::TargetFeaturesAttr::get(context, form.features));
  function.setPassthroughAttr(builder.getArrayAttr(
      {builder.getStrArrayAttr({"min-legal-vector-width", form.isa == VIT_ISA_AVX2 ? "0" : "512"}),
       builder.getStringAttr("nounwind"),
       // A loop that fills memory stays one: code here calls nobody.
       builder.getStringAttr("no-builtins")}));
  entry = function.addEntryBlock(builder);
  return function;
}

static ImplicitLocOpBuilder startFunction(vit::KernelOp kernel, ModuleOp module, const Form &form,
                                          StringRef name) {
  // Locations are for messages about the kernel; nothing of them may enter the code.
  ImplicitLocOpBuilder builder(kernel.getLoc(), kernel.getContext());
  Type ptr = LLVM::LLVMPointerType::get(kernel.getContext()), i32 = builder.getI32Type();
  Block *entry;
  createFunction(builder, module, name, {ptr, i32, i32, ptr}, form, entry);
  builder.setInsertionPointToStart(entry);
  return builder;
}

/// How many parameters say what the size of an image is.
static unsigned sizeParameters(vit::KernelOp kernel) {
  if (!kernel.getTokens())
    return 0;
  return kernel.getFamily() == vit::KernelFamily::Patchify ? 3 : 1;
}

CpuKernel::CpuKernel(vit::KernelOp kernel, ModuleOp module, const Form &form, StringRef name)
    : CpuBuilder(startFunction(kernel, module, form, name)), kernel(kernel), module(module),
      form(form), function(cast<LLVM::LLVMFuncOp>(getInsertionBlock()->getParentOp())) {
  Block &entry = function.getBody().front();
  Value args = entry.getArgument(0);
  unsigned pointers = kernel.getNumArguments() + numResults();
  for (unsigned i = 0; i <= pointers + sizeParameters(kernel); ++i) {
    Value slot = atByte(args, i * int64_t(sizeof(uint64_t)));
    parameters.push_back(LLVM::LoadOp::create(*this, i < pointers ? ptr : i64, slot, 8));
  }
  // Indices are small: as signed numbers they are never negative.
  x = LLVM::ZExtOp::create(*this, i64, entry.getArgument(1));
  y = LLVM::ZExtOp::create(*this, i64, entry.getArgument(2));
  scratchPointer = entry.getArgument(3);
}

Value CpuKernel::pointer(Value argument) {
  return parameters[cast<BlockArgument>(argument).getArgNumber()];
}
Value CpuKernel::resultPointer(unsigned i) { return parameters[kernel.getNumArguments() + i]; }
RankedTensorType CpuKernel::resultType(unsigned i) {
  return cast<RankedTensorType>(kernel.getResultTypes()[i]);
}

Value CpuKernel::tokens(int64_t number) {
  vit::TokenCount tokens = vit::tokenCountOf(number);
  if (!anySize() || !tokens.perPatch)
    return imm(number);
  return add(parameters[parameters.size() - 2], tokens.constant);
}

Value CpuKernel::imageHeight() {
  assert(sizeParameters(kernel) == 3 && "only kernels that read images know their size");
  return parameters[parameters.size() - 4];
}
Value CpuKernel::imageWidth() {
  assert(sizeParameters(kernel) == 3 && "only kernels that read images know their size");
  return parameters[parameters.size() - 3];
}

Value CpuKernel::scratch(int64_t values) {
  int64_t begin = scratchEnd;
  scratchEnd = llvm::alignTo(begin + values * int64_t(sizeof(float)), 64);
  return atByte(scratchPointer, begin);
}

InFlightDiagnostic CpuKernel::error() {
  return kernel.emitError() << "kernel '" << kernel.getSymName() << "': ";
}

void CpuKernel::finish() { LLVM::ReturnOp::create(*this, ValueRange()); }

} // namespace vitc::codegen::cpu
