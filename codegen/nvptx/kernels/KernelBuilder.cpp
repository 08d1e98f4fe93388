//===- KernelBuilder.cpp - The builder inside one kernel ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/KernelBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <algorithm>

using namespace mlir;

namespace vitc::codegen {

namespace {

ImplicitLocOpBuilder builderBehind(vit::KernelOp kernel) {
  ImplicitLocOpBuilder builder(kernel.getLoc(), kernel->getContext());
  builder.setInsertionPointAfter(kernel);
  return builder;
}

} // namespace

/// How many say what the size of an image is.
static unsigned sizeParameters(vit::KernelOp kernel) {
  if (!kernel.getTokens())
    return 0;
  return kernel.getFamily() == vit::KernelFamily::Patchify ? 3 : 1;
}

KernelBuilder::KernelBuilder(vit::KernelOp kernel, vit::ScheduleAttr schedule, StringRef name)
    : PtxBuilder(builderBehind(kernel)), kernel(kernel), module(moduleOf(kernel)),
      work(workOf(kernel)), schedule(scheduleOf(schedule)), attribute(schedule) {
  if (!module)
    module = gpu::GPUModuleOp::create(*this, (kernel.getSymName() + "_module").str());
  setInsertionPointToEnd(&module->getRegion(0).front());

  unsigned arguments = kernel.getArgumentTypes().size(), results = kernel.getResultTypes().size();
  bool split = this->schedule.isSplit();
  unsigned pointers = arguments + results + (split ? 2 : 0);
  SmallVector<Type> parameters(pointers, globalPtr);
  parameters.append(1 + sizeParameters(kernel), i32);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()), parameters);
  auto code = LLVM::LLVMFuncOp::create(*this, name, type);
  function = code;
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), getUnitAttr());
  // No result of a launch lies in memory the launch reads, which is what noalias says: the
  // planner gives a result memory of its own, and outputs of a model are not its inputs.
  for (unsigned i = 0; i < pointers; ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), getI64IntegerAttr(16));
    if (i < arguments + results)
      function.setArgAttr(i,
                          i < arguments ? LLVM::LLVMDialect::getReadonlyAttrName()
                                        : LLVM::LLVMDialect::getWriteOnlyAttrName(),
                          getUnitAttr());
  }
  setInsertionPointToStart(code.addEntryBlock(*this));
}

Value KernelBuilder::pointer(Value value) {
  return function.getArgument(cast<BlockArgument>(value).getArgNumber());
}

Value KernelBuilder::resultPointer(unsigned i) {
  return function.getArgument(kernel.getArgumentTypes().size() + i);
}

RankedTensorType KernelBuilder::resultType(unsigned i) {
  return cast<RankedTensorType>(kernel.getResultTypes()[i]);
}

Value KernelBuilder::scratch() {
  assert(schedule.isSplit() && "only split kernels have scratch memory");
  return function.getArgument(function.getNumArguments() - sizeParameters(kernel) - 3);
}

Value KernelBuilder::counters() {
  assert(schedule.isSplit() && "only split kernels have counters");
  return function.getArgument(function.getNumArguments() - sizeParameters(kernel) - 2);
}

Value KernelBuilder::tokens(int64_t number) {
  vit::TokenCount tokens = vit::tokenCountOf(number);
  if (!anySize() || !tokens.perPatch)
    return imm(number);
  return add(function.getArgument(function.getNumArguments() - 2), tokens.constant);
}

Value KernelBuilder::imageHeight() {
  assert(sizeParameters(kernel) == 3 && "only kernels that read images know their size");
  return function.getArgument(function.getNumArguments() - 4);
}

Value KernelBuilder::imageWidth() {
  assert(sizeParameters(kernel) == 3 && "only kernels that read images know their size");
  return function.getArgument(function.getNumArguments() - 3);
}

Value KernelBuilder::count() { return function.getArguments().back(); }

InFlightDiagnostic KernelBuilder::error() {
  return kernel->emitError() << "kernel '" << kernel.getSymName() << "': ";
}

LogicalResult KernelBuilder::finish(const cost::Geometry &geometry) {
  LLVM::ReturnOp::create(*this, ValueRange{});
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    getDenseI32ArrayAttr({geometry.threads, 1, 1}));
  if (schedule.registers)
    function->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(),
                      getI32IntegerAttr(schedule.registers));
  else if (geometry.minBlocks)
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      getI32IntegerAttr(geometry.minBlocks));
  SmallVector<int64_t> grid;
  for (const cost::Extent &extent : geometry.grid)
    grid.append({extent.perCount, extent.divisor, extent.times});
  function->setAttr("vit.schedule", attribute);
  function->setAttr("vit.threads", getI64IntegerAttr(geometry.threads));
  function->setAttr("vit.dynamic_smem", getI64IntegerAttr(geometry.shared));
  function->setAttr("vit.grid", getDenseI64ArrayAttr(grid));
  return success();
}

} // namespace vitc::codegen
