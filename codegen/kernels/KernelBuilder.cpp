//===- KernelBuilder.cpp - The builder inside one kernel ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/kernels/KernelBuilder.h"

#include <algorithm>

using namespace mlir;

namespace vitc {

namespace {

ImplicitLocOpBuilder builderBehind(vit::KernelOp kernel) {
  ImplicitLocOpBuilder builder(kernel.getLoc(), kernel->getContext());
  builder.setInsertionPointAfter(kernel);
  return builder;
}

} // namespace

KernelBuilder::KernelBuilder(vit::KernelOp kernel)
    : PtxBuilder(builderBehind(kernel)), kernel(kernel) {
  std::string name = kernel.getSymName().str();
  module = gpu::GPUModuleOp::create(*this, name + "_module");
  setInsertionPointToStart(module.getBody());

  unsigned arguments = kernel.getArgumentTypes().size(), results = kernel.getResultTypes().size();
  SmallVector<Type> parameters(arguments + results, globalPtr);
  parameters.push_back(i32);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()), parameters);
  function = LLVM::LLVMFuncOp::create(*this, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), getUnitAttr());
  // No result of a launch lies in memory the launch reads, which is what noalias says: the
  // planner gives a result memory of its own, and outputs of a model are not its inputs.
  for (unsigned i = 0; i < arguments + results; ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), getI64IntegerAttr(16));
    function.setArgAttr(i,
                        i < arguments ? LLVM::LLVMDialect::getReadonlyAttrName()
                                      : LLVM::LLVMDialect::getWriteOnlyAttrName(),
                        getUnitAttr());
  }
  setInsertionPointToStart(function.addEntryBlock(*this));
}

vit::ScheduleAttr KernelBuilder::schedule(size_t blockEntries, size_t warpEntries) {
  ArrayAttr schedules = kernel.getSchedulesAttr();
  if (!schedules || schedules.size() != 1) {
    error() << "expected one schedule, found " << (schedules ? schedules.size() : 0)
            << ": run vit-select-schedules";
    return {};
  }
  auto schedule = cast<vit::ScheduleAttr>(schedules[0]);
  auto positive = [](int64_t entry) { return entry > 0; };
  if (schedule.getBlock().size() != blockEntries || schedule.getWarp().size() != warpEntries ||
      !llvm::all_of(schedule.getBlock(), positive) || !llvm::all_of(schedule.getWarp(), positive) ||
      schedule.getStages() < 1) {
    error() << "expected a schedule with " << blockEntries << " positive block and " << warpEntries
            << " positive warp entries and at least one stage, found " << schedule;
    return {};
  }
  return schedule;
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

Value KernelBuilder::count() { return function.getArguments().back(); }

InFlightDiagnostic KernelBuilder::error() {
  return kernel->emitError() << "kernel '" << kernel.getSymName() << "': ";
}

LogicalResult KernelBuilder::finish(const LaunchShape &launch, unsigned minBlocks) {
  if (launch.dynamicSmem > maxSharedPerBlock)
    return error() << "expected at most " << maxSharedPerBlock
                   << " bytes of shared memory per block, found " << launch.dynamicSmem
                   << ": choose a smaller tile or fewer stages";
  if (launch.threads == 0 || launch.threads % 32 != 0 || launch.threads > 1024)
    return error() << "expected 1 to 32 whole warps per block, found " << launch.threads
                   << " threads: choose another block or warp tile";
  LLVM::ReturnOp::create(*this, ValueRange{});

  auto threads = static_cast<int32_t>(launch.threads);
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), getDenseI32ArrayAttr({threads, 1, 1}));
  if (minBlocks)
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), getI32IntegerAttr(minBlocks));
  SmallVector<int64_t> grid;
  for (const Extent &extent : launch.grid)
    grid.append({extent.perCount, extent.divisor, extent.times});
  function->setAttr("vit.threads", getI64IntegerAttr(launch.threads));
  function->setAttr("vit.dynamic_smem", getI64IntegerAttr(launch.dynamicSmem));
  function->setAttr("vit.grid", getDenseI64ArrayAttr(grid));
  return success();
}

unsigned vectorWidth(int64_t width, unsigned most) {
  unsigned vector = 1;
  while (vector * 2 <= most && width % (vector * 2) == 0)
    vector *= 2;
  return vector;
}

} // namespace vitc
