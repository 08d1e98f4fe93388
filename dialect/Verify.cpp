//===- Verify.cpp - What verifiers of ops have in common ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "dialect/Verify.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;

std::string vit::shapeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      type.getShape(), os,
      [&](int64_t size) { ShapedType::isDynamic(size) ? os << '?' : os << size; }, "x");
  return text;
}

int64_t vit::width(RankedTensorType type) { return type.getShape().back(); }

LogicalResult vit::expectShape(Operation *op, StringRef what, RankedTensorType expected,
                               RankedTensorType found) {
  if (expected.getShape() == found.getShape())
    return success();
  return op->emitOpError() << "expected " << what << " of shape " << shapeText(expected)
                           << ", but got " << shapeText(found);
}

LogicalResult vit::expectWidth(Operation *op, StringRef what, RankedTensorType input,
                               RankedTensorType vector) {
  if (width(vector) == width(input))
    return success();
  return op->emitOpError() << "expected " << what << " with " << width(input)
                           << " elements, the width of input, but got " << width(vector);
}

LogicalResult vit::expectRank(Operation *op, StringRef what, int64_t rank, RankedTensorType type) {
  if (type.getRank() == rank)
    return success();
  return op->emitOpError() << "expected " << what << " of rank " << rank << ", but got rank "
                           << type.getRank();
}

LogicalResult vit::expectElementType(Operation *op, StringRef what, Type expected, Type found) {
  if (expected == found)
    return success();
  return op->emitOpError() << "expected " << what << " of element type " << expected << ", but got "
                           << found;
}

bool vit::areSizes(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) {
    if (size < 1 || size > mostElements / count)
      return false;
    count *= size;
  }
  return true;
}
