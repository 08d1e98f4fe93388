//===- ReadBytes.cpp - Pixels as bytes, normalised by weights -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A picture is bytes until somebody normalises it, which makes it four times as large before it is
// copied to a device. But (u * scale - mean[c]) / deviation[c] is linear in the byte u, and the
// first thing a model does with pixels is a product. With v = (u - 128) / 64, which is exact in
// every type that kernels read:
//
//   %p = vit.patchify %x conv          =>   %p = vit.patchify %u bytes             (rows of v)
//   %y = vit.linear %p, %w                  %y = vit.linear %p, %v
//   %z = vit.bias_add %y, %b                %z = vit.bias_add %y, (%b + %s)
//
//   v[n, (y, x, c)] = w[n, (c, y, x)] * 64 * scale / deviation[c]
//   s[n]            = sum of w[n, (c, y, x)] * (128 * scale - mean[c]) / deviation[c]
//
// Both are arithmetic on weights, done in f64 when they are loaded. Bytes are centred first,
// because the bias would cancel most of a product of bytes that are all positive, and the product
// has rounded weights.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

#include <cmath>
#include <limits>

namespace vitc {
#define GEN_PASS_DEF_READBYTES
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// What a byte as patchify gives it is multiplied by, and what is added then.
struct Normalisation {
  double factor, offset;
};

/// The weights of one product of patches.
class Folding {
public:
  Folding(vit::PatchifyOp patchify, vit::LinearOp linear, ArrayRef<Normalisation> channels)
      : linear(linear), channels(channels), builder(linear), loc(linear.getLoc()) {
    RankedTensorType weight = linear.getWeight().getType();
    rows = weight.getDimSize(0);
    pixels = patchify.getPatch()[0] * patchify.getPatch()[1];
  }

  void fold() {
    int64_t count = std::ssize(channels);
    // Channels first, as they can be taken apart so.
    Value byRow = reshape(linear.getWeight(), {rows, count, pixels});
    Value byChannel = permute(byRow, {1, 0, 2}, {count, rows, pixels});
    SmallVector<Value> scaled;
    Value shift;
    for (int64_t c = 0; c < count; ++c) {
      Value one = vit::SliceOp::create(builder, loc, typed({1, rows, pixels}), byChannel, c);
      scaled.push_back(scale(one, channels[c].factor));
      Value sums =
          vit::RowSumsOp::create(builder, loc, typed({rows}), reshape(one, {rows, pixels}));
      sums = scale(sums, channels[c].offset);
      shift = shift ? Value(vit::AddOp::create(builder, loc, typed({rows}), shift, sums)) : sums;
    }
    Value all =
        vit::ConcatOp::create(builder, loc, typed({count, rows, pixels}), ValueRange(scaled));
    Value lastChannels = permute(all, {1, 2, 0}, {rows, pixels, count});
    linear.getWeightMutable().set(reshape(lastChannels, {rows, pixels * count}));
    addToBias(shift);
  }

private:
  RankedTensorType typed(ArrayRef<int64_t> shape) {
    return linear.getWeight().getType().clone(shape);
  }
  Value reshape(Value value, ArrayRef<int64_t> shape) {
    return vit::ReshapeOp::create(builder, loc, typed(shape), value);
  }
  Value permute(Value value, ArrayRef<int64_t> order, ArrayRef<int64_t> shape) {
    return vit::PermuteOp::create(builder, loc, typed(shape), value,
                                  builder.getDenseI64ArrayAttr(order));
  }
  Value scale(Value value, double factor) {
    return vit::ScaleOp::create(builder, loc, value.getType(), value, Value(), Value(),
                                builder.getF64FloatAttr(factor));
  }

  /// That of the linear, if one follows.
  void addToBias(Value shift) {
    if (linear->hasOneUse())
      if (auto bias = dyn_cast<vit::BiasAddOp>(*linear->user_begin());
          bias && bias.getInput() == linear.getResult() &&
          bias.getBias().getType() == shift.getType()) {
        builder.setInsertionPoint(bias);
        bias.getBiasMutable().set(
            vit::AddOp::create(builder, loc, shift.getType(), bias.getBias(), shift));
        return;
      }
    builder.setInsertionPointAfter(linear);
    auto sum = vit::BiasAddOp::create(builder, loc, linear.getType(), linear, shift);
    linear.getResult().replaceAllUsesExcept(sum, sum);
  }

  vit::LinearOp linear;
  ArrayRef<Normalisation> channels;
  OpBuilder builder;
  Location loc;
  int64_t rows, pixels; ///< of the weight; of a patch
};

struct ReadBytes : impl::ReadBytesBase<ReadBytes> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation()))
      if (failed(readBytes(model)))
        return signalPassFailure();
  }

  LogicalResult readBytes(func::FuncOp model) {
    bool found = false;
    for (BlockArgument image : model.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(image.getType());
      if (!type || type.getRank() != 4)
        continue;
      found = true;
      SmallVector<vit::LinearOp> products;
      FailureOr<SmallVector<Normalisation>> channels = normalisations(model, type);
      if (failed(channels) || failed(findProducts(image, products)))
        return failure();
      auto [count, height, width] = vit::imageShapeOf(type);
      image.setType(
          RankedTensorType::get({ShapedType::kDynamic, height, width, count},
                                IntegerType::get(&getContext(), 8, IntegerType::Unsigned)));
      for (vit::LinearOp product : products) {
        auto patchify = product.getInput().getDefiningOp<vit::PatchifyOp>();
        patchify.setOrder(vit::PatchOrder::Bytes);
        Folding(patchify, product, *channels).fold();
      }
    }
    if (!found)
      return emitError(model.getLoc())
             << "expected a model of images [batch, channels, height, width] to read them as bytes";
    model.setFunctionType(FunctionType::get(
        &getContext(), model.getBody().front().getArgumentTypes(), model.getResultTypes()));
    return success();
  }

  /// Of each channel; of byte values v as patchify gives them, u = 64 v + 128.
  FailureOr<SmallVector<Normalisation>> normalisations(func::FuncOp model,
                                                       RankedTensorType images) {
    int64_t count = vit::imageShapeOf(images).channels;
    for (auto [name, list] : {std::pair("mean", ArrayRef<double>(mean)),
                              std::pair("deviation", ArrayRef<double>(deviation))})
      if (!list.empty() && std::ssize(list) < count)
        return emitError(model.getLoc()) << "expected a " << name << " for each of the " << count
                                         << " channels, but got " << list.size();
    SmallVector<Normalisation> channels;
    for (int64_t c = 0; c < count; ++c) {
      double subtracted = mean.empty() ? 0.0 : mean[c],
             divisor = deviation.empty() ? 1.0 : deviation[c];
      Normalisation n = {double(vit::byteUnit) * scale / divisor,
                         (double(vit::byteCentre) * scale - subtracted) / divisor};
      auto isHeld = [](double value) {
        return value == 0 || (std::fabs(value) >= std::numeric_limits<float>::min() &&
                              std::fabs(value) <= std::numeric_limits<float>::max());
      };
      if (n.factor == 0 || !isHeld(n.factor) || !isHeld(n.offset))
        return emitError(model.getLoc())
               << "expected a normalisation of channel " << c << " that f32 holds, but got scale "
               << scale << ", mean " << subtracted << " and deviation " << divisor;
      channels.push_back(n);
    }
    return channels;
  }

  /// The linears that multiply patches of `image`, which nothing else may read.
  static LogicalResult findProducts(BlockArgument image, SmallVector<vit::LinearOp> &products) {
    for (Operation *user : image.getUsers()) {
      auto patchify = dyn_cast<vit::PatchifyOp>(user);
      if (!patchify)
        return refuse(user, "reads pixels as they are");
      if (patchify.getOrder() != vit::PatchOrder::Conv)
        return refuse(user, "mixes the channels of pixels in a row (order unfold)");
      for (OpOperand &use : patchify->getUses()) {
        auto linear = dyn_cast<vit::LinearOp>(use.getOwner());
        if (!linear || linear.getWeight().getType().getRank() != 2)
          return refuse(use.getOwner(), "reads patches and is no product with a weight");
        auto columns = vit::imageShapeOf(tensorType(image)).channels * patchify.getPatch()[0] *
                       patchify.getPatch()[1];
        if (widthOf(linear.getInput()) != columns)
          return refuse(user, "makes columns that are no pixels");
        products.push_back(linear);
      }
    }
    return success();
  }

  static LogicalResult refuse(Operation *op, StringRef why) {
    return emitError(op->getLoc())
           << describe(op) << " " << why
           << ", so bytes cannot be normalised by weights; build it with --input-type f32";
  }
};
} // namespace
} // namespace vitc
