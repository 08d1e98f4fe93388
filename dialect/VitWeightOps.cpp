//===- VitWeightOps.cpp - Verifiers of arithmetic on weights ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each check with the label of its constraint in VitWeightOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/ModelFunction.h"
#include "dialect/Verify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;

void WeightOp::forEachName(llvm::function_ref<void(StringAttr, bool)> visit) {
  visit(getKeyAttr(), /*transposed=*/false);
  if (auto aliases = getAliasesAttr())
    for (auto name : aliases.getAsRange<StringAttr>())
      visit(name, /*transposed=*/false);
  if (auto transposed = getTransposedAttr())
    for (auto name : transposed.getAsRange<StringAttr>())
      visit(name, /*transposed=*/true);
}

/// Weights of `block` that share a name are one tensor of the file, so it has one shape there.
static LogicalResult verifySharedNames(Block &block) {
  llvm::DenseMap<StringAttr, std::pair<WeightOp, SmallVector<int64_t>>> known;
  for (WeightOp weight : block.getOps<WeightOp>()) {
    SmallVector<int64_t> shape(weight.getFileShape().value_or(weight.getType().getShape()));
    LogicalResult result = success();
    weight.forEachName([&](StringAttr name, bool transposed) {
      SmallVector<int64_t> stored(shape);
      if (transposed)
        std::reverse(stored.begin(), stored.end());
      auto &first = known.try_emplace(name, weight, stored).first->second;
      if (failed(result) || first.second == stored)
        return;
      auto text = [&](ArrayRef<int64_t> sizes) {
        return shapeText(RankedTensorType::get(sizes, weight.getType().getElementType()));
      };
      auto error = weight.emitOpError() // (C4)
                   << "expected one shape of " << name << " in the file, but got " << text(stored)
                   << " after " << text(first.second);
      error.attachNote(first.first.getLoc()) << "the first weight of that name";
      result = error;
    });
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult WeightOp::verify() {
  ArrayRef<int64_t> shape = getType().getShape();
  if (auto fileShape = getFileShape()) {
    if (!areSizes(*fileShape)) // (C3)
      return emitOpError() << "expected file_shape with sizes that are not 0, but got ["
                           << *fileShape << "]";
    int64_t count = 1;
    for (int64_t size : *fileShape)
      count *= size;
    if (count != getType().getNumElements()) // (C1)
      return emitOpError() << "expected file_shape with " << getType().getNumElements()
                           << " elements, as in the result, but got " << count;
    shape = *fileShape;
  }
  if (getTransposed() && shape.size() != 2) // (C2)
    return emitOpError() << "expected a 2-D tensor in the file for a transposed name, but got rank "
                         << shape.size();
  // The first weight of a block looks at all: every other one finds a weight before it soon.
  if (!(*this)->getBlock())
    return success();
  for (Operation *op = (*this)->getPrevNode(); op; op = op->getPrevNode())
    if (isa<WeightOp>(op))
      return success();
  return verifySharedNames(*(*this)->getBlock());
}

LogicalResult PreparedOp::verify() {
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto prepare = module ? module.lookupSymbol<func::FuncOp>(prepareName) : func::FuncOp();
  int64_t count = prepare ? prepare.getNumResults() : 0;
  int64_t index = getIndex();
  if (index < 0 || index >= count) // (C1)
    return emitOpError() << "expected a function @prepare with more than " << index
                         << " results, but got " << count;
  Type expected = prepare.getResultTypes()[getIndex()];
  if (expected != getType()) // (C2)
    return emitOpError() << "expected type " << expected << ", as result " << getIndex()
                         << " of @prepare, but got " << getType();
  return success();
}

LogicalResult SliceOp::verify() {
  auto input = getInput().getType(), result = getType();
  int64_t rows = input.getRank() ? input.getDimSize(0) : 0;
  int64_t first = getFirst();
  bool oneRow = result.getRank() + 1 == input.getRank(); // without its dimension
  int64_t taken = oneRow ? 1 : result.getRank() ? result.getDimSize(0) : 0;
  if (input.getRank() == 0 || first < 0 || first > rows - taken) // (C1)
    return emitOpError() << "expected rows within the " << rows << " of input, but got " << taken
                         << " from " << first;
  ArrayRef<int64_t> columns = result.getShape();
  if (!oneRow && !columns.empty())
    columns = columns.drop_front();
  if (input.getShape().drop_front() != columns ||
      (!oneRow && result.getRank() != input.getRank())) // (C2)
    return emitOpError() << "expected a result with the columns of input, " << shapeText(input)
                         << ", but got " << shapeText(result);
  return expectElementType(*this, "a result", input.getElementType(), // (C3)
                           result.getElementType());
}

LogicalResult ConcatOp::verify() {
  auto result = getType();
  int64_t rows = 0;
  for (Value value : getInputs()) {
    auto input = cast<RankedTensorType>(value.getType());
    if (input.getRank() != result.getRank() || input.getRank() == 0 ||
        input.getShape().drop_front() != result.getShape().drop_front() ||
        input.getElementType() != result.getElementType()) // (C2)
      return emitOpError() << "expected operands that agree with the result " << result
                           << " in all but rows, but got " << input;
    rows += input.getDimSize(0);
  }
  if (result.getRank() == 0 || rows != result.getDimSize(0)) // (C1)
    return emitOpError() << "expected a result with " << rows << " rows, the sum of the operands', "
                         << "but got " << shapeText(result);
  return success();
}

LogicalResult RowSumsOp::verify() {
  auto input = getInput().getType();
  return expectShape(*this, "a result", input.clone({input.getDimSize(0)}), getType()); // (C1)
}

LogicalResult QuantizePanelsOp::verify() {
  auto input = getInput().getType();
  int64_t panel = getType().getDimSize(2);
  auto panels = static_cast<int64_t>(llvm::divideCeil(input.getDimSize(0), panel));
  return expectShape(*this, "a result",
                     input.clone({panels, quantizedColumns(input.getDimSize(1)), panel}), // (C1)
                     getType());
}

LogicalResult PadOp::verify() {
  auto input = getInput().getType(), result = getType();
  bool fits =
      input.getRank() == result.getRank() && input.getElementType() == result.getElementType();
  for (int64_t i = 0; fits && i < input.getRank(); ++i)
    fits = input.getDimSize(i) <= result.getDimSize(i);
  if (!fits) // (C1)
    return emitOpError() << "expected a result that extends " << input << ", but got " << result;
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto input = getInput().getType(), result = getType();
  if (input.getNumElements() != result.getNumElements()) // (C1)
    return emitOpError() << "expected a result with the " << input.getNumElements()
                         << " elements of input, but got " << shapeText(result);
  return expectElementType(*this, "a result", input.getElementType(), // (C2)
                           result.getElementType());
}

LogicalResult PermuteOp::verify() {
  auto input = getInput().getType(), result = getType();
  ArrayRef<int64_t> order = getOrder();
  SmallVector<int64_t> sorted(order);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq(input.getRank()))) // (C1)
    return emitOpError() << "expected an order with each of the " << input.getRank()
                         << " dimensions of input once, but got [" << order << "]";
  auto expected = llvm::map_to_vector(order, [&](int64_t i) { return input.getDimSize(i); });
  if (failed(expectShape(*this, "a result", input.clone(expected), result))) // (C2)
    return failure();
  return expectElementType(*this, "a result", input.getElementType(), // (C3)
                           result.getElementType());
}

//===----------------------------------------------------------------------===//
// Tables of positions
//===----------------------------------------------------------------------===//

/// Height and width, with at most mostElements places.
static LogicalResult expectGrid(Operation *op, StringRef what, ArrayRef<int64_t> grid) {
  if (grid.size() == 2 && areSizes(grid))
    return success();
  return op->emitOpError() << "expected " << what << " of two positive sizes, but got [" << grid
                           << "]";
}

LogicalResult ResampleOp::verify() {
  auto input = getInput().getType();
  if (failed(expectGrid(*this, "a grid to resample from", getFrom())) || // (C1)
      failed(expectGrid(*this, "a grid to resample to", getTo())))
    return failure();
  auto rows = [&](ArrayRef<int64_t> grid) {
    return input.clone({grid[0] * grid[1], input.getDimSize(1)});
  };
  if (failed(expectShape(*this, "input", rows(getFrom()), input)) ||    // (C2)
      failed(expectShape(*this, "a result", rows(getTo()), getType()))) // (C3)
    return failure();
  return expectElementType(*this, "a result", input.getElementType(), // (C4)
                           getType().getElementType());
}

LogicalResult RelativeBiasOp::verify() {
  auto table = getTable().getType(), result = getType();
  if (failed(expectGrid(*this, "a window", getWindow())) || // (C1)
      (getFrom() && failed(expectGrid(*this, "a grid of distances to resample from", *getFrom()))))
    return failure();
  int64_t height = getWindow()[0], width = getWindow()[1], lead = getLead();
  if (lead < 0 || lead > 1) // (C2)
    return emitOpError() << "expected lead 0 or 1, but got " << lead;
  int64_t heads = table.getDimSize(1), rows = 3 * lead;
  rows += getFrom() ? (*getFrom())[0] * (*getFrom())[1] : (2 * height - 1) * (2 * width - 1);
  if (failed(expectShape(*this, "a table", table.clone({rows, heads}), table))) // (C3)
    return failure();
  int64_t tokens = height * width + lead;
  if (result.getDimSize(0) != tokens || result.getDimSize(1) != heads ||
      result.getDimSize(2) < tokens) // (C4)
    return emitOpError() << "expected a result with " << tokens << " queries, " << heads
                         << " heads and at least " << tokens << " keys, but got "
                         << shapeText(result);
  return expectElementType(*this, "a result", table.getElementType(), // (C5)
                           result.getElementType());
}

LogicalResult RopeTableOp::verify() {
  auto result = getType();
  if (failed(expectGrid(*this, "a grid", getGrid()))) // (C1)
    return failure();
  auto finite = [](double number) { return std::isfinite(number); };
  for (auto [what, numbers] : {std::pair("origin", getOrigin()), std::pair("step", getStep())})
    if (numbers.size() != 2 || !llvm::all_of(numbers, finite))
      return emitOpError() << "expected " << what << " of two finite numbers, but got [" << numbers
                           << "]";
  if (auto over = getOver(); over && (over->size() != 4 || !llvm::all_of(*over, finite)))
    return emitOpError() << "expected over of four finite numbers, but got [" << *over << "]";
  int64_t pairs = result.getDimSize(1) / 2;
  for (auto [what, numbers] : {std::pair("rows", getRows()), std::pair("columns", getColumns())})
    if (static_cast<int64_t>(numbers.size()) != pairs || result.getDimSize(1) % 2 ||
        !llvm::all_of(numbers, finite)) // (C2)
      return emitOpError() << "expected " << what << " with a finite number for each pair of the "
                           << result.getDimSize(1) << " columns of the result, but got [" << numbers
                           << "]";
  int64_t lead = getLead(), tokens = getGrid()[0] * getGrid()[1];
  if (lead < 0 || lead > mostElements || result.getDimSize(0) != lead + tokens) // (C3)
    return emitOpError() << "expected a result with a row for each of " << tokens
                         << " tokens behind " << lead << ", but got " << shapeText(result);
  return success();
}
