//===- Patchify.cpp - Pixels to rows of patches ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A gather: pw neighbouring values of a row of the result are neighbouring pixels, in both orders.
// So a thread takes as many as divide pw, and finds the first by dividing its place in the result.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Tokens.h"

using namespace mlir;

namespace vitc::codegen {

using Values = PtxBuilder::Values;

namespace {

/// Splits off the remainder: digit = index % base, index /= base.
Value takeDigit(KernelBuilder &k, Value &index, int64_t base) {
  Value quotient = k.divU(index, base), digit = k.sub(index, k.mul(quotient, base));
  index = quotient;
  return digit;
}

} // namespace

LogicalResult emitPatchify(KernelBuilder &k) {
  auto op = k.rootAs<vit::PatchifyOp>();
  ArrayRef<int64_t> image = k.typeOf(op.getInput()).getShape();
  int64_t channels = image[1], height = image[2], width = image[3];
  int64_t patchHeight = op.getPatch()[0], patchWidth = op.getPatch()[1];
  int64_t gridHeight = height / patchHeight, gridWidth = width / patchWidth;
  int64_t values = channels * patchHeight * patchWidth, lead = op.getLead();
  int64_t columns = k.widthOf(op.getResult());
  Type storage = k.storageOf(op.getInput());

  // Offset of the first pixel in an image, for a patch and a column of its row.
  auto pixel = [&](Value patch, Value column) {
    Value c, i, j, y, x;
    if (op.getOrder() == vit::PatchOrder::Conv) {
      x = takeDigit(k, column, patchWidth);
      y = takeDigit(k, column, patchHeight);
      c = column;
      j = takeDigit(k, patch, gridWidth);
      i = patch;
    } else {
      Value index = k.add(k.mul(patch, values), column);
      x = takeDigit(k, index, patchWidth);
      y = takeDigit(k, index, patchHeight);
      j = takeDigit(k, index, gridWidth);
      i = takeDigit(k, index, gridHeight);
      c = index;
    }
    Value line = k.add(k.add(k.mul(c, height), k.mul(i, patchHeight)), y);
    return k.add(k.add(k.mul(line, width), k.mul(j, patchWidth)), x);
  };

  return emitTokens(k, [&](Region &, const TokenPlace &place, unsigned vector) -> Values {
    auto gather = [&] {
      Value offset = k.add(k.mul(place.image, channels * height * width),
                           pixel(k.sub(place.token, k.imm(lead)), place.column));
      return k.loadValues(k.at(k.pointer(op.getInput()), storage, offset), storage, vector,
                          /*readOnly=*/true);
    };
    Value inside;
    if (lead)
      inside = k.less(k.imm(lead - 1), place.token);
    if (columns != values)
      inside = k.both(inside, k.less(place.column, values));
    if (!inside)
      return gather();
    return k.ifElse(inside, SmallVector<Type>(vector, k.f32), gather,
                    [&] { return Values(vector, k.immF(0.0)); });
  });
}

} // namespace vitc::codegen
