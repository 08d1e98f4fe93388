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
template <class Base> Value takeDigit(KernelBuilder &k, Value &index, Base base) {
  Value quotient = k.divU(index, base), digit = k.sub(index, k.mul(quotient, base));
  index = quotient;
  return digit;
}

/// Neighbours in a line. Of images of any size lines may begin anywhere.
Values loadPixels(KernelBuilder &k, Value address, Type storage, unsigned vector, Value width) {
  auto together = [&] { return k.loadValues(address, storage, vector, /*readOnly=*/true); };
  if (!k.anySize() || vector == 1)
    return together();
  return k.ifElse(k.equal(k.bitAnd(width, vector - 1), 0), SmallVector<Type>(vector, k.f32),
                  together, [&] {
                    Values values;
                    for (unsigned i = 0; i < vector; ++i)
                      values.append(k.loadValues(k.at(address, storage, {}, i), storage, 1,
                                                 /*readOnly=*/true));
                    return values;
                  });
}

} // namespace

LogicalResult emitPatchify(KernelBuilder &k) {
  auto op = k.rootAs<vit::PatchifyOp>();
  ArrayRef<int64_t> image = k.typeOf(op.getInput()).getShape();
  int64_t channels = image[1], patchHeight = op.getPatch()[0], patchWidth = op.getPatch()[1];
  Value height = k.anySize() ? k.imageHeight() : k.imm(image[2]);
  Value width = k.anySize() ? k.imageWidth() : k.imm(image[3]);
  Value gridHeight = k.divU(height, patchHeight), gridWidth = k.divU(width, patchWidth);
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
      Value offset = k.add(k.mul(place.image, k.mul(k.mul(height, width), channels)),
                           pixel(k.sub(place.token, k.imm(lead)), place.column));
      return loadPixels(k, k.at(k.pointer(op.getInput()), storage, offset), storage, vector, width);
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
