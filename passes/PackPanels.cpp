//===- PackPanels.cpp - Weights of products as panels of columns ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A product on a CPU keeps some rows of the result in registers, a vector or two of each, and adds
// to all of them step by step of the sum. The columns of such vectors must be neighbours in memory:
//
//   %y = vit.linear %x, %w : 3072x768   =>   %r = vit.reshape %w : 96x32x768
//                                            %p = vit.permute %r [0, 2, 1] : 96x768x32
//                                            %y = vit.linear %x, %p
//
// 32 columns are two vectors of AVX-512; code for AVX2 reads the two halves one after the other, so
// both share the weights.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"
#include "passes/cost/Cpu.h"

#include "llvm/Support/MathExtras.h"

namespace vitc {
#define GEN_PASS_DEF_PACKPANELS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
struct PackPanels : impl::PackPanelsBase<PackPanels> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      llvm::DenseMap<Value, Value> packed;
      for (auto linear : model.getOps<vit::LinearOp>()) {
        if (linear.getWeight().getType().getRank() != 2)
          continue;
        Value &panels = packed[linear.getWeight()];
        if (!panels)
          panels = pack(linear.getWeight());
        linear.getWeightMutable().set(panels);
      }
    }
  }

  static Value pack(Value weight) {
    constexpr int64_t panel = cost::cpuPanel;
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointAfterValue(weight);
    Location loc = weight.getLoc();
    RankedTensorType type = tensorType(weight);
    int64_t columns = type.getDimSize(0), depth = type.getDimSize(1);
    auto panels = static_cast<int64_t>(llvm::divideCeil(columns, panel));
    if (panels * panel != columns)
      weight = vit::PadOp::create(builder, loc, type.clone({panels * panel, depth}), weight);
    weight = vit::ReshapeOp::create(builder, loc, type.clone({panels, panel, depth}), weight);
    return vit::PermuteOp::create(builder, loc, type.clone({panels, depth, panel}), weight,
                                  builder.getDenseI64ArrayAttr({0, 2, 1}));
  }
};
} // namespace
} // namespace vitc
