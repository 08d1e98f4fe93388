//===- VitOps.cpp - Verifiers of the vit dialect --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// ODS states ranks and element types; here are the relations, each with the label of its
// constraint in VitOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/VitOps.h"

#include "dialect/ModelFunction.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;

#include "dialect/VitDialect.cpp.inc"
#include "dialect/VitEnums.cpp.inc"

#include "dialect/VitAttrInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VitAttrs.cpp.inc"
#include "dialect/VitInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/VitOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

/// Whether passes know what `Op` is: see VitOps.td.
template <typename Op>
constexpr bool isAnswered =
    Op::template hasTrait<ElementwiseInterface::Trait>() ||
    Op::template hasTrait<KernelInterface::Trait>() ||
    Op::template hasTrait<RecipeInterface::Trait>() ||
    llvm::is_one_of<Op, PreparedOp, KernelOp, YieldOp, LaunchOp>::value; // structure
template <typename... Ops> constexpr bool allAnswered = (... && isAnswered<Ops>);
static_assert(allAnswered<
#define GET_OP_LIST
#include "dialect/VitOps.cpp.inc"
                  >,
              "every op is elementwise, a root, arithmetic on weights or structure");

void VitDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/VitAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/VitOps.cpp.inc"
      >();
}

bool vit::isStorageType(Type type) { return isa<Float16Type, BFloat16Type, Float32Type>(type); }

/// Positive ones with a product of mostElements at most.
static bool areSizes(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) {
    if (size < 1 || size > mostElements / count)
      return false;
    count *= size;
  }
  return true;
}

bool vit::isBatchTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() >= 2 && tensor.isDynamicDim(0) &&
         areSizes(tensor.getShape().drop_front());
}

bool vit::isStaticTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && areSizes(tensor.getShape());
}

bool vit::isWeightArithmetic(Operation *op) {
  auto isStatic = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  return isa_and_present<VitDialect>(op->getDialect()) && op->getNumResults() == 1 &&
         llvm::all_of(op->getOperandTypes(), isStatic) && isStatic(op->getResult(0).getType());
}

RankedTensorType vit::collapseToRows(RankedTensorType type) {
  return RankedTensorType::get({ShapedType::kDynamic, type.getShape().back()},
                               type.getElementType());
}

int64_t vit::rowsPerImage(RankedTensorType type) {
  int64_t rows = 1;
  for (int64_t size : type.getShape().drop_front().drop_back())
    rows *= size;
  return rows;
}

static std::string shapeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      type.getShape(), os,
      [&](int64_t size) { ShapedType::isDynamic(size) ? os << '?' : os << size; }, "x");
  return text;
}

static int64_t width(RankedTensorType type) { return type.getShape().back(); }

/// A shape relation that failed: expected what, found what.
static LogicalResult expectShape(Operation *op, StringRef what, RankedTensorType expected,
                                 RankedTensorType found) {
  if (expected.getShape() == found.getShape())
    return success();
  return op->emitOpError() << "expected " << what << " of shape " << shapeText(expected)
                           << ", but got " << shapeText(found);
}

/// A vector operand that spans the columns of `input`.
static LogicalResult expectWidth(Operation *op, StringRef what, RankedTensorType input,
                                 RankedTensorType vector) {
  if (width(vector) == width(input))
    return success();
  return op->emitOpError() << "expected " << what << " with " << width(input)
                           << " elements, the width of input, but got " << width(vector);
}

static LogicalResult expectRank(Operation *op, StringRef what, int64_t rank,
                                RankedTensorType type) {
  if (type.getRank() == rank)
    return success();
  return op->emitOpError() << "expected " << what << " of rank " << rank << ", but got rank "
                           << type.getRank();
}

static LogicalResult expectElementType(Operation *op, StringRef what, Type expected, Type found) {
  if (expected == found)
    return success();
  return op->emitOpError() << "expected " << what << " of element type " << expected << ", but got "
                           << found;
}

LogicalResult VitDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == "vit.ignored") {
    auto names = dyn_cast<ArrayAttr>(attribute.getValue());
    if (!names || !llvm::all_of(names, [](Attribute name) { return isa<StringAttr>(name); }))
      return op->emitOpError() << "expected 'vit.ignored' to be an array of strings";
  }
  return success();
}

/// A name of the model's arguments or results: a string that none before it has.
static LogicalResult verifyName(Operation *op, StringRef what, unsigned index,
                                NamedAttribute attribute,
                                llvm::function_ref<Attribute(unsigned)> nameOf) {
  if (attribute.getName() != "vit.name")
    return success();
  if (!isa<StringAttr>(attribute.getValue()))
    return op->emitOpError() << "expected 'vit.name' of " << what << " " << index
                             << " to be a string, but got " << attribute.getValue();
  for (unsigned other = 0; other < index; ++other)
    if (nameOf(other) == attribute.getValue())
      return op->emitOpError() << "expected " << what << "s with names that differ, but "
                               << attribute.getValue() << " is the name of " << what << " " << other
                               << " and of " << what << " " << index;
  return success();
}

LogicalResult VitDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned index,
                                                   NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyName(op, "argument", index, attribute, [&](unsigned other) {
    return function ? function.getArgAttr(other, "vit.name") : Attribute();
  });
}

LogicalResult VitDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned index,
                                                      NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyName(op, "result", index, attribute, [&](unsigned other) {
    return function ? function.getResultAttr(other, "vit.name") : Attribute();
  });
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

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
// Tokens
//===----------------------------------------------------------------------===//

LogicalResult PatchifyOp::verify() {
  auto input = getInput().getType(), result = getType();
  if (failed(expectRank(*this, "input", 4, input))) // (C1)
    return failure();
  ArrayRef<int64_t> patch = getPatch();
  int64_t height = input.getDimSize(2), imageWidth = input.getDimSize(3);
  if (patch.size() != 2 || patch[0] <= 0 || patch[1] <= 0 || height % patch[0] ||
      imageWidth % patch[1]) // (C2)
    return emitOpError() << "expected a patch of two sizes that divide the image " << height << "x"
                         << imageWidth << ", but got [" << patch << "]";
  int64_t lead = getLead();
  if (lead < 0) // (C5)
    return emitOpError() << "expected lead to be at least 0, but got " << lead;
  int64_t tokens = lead + (height / patch[0]) * (imageWidth / patch[1]);
  if (result.getRank() != 3 || result.getDimSize(1) != tokens) // (C3)
    return emitOpError() << "expected a result with " << tokens << " tokens, but got "
                         << shapeText(result);
  int64_t columns = input.getDimSize(1) * patch[0] * patch[1];
  if (width(result) < columns) // (C4)
    return emitOpError() << "expected a result with at least " << columns << " columns, but got "
                         << width(result);
  return success();
}

LogicalResult PrependOp::verify() {
  auto tokens = getTokens().getType(), input = getInput().getType(), result = getType();
  if (failed(expectRank(*this, "input", 3, input))) // (C1)
    return failure();
  if (width(tokens) != width(input)) // (C2)
    return emitOpError() << "expected tokens with " << width(input)
                         << " columns, the width of input, but got " << width(tokens);
  auto expected = RankedTensorType::get(
      {ShapedType::kDynamic, tokens.getDimSize(0) + input.getDimSize(1), width(input)},
      result.getElementType());
  return expectShape(*this, "a result", expected, result); // (C3)
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

//===----------------------------------------------------------------------===//
// A block
//===----------------------------------------------------------------------===//

/// Kernels compute in f32, where smaller numbers are 0, or slow, and larger ones infinite.
static constexpr double least = std::numeric_limits<float>::min();
static constexpr double most = std::numeric_limits<float>::max();

static LogicalResult expectEps(Operation *op, FloatAttr eps) {
  double value = eps.getValueAsDouble();
  if (value >= least && value <= most)
    return success();
  return op->emitOpError() << "expected a positive eps that f32 holds, " << least << " to " << most
                           << ", but got " << value;
}

/// `limit`: the largest magnitude.
static LogicalResult expectFactor(Operation *op, StringRef what, double value, double limit) {
  double magnitude = std::fabs(value);
  if (value == 0 || (magnitude >= least && magnitude <= limit))
    return success();
  return op->emitOpError() << "expected " << what << " that f32 holds, 0 or " << least << " to "
                           << limit << " in magnitude, but got " << value;
}

LogicalResult LayerNormOp::verify() {
  auto input = getInput().getType();
  if (failed(expectWidth(*this, "scale", input, getScale().getType())) || // (C1)
      failed(expectWidth(*this, "shift", input, getShift().getType())) ||
      failed(expectShape(*this, "a result", input, getType()))) // (C2)
    return failure();
  return expectEps(*this, getEpsAttr()); // (C3)
}

LogicalResult RmsNormOp::verify() {
  auto input = getInput().getType();
  if (failed(expectWidth(*this, "scale", input, getScale().getType())) || // (C1)
      failed(expectShape(*this, "a result", input, getType())))           // (C2)
    return failure();
  return expectEps(*this, getEpsAttr()); // (C3)
}

LogicalResult LinearOp::verify() {
  auto input = getInput().getType(), weight = getWeight().getType(), result = getType();
  if (weight.getDimSize(1) != width(input)) // (C1)
    return emitOpError() << "expected weight with K = " << width(input)
                         << " columns, as in input, but got " << weight.getDimSize(1);
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(0);
  if (failed(expectShape(*this, "a result", RankedTensorType::get(shape, result.getElementType()),
                         result))) // (C2)
    return failure();
  return expectElementType(*this, "weight", input.getElementType(), // (C3)
                           weight.getElementType());
}

LogicalResult BiasAddOp::verify() {
  auto input = getInput().getType();
  if (input.getRank() == 0)
    return emitOpError() << "expected input of rank 1 or more, but got rank 0";
  if (failed(expectWidth(*this, "bias", input, getBias().getType()))) // (C1)
    return failure();
  return expectShape(*this, "a result", input, getType()); // (C2)
}

static LogicalResult verifyUnary(Operation *op) { // (C1)
  return expectShape(op, "a result", cast<RankedTensorType>(op->getOperand(0).getType()),
                     cast<RankedTensorType>(op->getResult(0).getType()));
}
LogicalResult GeluOp::verify() { return verifyUnary(*this); }
LogicalResult ReluOp::verify() { return verifyUnary(*this); }
LogicalResult SiluOp::verify() { return verifyUnary(*this); }
LogicalResult TanhOp::verify() { return verifyUnary(*this); }
LogicalResult CastOp::verify() { return verifyUnary(*this); }

LogicalResult ScaleOp::verify() {
  auto input = getInput().getType();
  if (input.getRank() == 0)
    return emitOpError() << "expected input of rank 1 or more, but got rank 0";
  if (getColumns() && failed(expectWidth(*this, "columns", input,
                                         cast<RankedTensorType>(getColumns().getType())))) // (C1)
    return failure();
  if (failed(expectShape(*this, "a result", input, getType()))) // (C2)
    return failure();
  if (failed(expectFactor(*this, "a factor", getFactor().convertToDouble(), most))) // (C3)
    return failure();
  if (!getRows()) // (C4)
    return success();
  if (getColumns())
    return emitOpError() << "expected rows or columns, but got both";
  auto rows = cast<RankedTensorType>(getRows().getType());
  if (!input.hasStaticShape() || input.getDimSize(0) != rows.getDimSize(0))
    return emitOpError() << "expected rows for a weight, one for each of its rows, but got "
                         << shapeText(rows) << " for " << shapeText(input);
  return success();
}

static LogicalResult verifyBinary(Operation *op) { // (C1)
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  for (Value operand : op->getOperands())
    if (failed(expectShape(op, "operands", result, cast<RankedTensorType>(operand.getType()))))
      return failure();
  return success();
}
LogicalResult AddOp::verify() { return verifyBinary(*this); }
LogicalResult MulOp::verify() { return verifyBinary(*this); }

LogicalResult AttentionOp::verify() {
  auto query = getQuery().getType(), key = getKey().getType(), value = getValue().getType();
  int64_t heads = getHeads(), headDim = getHeadDim();
  if (heads <= 0 || headDim <= 0 || heads > mostElements / headDim) // (C5)
    return emitOpError() << "expected positive heads and head_dim, but got " << heads << " and "
                         << headDim;
  // Kernels compute powers of two: the scale times log2 e, which is below 2, must be finite.
  if (failed(expectFactor(*this, "a scale", getScale().convertToDouble(), most / 2))) // (C7)
    return failure();
  bool batch = getAxis() == Axis::Batch;
  auto rows = [](RankedTensorType type) { return type.getShape().drop_back(); };
  if ((key.getRank() != 3 && !(batch && key.getRank() == 2)) || rows(key) != rows(value)) // (C1)
    return emitOpError() << "expected key and value with the same tokens, but got "
                         << shapeText(key) << " and " << shapeText(value);
  if (batch && rows(query) != rows(key)) // (C2)
    return emitOpError() << "expected a query with the tokens of key, " << shapeText(key)
                         << ", but got " << shapeText(query);
  ArrayRef<int64_t> offsets = getOffsets();
  if (offsets.size() != 3)
    return emitOpError() << "expected 3 offsets, but got " << offsets.size();
  RankedTensorType types[] = {query, key, value};
  for (int i = 0; i < 3; ++i)
    if (offsets[i] < 0 || offsets[i] + heads * headDim > width(types[i])) // (C3)
      return emitOpError() << "expected " << heads * headDim << " columns at offset " << offsets[i]
                           << ", but got an operand with " << width(types[i]);
  SmallVector<int64_t> shape(query.getShape());
  shape.back() = heads * headDim;
  if (query.getRank() != 3 && query.getRank() != 2) // (C4)
    return emitOpError() << "expected query of rank 2 or 3, but got rank " << query.getRank();
  if (failed(expectShape(*this, "a result", RankedTensorType::get(shape, query.getElementType()),
                         getType()))) // (C4)
    return failure();
  for (RankedTensorType type : {key, value})
    if (failed(expectElementType(*this, "operands", query.getElementType(), // (C6)
                                 type.getElementType())))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildFunctionType = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                              function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(arguments, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name),
      buildFunctionType, getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

YieldOp KernelOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

Operation *KernelOp::getRoot() {
  auto roots = getBody().front().getOps<KernelInterface>();
  return roots.empty() ? nullptr : (*roots.begin()).getOperation();
}

SmallVector<Operation *> KernelOp::getRoots() {
  SmallVector<Operation *> roots;
  for (KernelInterface root : getBody().front().getOps<KernelInterface>())
    roots.push_back(root);
  return roots;
}

KernelFamily KernelOp::getFamily() {
  auto root = dyn_cast_if_present<KernelInterface>(getRoot());
  return root ? root.getKernelFamily() : KernelFamily::Elementwise;
}

LogicalResult KernelOp::verify() {
  if (getBody().empty())
    return emitOpError() << "expected a body";
  if (getResultTypes().empty()) // (C5)
    return emitOpError() << "expected at least one result, found none";
  return success();
}

/// Whether two roots can share a main loop.
static bool isSameProduct(Operation *a, Operation *b) {
  auto first = dyn_cast<LinearOp>(a), second = dyn_cast<LinearOp>(b);
  return first && second && first.getInput() == second.getInput() &&
         first.getWeight().getType() == second.getWeight().getType();
}

LogicalResult KernelOp::verifyRegions() {
  Operation *root = nullptr;
  for (Operation &op : getBody().front().without_terminator()) {
    if (isa<ElementwiseInterface>(op))
      continue;
    if (!isa<KernelInterface>(op)) // (C3)
      return op.emitOpError() << "expected an elementwise op or a root in a kernel";
    if (root && !isSameProduct(root, &op)) // (C1)
      return op.emitOpError() << "expected one root in a kernel, or linears of one input with "
                                 "weights of one type, but it follows '"
                              << root->getName() << "'";
    root = root ? root : &op;
  }
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getOperandTypes() != TypeRange(getResultTypes())) // (C2)
    return emitOpError() << "expected a vit.yield of the result types " << getResultTypes();
  for (BlockArgument argument : getBody().getArguments())
    if (argument.use_empty()) // (C4)
      return emitOpError() << "expected a use of every argument, but argument "
                           << argument.getArgNumber() << " has none";
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel) // (C1)
    return emitOpError() << "expected a vit.kernel named " << getKernelAttr();
  auto agree = [](Type parameter, Type given) {
    if (parameter == given)
      return true;
    auto rows = cast<RankedTensorType>(parameter);
    return rows.getRank() == 2 && rows.isDynamicDim(0) && isBatchTensor(given) &&
           collapseToRows(cast<RankedTensorType>(given)) == rows;
  };
  auto agreeAll = [&](TypeRange parameters, TypeRange given) {
    return parameters.size() == given.size() && llvm::all_of_zip(parameters, given, agree);
  };
  if (!agreeAll(kernel.getArgumentTypes(), getOperandTypes()) ||
      !agreeAll(kernel.getResultTypes(), getResultTypes())) // (C2)
    return emitOpError() << "expected operands and results of " << kernel.getFunctionType()
                         << ", but got "
                         << FunctionType::get(getContext(), getOperandTypes(), getResultTypes());
  if (getPlaces() && getPlaces()->size() != getNumResults()) // (C3)
    return emitOpError() << "expected " << getNumResults()
                         << " places, one for each result, but got " << getPlaces()->size();
  return success();
}
