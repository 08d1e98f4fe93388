//===- VitTokenOps.cpp - Verifiers of ops that move tokens --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each check with the label of its constraint in VitTokenOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/Verify.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;

LogicalResult PatchifyOp::verify() {
  auto input = getInput().getType(), result = getType();
  if (failed(expectRank(*this, "input", 4, input))) // (C1)
    return failure();
  bool bytes = getOrder() == PatchOrder::Bytes;
  if (bytes != input.getElementType().isUnsignedInteger(8)) // (C6)
    return emitOpError() << "expected input of " << (bytes ? "ui8" : "float")
                         << " values for the order " << stringifyPatchOrder(getOrder())
                         << ", but got " << input.getElementType();
  ArrayRef<int64_t> patch = getPatch();
  auto [channels, height, imageWidth] = imageShapeOf(input);
  bool divides = getOrder() == PatchOrder::Unfold;
  if (patch.size() != 2 || patch[0] <= 0 || patch[1] <= 0 || patch[0] > height ||
      patch[1] > imageWidth || (divides && (height % patch[0] || imageWidth % patch[1]))) // (C2)
    return emitOpError() << "expected a patch of two sizes that "
                         << (divides ? "divide" : "fit into") << " the image " << height << "x"
                         << imageWidth << ", but got [" << patch << "]";
  int64_t lead = getLead();
  if (lead < 0) // (C5)
    return emitOpError() << "expected lead to be at least 0, but got " << lead;
  int64_t tokens = lead + (height / patch[0]) * (imageWidth / patch[1]);
  if (result.getRank() != 3 || result.getDimSize(1) != tokens) // (C3)
    return emitOpError() << "expected a result with " << tokens << " tokens, but got "
                         << shapeText(result);
  int64_t columns = channels * patch[0] * patch[1];
  if (width(result) < columns) // (C4)
    return emitOpError() << "expected a result with at least " << columns << " columns, but got "
                         << width(result);
  return success();
}

/// Of ops that put `tokens` beside the tokens of `input`.
static LogicalResult verifyJoin(Operation *op, RankedTensorType tokens, RankedTensorType input) {
  if (failed(expectRank(op, "input", 3, input))) // (C1)
    return failure();
  if (width(tokens) != width(input)) // (C2)
    return op->emitOpError() << "expected tokens with " << width(input)
                             << " columns, the width of input, but got " << width(tokens);
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  auto expected = result.clone(
      {ShapedType::kDynamic, tokens.getDimSize(0) + input.getDimSize(1), width(input)});
  return expectShape(op, "a result", expected, result); // (C3)
}
LogicalResult PrependOp::verify() {
  return verifyJoin(*this, getTokens().getType(), getInput().getType());
}
LogicalResult AppendOp::verify() {
  return verifyJoin(*this, getTokens().getType(), getInput().getType());
}

LogicalResult BroadcastOp::verify() {
  auto tokens = getTokens().getType(), result = getType();
  bool same = result.getRank() == 3 && result.getShape().drop_front() == tokens.getShape();
  bool single =
      result.getRank() == 2 && tokens.getDimSize(0) == 1 && width(result) == width(tokens);
  if (!same && !single) // (C1)
    return emitOpError() << "expected a result with tokens of shape " << shapeText(tokens)
                         << ", but got " << shapeText(result);
  return success();
}

LogicalResult PositionOp::verify() {
  auto input = getInput().getType(), table = getTable().getType();
  if (failed(expectRank(*this, "input", 3, input))) // (C1)
    return failure();
  if (input.getShape().drop_front() != table.getShape()) // (C2)
    return emitOpError() << "expected a table with the tokens and width of input, "
                         << shapeText(input) << ", but got " << shapeText(table);
  return expectShape(*this, "a result", input, getType()); // (C3)
}

LogicalResult SelectOp::verify() {
  auto input = getInput().getType();
  if (failed(expectRank(*this, "input", 3, input))) // (C1)
    return failure();
  int64_t token = getToken();
  if (token < 0 || token >= input.getDimSize(1)) // (C2)
    return emitOpError() << "expected one of the " << input.getDimSize(1)
                         << " tokens of input, but got " << token;
  auto expected =
      RankedTensorType::get({ShapedType::kDynamic, width(input)}, input.getElementType());
  return expectShape(*this, "a result", expected, getType()); // (C3)
}

LogicalResult SliceTokensOp::verify() {
  auto input = getInput().getType(), result = getType();
  if (failed(expectRank(*this, "input", 3, input))) // (C1)
    return failure();
  int64_t first = getFirst(), tokens = input.getDimSize(1), taken = rowsPerImage(result);
  if (first < 0 || first > tokens - taken) // (C2)
    return emitOpError() << "expected tokens within the " << tokens << " of input, but got "
                         << taken << " from " << first;
  if (result.getRank() < 3 || result.getRank() > 4 || width(result) != width(input)) // (C3)
    return emitOpError() << "expected a result of rank 3 or 4 with " << width(input)
                         << " columns, the width of input, but got " << shapeText(result);
  return success();
}

LogicalResult MeanTokensOp::verify() {
  auto input = getInput().getType();
  if (failed(expectRank(*this, "input", 3, input))) // (C1)
    return failure();
  int64_t first = getFirst();
  if (first < 0 || first >= input.getDimSize(1)) // (C2)
    return emitOpError() << "expected one of the " << input.getDimSize(1)
                         << " tokens of input, but got " << first;
  return expectShape(*this, "a result", collapseToRows(input), getType()); // (C3)
}

LogicalResult MergePatchesOp::verify() {
  auto input = getInput().getType();
  ArrayRef<int64_t> grid = getGrid();
  if (grid.size() != 2 || !areSizes(grid) || grid[0] % 2 || grid[1] % 2) // (C1)
    return emitOpError() << "expected a grid of two even sizes, but got [" << grid << "]";
  auto tokens = [&](int64_t count, int64_t columns) {
    return input.clone({ShapedType::kDynamic, count, columns});
  };
  int64_t count = grid[0] * grid[1];
  if (failed(expectShape(*this, "input", tokens(count, width(input)), input))) // (C2)
    return failure();
  return expectShape(*this, "a result", tokens(count / 4, 4 * width(input)), getType()); // (C3)
}
