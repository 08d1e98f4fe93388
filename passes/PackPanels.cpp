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
//
// Products of i8 read what vit.quantize makes of the input, once for all that read it, and
// vit.quantize_panels of the weight. Two kinds stay f32, in which rounding is seen most and of
// which there is little: those of pixels, and those whose results the model returns.
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
  explicit PackPanels(cost::CpuProducts ofType) { products = ofType; }

  Option<cost::CpuProducts> products{
      *this, "products", llvm::cl::desc("what products read"),
      llvm::cl::init(cost::CpuProducts::F32),
      llvm::cl::values(clEnumValN(cost::CpuProducts::F32, "f32", "f32"),
                       clEnumValN(cost::CpuProducts::Bf16, "bf16", "bf16"),
                       clEnumValN(cost::CpuProducts::I8, "i8", "i8 but at the model's ends"))};

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      llvm::DenseMap<std::pair<Value, int>, Value> inputs, weights;
      for (auto linear : llvm::make_early_inc_range(model.getOps<vit::LinearOp>())) {
        if (linear.getWeight().getType().getRank() != 2)
          continue;
        cost::CpuProducts type = typeOf(linear);
        Value &input = inputs[{linear.getInput(), int(type)}];
        if (!input)
          input = convert(linear.getInput(), type);
        linear.getInputMutable().set(input);
        Value &panels = weights[{linear.getWeight(), int(type)}];
        if (!panels)
          panels = pack(linear.getWeight(), type);
        linear.getWeightMutable().set(panels);
      }
    }
  }

  cost::CpuProducts typeOf(vit::LinearOp linear) {
    if (products != cost::CpuProducts::I8)
      return products;
    bool atEnd = linear.getInput().getDefiningOp<vit::PatchifyOp>() || isReturned(linear);
    return atEnd ? cost::CpuProducts::F32 : cost::CpuProducts::I8;
  }

  /// By itself, or with its bias.
  static bool isReturned(Value value) {
    return llvm::any_of(value.getUsers(), [](Operation *user) {
      return isa<func::ReturnOp>(user) ||
             (isa<vit::BiasAddOp>(user) && isReturned(user->getResult(0)));
    });
  }

  /// What a product of this type reads of an activation.
  static Value convert(Value value, cost::CpuProducts type) {
    if (type == cost::CpuProducts::Bf16)
      return round(value);
    if (type == cost::CpuProducts::F32)
      return value;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    SmallVector<int64_t> shape(tensorType(value).getShape());
    shape.back() = vit::quantizedColumns(shape.back());
    return vit::QuantizeOp::create(builder, value.getLoc(),
                                   RankedTensorType::get(shape, builder.getI8Type()), value);
  }

  static Value round(Value value) {
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    return vit::CastOp::create(builder, value.getLoc(),
                               tensorType(value).clone(builder.getBF16Type()), value);
  }

  static Value pack(Value weight, cost::CpuProducts products) {
    bool bf16 = products == cost::CpuProducts::Bf16;
    if (bf16)
      weight = round(weight);
    constexpr int64_t panel = cost::cpuPanel;
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointAfterValue(weight);
    Location loc = weight.getLoc();
    RankedTensorType type = tensorType(weight);
    int64_t columns = type.getDimSize(0), depth = type.getDimSize(1);
    auto panels = static_cast<int64_t>(llvm::divideCeil(columns, panel));
    if (products == cost::CpuProducts::I8)
      return vit::QuantizePanelsOp::create(
          builder, loc,
          RankedTensorType::get({panels, vit::quantizedColumns(depth), panel}, builder.getI8Type()),
          weight);
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

std::unique_ptr<Pass> createPackPanels(cost::CpuProducts products) {
  return std::make_unique<PackPanels>(products);
}
} // namespace vitc
