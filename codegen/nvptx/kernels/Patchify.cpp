//===- Patchify.cpp - Pixels to rows of patches ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A gather: pw neighbouring values of a row of the result are neighbouring pixels, in the orders of
// f32 pixels; of bytes these are all channels of pw pixels. So a thread takes as many as divide
// such a run, and finds the first by dividing its place in the result.
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

/// Neighbours in a line, as they are in memory.
Values loadNeighbours(KernelBuilder &k, Value address, Type storage, unsigned count) {
  if (!storage.isInteger())
    return k.loadValues(address, storage, count, /*readOnly=*/true);
  Values values = k.loadBytes(address, count, /*readOnly=*/true);
  for (Value &value : values) // exact, so one rounding or two are the same
    value =
        k.fma(value, k.immF(1.0 / vit::byteUnit), k.immF(-double(vit::byteCentre) / vit::byteUnit));
  return values;
}

/// The same where lines, of images of any size, may begin anywhere: they have `line` values.
Values loadPixels(KernelBuilder &k, Value address, Type storage, unsigned vector, Value line) {
  auto together = [&] { return loadNeighbours(k, address, storage, vector); };
  if (!k.anySize() || vector == 1)
    return together();
  return k.ifElse(k.equal(k.bitAnd(line, vector - 1), 0), SmallVector<Type>(vector, k.f32),
                  together, [&] {
                    Values values;
                    for (unsigned i = 0; i < vector; ++i)
                      values.append(loadNeighbours(k, k.at(address, storage, {}, i), storage, 1));
                    return values;
                  });
}

} // namespace

LogicalResult emitPatchify(KernelBuilder &k) {
  auto op = k.rootAs<vit::PatchifyOp>();
  vit::ImageShape image = vit::imageShapeOf(k.typeOf(op.getInput()));
  int64_t channels = image.channels, patchHeight = op.getPatch()[0], patchWidth = op.getPatch()[1];
  Value height = k.anySize() ? k.imageHeight() : k.imm(image.height);
  Value width = k.anySize() ? k.imageWidth() : k.imm(image.width);
  Value gridHeight = k.divU(height, patchHeight), gridWidth = k.divU(width, patchWidth);
  int64_t values = channels * patchHeight * patchWidth, lead = op.getLead();
  int64_t columns = k.widthOf(op.getResult());
  bool bytes = op.getOrder() == vit::PatchOrder::Bytes;
  Type storage = bytes ? Type(k.getI8Type()) : k.storageOf(op.getInput());
  Value line = bytes ? k.mul(width, channels) : width; // values of one

  // Offset of the first pixel in an image, for a patch and a column of its row.
  auto pixel = [&](Value patch, Value column) {
    Value c, i, j, y, x;
    if (bytes) {
      int64_t run = patchWidth * channels;
      x = takeDigit(k, column, run); // and the channel
      j = takeDigit(k, patch, gridWidth);
      Value down = k.add(k.mul(patch, patchHeight), column);
      return k.add(k.add(k.mul(down, line), k.mul(j, run)), x);
    }
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
    Value down = k.add(k.add(k.mul(c, height), k.mul(i, patchHeight)), y);
    return k.add(k.add(k.mul(down, width), k.mul(j, patchWidth)), x);
  };

  return emitTokens(k, [&](Region &, const TokenPlace &place, unsigned vector) -> Values {
    auto gather = [&] {
      Value offset = k.add(k.mul(place.image, k.mul(k.mul(height, width), channels)),
                           pixel(k.sub(place.token, k.imm(lead)), place.column));
      return loadPixels(k, k.at(k.pointer(op.getInput()), storage, offset), storage, vector, line);
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
