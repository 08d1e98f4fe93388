//===- ReferenceTokens.cpp - Ops that move values, in f64 -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Weights cut and joined, pixels to patches, tokens put together and taken out: no arithmetic, only
// places.
//
//===----------------------------------------------------------------------===//

#include "dialect/reference/ReferenceMath.h"
#include "dialect/reference/ReferenceOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vitc::vit;
using namespace vitc::reference;

static void compute(SliceOp op, const Call &call) {
  View input = call.operands[0];
  int64_t rowSize = input.values.size() / std::max<int64_t>(input.shape[0], 1);
  llvm::copy(input.values.slice(op.getFirst() * rowSize, call.result.size()), call.result.begin());
}

static void compute(ConcatOp, const Call &call) {
  double *to = call.result.begin();
  for (View input : call.operands)
    to = llvm::copy(input.values, to);
}

static void compute(RowSumsOp, const Call &call) {
  ArrayRef<double> input = call.operands[0].values;
  size_t width = input.size() / call.result.size();
  for (auto [row, sum] : llvm::enumerate(call.result)) {
    sum = 0;
    for (double value : input.slice(row * width, width))
      sum += value;
  }
}

/// Panels of columns, zeros behind their steps.
static void compute(QuantizePanelsOp, const Call &call) {
  View input = call.operands[0];
  int64_t depth = input.shape[1], steps = call.shape[1], panel = call.shape[2];
  for (int64_t n = 0; n < input.shape[0]; ++n)
    for (int64_t k = 0; k < depth; ++k)
      call.result[(n / panel * steps + k) * panel + n % panel] = input.values[n * depth + k];
}

static void compute(PadOp, const Call &call) {
  View input = call.operands[0];
  for (int64_t i = 0, e = input.values.size(); i < e; ++i) {
    int64_t rest = i, place = 0, stride = 1;
    for (int64_t d = input.shape.size() - 1; d >= 0; --d) {
      place += rest % input.shape[d] * stride;
      rest /= input.shape[d];
      stride *= call.shape[d];
    }
    call.result[place] = input.values[i];
  }
}

static void compute(ReshapeOp, const Call &call) {
  llvm::copy(call.operands[0].values, call.result.begin());
}

static void compute(PermuteOp op, const Call &call) {
  View input = call.operands[0];
  for (int64_t i = 0, e = input.values.size(); i < e; ++i) {
    int64_t rest = i, from = 0;
    for (int64_t d = call.shape.size() - 1; d >= 0; --d) {
      int64_t stride = 1;
      for (int64_t size : input.shape.drop_front(op.getOrder()[d] + 1))
        stride *= size;
      from += rest % call.shape[d] * stride;
      rest /= call.shape[d];
    }
    call.result[i] = input.values[from];
  }
}

/// Where patch row `row`, column `column` comes from, as an index into one image.
static int64_t pixelOf(PatchOrder order, int64_t row, int64_t column, ImageShape image, int64_t ph,
                       int64_t pw) {
  auto [channels, height, width] = image;
  int64_t down = height / ph, across = width / pw;
  int64_t c, i, j, y, x;
  if (order == PatchOrder::Bytes) {
    i = row / across, j = row % across;
    y = column / (pw * channels), x = column / channels % pw, c = column % channels;
    return ((i * ph + y) * width + j * pw + x) * channels + c;
  }
  if (order == PatchOrder::Conv) {
    i = row / across, j = row % across;
    c = column / (ph * pw), y = column / pw % ph, x = column % pw;
  } else { // one long list in the order (c, i, j, y, x), cut into rows
    int64_t rest = row * channels * ph * pw + column;
    x = rest % pw, rest /= pw;
    y = rest % ph, rest /= ph;
    j = rest % across, rest /= across;
    i = rest % down, c = rest / down;
  }
  return (c * height + i * ph + y) * width + j * pw + x;
}

static void compute(PatchifyOp op, const Call &call) {
  ImageShape image = imageShapeOf(op.getInput().getType());
  int64_t ph = op.getPatch()[0], pw = op.getPatch()[1], lead = op.getLead();
  int64_t pixels = image.channels * image.height * image.width, columns = image.channels * ph * pw;
  int64_t rows = call.shape[1], width = call.shape[2];
  auto valueOf = [bytes = op.getOrder() == PatchOrder::Bytes](double pixel) {
    return bytes ? (pixel - byteCentre) / byteUnit : pixel;
  };
  parallelFor(call.threads, call.shape[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      for (int64_t row = lead; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          call.result[(b * rows + row) * width + column] = valueOf(
              call.operands[0]
                  .values[b * pixels + pixelOf(op.getOrder(), row - lead, column, image, ph, pw)]);
  });
}

static void compute(PrependOp, const Call &call) {
  View tokens = call.operands[0], input = call.operands[1];
  size_t size = input.shape[1] * input.shape[2];
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b) {
    to = llvm::copy(tokens.values, to);
    to = llvm::copy(input.values.slice(b * size, size), to);
  }
}

static void compute(AppendOp, const Call &call) {
  View input = call.operands[0], tokens = call.operands[1];
  size_t size = input.shape[1] * input.shape[2];
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b) {
    to = llvm::copy(input.values.slice(b * size, size), to);
    to = llvm::copy(tokens.values, to);
  }
}

static void compute(BroadcastOp, const Call &call) {
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b)
    to = llvm::copy(call.operands[0].values, to);
}

static void compute(SelectOp op, const Call &call) {
  View input = call.operands[0];
  int64_t tokens = input.shape[1], width = input.shape[2];
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b)
    to = llvm::copy(input.values.slice((b * tokens + op.getToken()) * width, width), to);
}

static void compute(SliceTokensOp op, const Call &call) {
  View input = call.operands[0];
  int64_t tokens = input.shape[1], width = input.shape[2];
  size_t size = call.result.size() / call.shape[0];
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b)
    to = llvm::copy(input.values.slice((b * tokens + op.getFirst()) * width, size), to);
}

static void compute(MeanTokensOp op, const Call &call) {
  View input = call.operands[0];
  int64_t tokens = input.shape[1], width = input.shape[2], first = op.getFirst();
  for (int64_t b = 0; b < call.shape[0]; ++b)
    for (int64_t i = 0; i < width; ++i) {
      double sum = 0;
      for (int64_t t = first; t < tokens; ++t)
        sum += input.values[(b * tokens + t) * width + i];
      call.result[b * width + i] = sum / (tokens - first);
    }
}

static void compute(MergePatchesOp op, const Call &call) {
  View input = call.operands[0];
  int64_t height = op.getGrid()[0], across = op.getGrid()[1], width = input.shape[2];
  double *to = call.result.begin();
  for (int64_t b = 0; b < call.shape[0]; ++b)
    for (int64_t i = 0; i < height; i += 2)
      for (int64_t j = 0; j < across; j += 2)
        for (auto [down, right] :
             {std::pair(0, 0), std::pair(1, 0), std::pair(0, 1), std::pair(1, 1)}) {
          int64_t token = (b * height + i + down) * across + j + right;
          to = llvm::copy(input.values.slice(token * width, width), to);
        }
}

template <typename... Ops> static bool computeOneOf(Operation *op, const Call &call) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<Ops...>([&](auto known) {
        compute(known, call);
        return true;
      })
      .Default(false);
}

bool vitc::reference::computeWeightOp(Operation *op, const Call &call) {
  return computeOneOf<RowSumsOp, QuantizePanelsOp, SliceOp, ConcatOp, PadOp, ReshapeOp, PermuteOp>(
             op, call) ||
         computeTableOp(op, call);
}

bool vitc::reference::computeTokenOp(Operation *op, const Call &call) {
  return computeOneOf<PatchifyOp, PrependOp, AppendOp, BroadcastOp, SelectOp, SliceTokensOp,
                      MeanTokensOp, MergePatchesOp>(op, call);
}
