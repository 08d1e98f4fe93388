//===- ShareKernels.cpp - Equal kernels become one symbol -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Twelve layers need the code of one. Kernels are equal if their bodies are, whatever they are
// called and wherever they come from; launches then name the first of them. To make more kernels
// equal, those whose rows do not depend on their place in the image are rewritten on rows alone:
//
//   vit.kernel @fc1(%x: tensor<?x197x768xf16>, ...)   =>   vit.kernel @fc1(%x: tensor<?x768xf16>,
//   ...)
//
// so the same linear on 197 tokens and on 196 is one kernel. On all tokens and on the class token
// alone it is two: schedules are for batches, and at one batch thousands of rows want another tile
// than eight. Names are given here, after the sharing, so that they do not depend on how many
// kernels there were before.
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"
#include "passes/Kernels.h"
#include "passes/Passes.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace vitc {
#define GEN_PASS_DEF_SHAREKERNELS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// True if every row of every activation is treated like every other.
bool isRowWise(vit::KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front().without_terminator(),
                      [](Operation &op) { return cast<vit::TokenInterface>(op).isRowWise(); });
}

void collapse(Value value) {
  if (vit::isBatchTensor(value.getType()))
    value.setType(vit::collapseToRows(tensorType(value)));
}

void rewriteOnRows(vit::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  llvm::for_each(body.getArguments(), collapse);
  for (Operation &op : body.without_terminator())
    llvm::for_each(op.getResults(), collapse);
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), body.getArgumentTypes(),
                                           kernel.getYield().getOperandTypes()));
}

bool sameCode(vit::KernelOp a, vit::KernelOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         a.getSchedulesAttr() == b.getSchedulesAttr() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// Rows of one image that a launch makes; 0 where it makes no rows.
int64_t rowsOf(vit::LaunchOp launch) {
  for (Type type : launch.getResultTypes())
    if (auto tensor = cast<RankedTensorType>(type);
        vit::isBatchTensor(tensor) && tensor.getRank() > 1)
      return ShapedType::getNumElements(tensor.getShape().drop_front().drop_back());
  return 0;
}

/// Whether one tile can suit both.
bool areAlike(int64_t rows, int64_t others) {
  constexpr int64_t mostRatio = 8;
  return std::max(rows, others) <= mostRatio * std::min(rows, others);
}

struct ShareKernels : impl::ShareKernelsBase<ShareKernels> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<vit::LaunchOp> launches = launchesOf(getOperation());
    KernelTable kernels(getOperation());
    for (vit::LaunchOp launch : launches)
      if (vit::KernelOp kernel = kernels.of(launch); isRowWise(kernel))
        rewriteOnRows(kernel);

    SmallVector<vit::KernelOp> kept; // in the order of their first launch
    SmallVector<int64_t> rows;       // of that launch
    for (vit::LaunchOp launch : launches) {
      vit::KernelOp kernel = kernels.of(launch);
      size_t same = 0;
      while (same < kept.size() &&
             !(sameCode(kernel, kept[same]) && areAlike(rowsOf(launch), rows[same])))
        ++same;
      if (same == kept.size()) {
        kept.push_back(kernel);
        rows.push_back(rowsOf(launch));
      }
      launch.setKernel(kept[same].getSymName());
    }
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<vit::KernelOp>()))
      if (!llvm::is_contained(kept, kernel))
        kernel.erase();
    if (vit::anySizeOf(getOperation()))
      for (vit::KernelOp kernel : kept)
        if (!isOnRows(kernel))
          kernel.setTokens(vit::anyTokens);
    rename(launches, kept);
    for (vit::KernelOp kernel : kept) // as they are launched
      kernel->moveBefore(launches.front()->getParentOp());
  }

  /// Readable names; equal ones are numbered from the second on.
  void rename(ArrayRef<vit::LaunchOp> launches, ArrayRef<vit::KernelOp> kernels) {
    llvm::StringSet<> taken;
    for (Operation &op : *getOperation().getBody())
      if (auto symbol = dyn_cast<SymbolOpInterface>(op); symbol && !isa<vit::KernelOp>(op))
        taken.insert(symbol.getName());
    llvm::DenseMap<StringAttr, std::string> names;
    for (vit::KernelOp kernel : kernels) {
      // A schedule is part of the name; such a kernel has its final one.
      std::string base = kernel.getSchedules() ? kernel.getSymName().str() : kernelName(kernel);
      std::string name = base;
      for (int number = 2; !taken.insert(name).second; ++number)
        name = (Twine(base) + "_" + Twine(number)).str();
      names[kernel.getSymNameAttr()] = name;
    }
    for (vit::LaunchOp launch : launches)
      launch.setKernel(names.lookup(launch.getKernelAttr().getAttr()));
    for (vit::KernelOp kernel : kernels)
      kernel.setSymName(names.lookup(kernel.getSymNameAttr()));
  }
};
} // namespace
} // namespace vitc
