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
//
// Products of bf16 take two steps of a column at a time, which are neighbours then: the panel has
// the order [K / 2, 32, 2]. What they read is cast, the input where it is made (vit-fuse makes that
// part of its kernel) and the weight when it is loaded. All else stays f32, sums and attention,
// too.
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
  PackPanels(const PackPanels &other) : Base(other) {}
  explicit PackPanels(bool ofBf16) { bf16 = ofBf16; }

  Option<bool> bf16{*this, "bf16", llvm::cl::desc("products of bf16"), llvm::cl::init(false)};

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      llvm::DenseMap<Value, Value> packed, rounded;
      for (auto linear : model.getOps<vit::LinearOp>()) {
        if (linear.getWeight().getType().getRank() != 2)
          continue;
        if (bf16) {
          Value &input = rounded[linear.getInput()];
          if (!input)
            input = round(linear.getInput());
          linear.getInputMutable().set(input);
        }
        Value &panels = packed[linear.getWeight()];
        if (!panels)
          panels = pack(linear.getWeight());
        linear.getWeightMutable().set(panels);
      }
    }
  }

  static Value round(Value value) {
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    return vit::CastOp::create(builder, value.getLoc(),
                               tensorType(value).clone(builder.getBF16Type()), value);
  }

  Value pack(Value weight) {
    if (bf16)
      weight = round(weight);
    constexpr int64_t panel = cost::cpuPanel;
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointAfterValue(weight);
    Location loc = weight.getLoc();
    RankedTensorType type = tensorType(weight);
    int64_t columns = type.getDimSize(0), depth = type.getDimSize(1);
    auto panels = static_cast<int64_t>(llvm::divideCeil(columns, panel));
    if (panels * panel != columns)
      weight = vit::PadOp::create(builder, loc, type.clone({panels * panel, depth}), weight);
    auto panelType = type.clone({panels, depth, panel});
    if (bf16) {
      constexpr int64_t pair = 2;
      assert(depth % pair == 0 && "vit-pad-widths came before");
      weight = vit::ReshapeOp::create(builder, loc, type.clone({panels, panel, depth / pair, pair}),
                                      weight);
      weight = vit::PermuteOp::create(builder, loc, type.clone({panels, depth / pair, panel, pair}),
                                      weight, builder.getDenseI64ArrayAttr({0, 2, 1, 3}));
      return vit::ReshapeOp::create(builder, loc, panelType, weight);
    }
    weight = vit::ReshapeOp::create(builder, loc, type.clone({panels, panel, depth}), weight);
    return vit::PermuteOp::create(builder, loc, panelType, weight,
                                  builder.getDenseI64ArrayAttr({0, 2, 1}));
  }
};
} // namespace

std::unique_ptr<Pass> createPackPanels(bool bf16) { return std::make_unique<PackPanels>(bf16); }
} // namespace vitc
