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
#include "dialect/Verify.h"

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

bool vit::isStorageType(Type type) {
  return isa<Float16Type, BFloat16Type, FloatTF32Type, Float32Type>(type);
}

int64_t vit::bytesOf(Type type) {
  return isa<FloatTF32Type>(type) ? 4 : type.getIntOrFloatBitWidth() / 8;
}

bool vit::isBatchTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() >= 2 && tensor.isDynamicDim(0) &&
         areSizes(tensor.getShape().drop_front());
}

vit::ImageShape vit::imageShapeOf(RankedTensorType images) {
  ArrayRef<int64_t> shape = images.getShape();
  if (images.getElementType().isUnsignedInteger(8))
    return {shape[3], shape[1], shape[2]};
  return {shape[1], shape[2], shape[3]};
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

vit::TokenCount vit::tokenCountOf(int64_t tokens) {
  if (tokens < anyTokens)
    return {tokens, 0};
  return {tokens - anyTokens, 1};
}

/// A model for any size says what its patches are, and how many there may be.
static LogicalResult verifyAnySize(Operation *op, Attribute value) {
  auto sizes = dyn_cast<DictionaryAttr>(value);
  auto most = sizes ? sizes.getAs<IntegerAttr>("max_tokens") : IntegerAttr();
  auto patch = sizes ? sizes.getAs<DenseI64ArrayAttr>("patch") : DenseI64ArrayAttr();
  if (sizes && sizes.size() == 2 && most && most.getInt() > 0 && patch && patch.size() == 2 &&
      patch[0] > 0 && patch[1] > 0)
    return success();
  return op->emitOpError() << "expected '" << anySizeName
                           << "' to be {max_tokens = N, patch = array<i64: H, W>}, all positive, "
                              "but got "
                           << value;
}

LogicalResult VitDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == anySizeName)
    return verifyAnySize(op, attribute.getValue());
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

static LogicalResult verifyNorm(NormInterface op, FloatAttr eps) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto groups = static_cast<int64_t>(op.getGroups());
  if (groups < 1 || width(input) % groups) // (C4)
    return op->emitOpError() << "expected groups that divide the " << width(input)
                             << " columns of input, but got " << groups;
  auto columns = static_cast<int64_t>(op.getColumns());
  if (columns < 0 || columns > width(input) || (columns && groups != 1)) // (C5)
    return op->emitOpError() << "expected columns of one group, at most the " << width(input)
                             << " of input, but got " << columns;
  SmallVector<int64_t> shape(input.getShape());
  shape.back() /= groups;
  RankedTensorType group = input.clone(shape);
  for (auto [what, value] : {std::pair("scale", op.getScale()), std::pair("shift", op.getShift())})
    if (value &&
        failed(expectWidth(op, what, group, cast<RankedTensorType>(value.getType())))) // (C1)
      return failure();
  if (failed(expectShape(op, "a result", input,
                         cast<RankedTensorType>(op->getResult(0).getType())))) // (C2)
    return failure();
  return expectEps(op, eps); // (C3)
}
LogicalResult LayerNormOp::verify() {
  return verifyNorm(cast<NormInterface>(getOperation()), getEpsAttr());
}
LogicalResult RmsNormOp::verify() {
  return verifyNorm(cast<NormInterface>(getOperation()), getEpsAttr());
}

LogicalResult LinearOp::verify() {
  auto input = getInput().getType(), weight = getWeight().getType(), result = getType();
  if (weight.getDimSize(1) != width(input)) // (C1)
    return emitOpError() << "expected weight with K = " << width(input)
                         << " columns, as in input, but got " << weight.getDimSize(1);
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(0);
  if (weight.getRank() == 3) {
    int64_t columns = width(result), panel = weight.getDimSize(2);
    if (llvm::divideCeil(columns, panel) != uint64_t(weight.getDimSize(0)))
      return emitOpError() << "expected " << llvm::divideCeil(columns, panel) << " panels of "
                           << panel << " for " << columns << " columns of the result, but got "
                           << weight.getDimSize(0);
    shape.back() = columns;
  }
  if (failed(expectShape(*this, "a result", RankedTensorType::get(shape, result.getElementType()),
                         result))) // (C2)
    return failure();
  return expectElementType(*this, "weight", input.getElementType(), // (C3)
                           weight.getElementType());
}

LogicalResult QuantizeOp::verify() {
  auto input = getInput().getType();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = quantizedColumns(width(input));
  return expectShape(*this, "a result", input.clone(shape), getType()); // (C1)
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
LogicalResult SigmoidOp::verify() { return verifyUnary(*this); }
LogicalResult CastOp::verify() { return verifyUnary(*this); }

LogicalResult RopeOp::verify() {
  auto input = getInput().getType(), table = getTable().getType();
  int64_t period = width(table), columns = getColumns();
  if (period % 2 || table.getDimSize(0) != (input.getRank() == 2 ? 1 : rowsPerImage(input))) // (C1)
    return emitOpError() << "expected a table of even width with a row for each token of input, "
                         << shapeText(input) << ", but got " << shapeText(table);
  if (columns <= 0 || columns % period || columns > width(input) || width(input) % 2) // (C2)
    return emitOpError() << "expected columns in multiples of " << period
                         << ", the width of table, within an even width of input, but got "
                         << columns << " of " << width(input);
  return expectShape(*this, "a result", input, getType()); // (C3)
}

LogicalResult MomentsOp::verify() {
  auto input = getInput().getType();
  auto group = static_cast<int64_t>(getGroup());
  if (group <= 0 || width(input) % group) // (C1)
    return emitOpError() << "expected groups of equally many columns of " << width(input)
                         << ", but got groups of " << group;
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = 2 * width(input) / group;
  if (failed(expectShape(*this, "a result", input.clone(shape), getType()))) // (C2)
    return failure();
  return expectElementType(*this, "a result", Float32Type::get(getContext()),
                           getType().getElementType());
}

LogicalResult NormalizeOp::verify() {
  auto input = getInput().getType(), moments = getMoments().getType();
  if (moments.getShape().drop_back() != input.getShape().drop_back() || width(moments) % 2) // (C1)
    return emitOpError() << "expected moments with the rows of input, " << shapeText(input)
                         << ", and an even width, but got " << shapeText(moments);
  if (failed(expectElementType(*this, "moments", Float32Type::get(getContext()),
                               moments.getElementType())))
    return failure();
  if (getSums() && failed(expectWidth(*this, "sums", input,
                                      cast<RankedTensorType>(getSums().getType())))) // (C2)
    return failure();
  if (failed(expectShape(*this, "a result", input, getType()))) // (C3)
    return failure();
  if (static_cast<int64_t>(getGroup()) <= 0) // (C5)
    return emitOpError() << "expected a positive group, but got "
                         << static_cast<int64_t>(getGroup());
  return expectEps(*this, getEpsAttr()); // (C4)
}

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

static LogicalResult verifyWindowsAndBias(AttentionOp op) {
  auto windows = op.getWindows();
  auto query = op.getQuery().getType();
  if (op.getAxis() == Axis::Batch && (windows || op.getBias())) // (C8)
    return op.emitOpError() << "expected neither bias nor windows with axis batch";
  if (windows) {
    int64_t tokens = windows->getGrid()[0] * windows->getGrid()[1];
    for (RankedTensorType type : {query, op.getKey().getType()})
      if (type.getRank() != 3 || type.getDimSize(1) != tokens) // (C9)
        return op.emitOpError() << "expected operands with the " << tokens
                                << " tokens of the grid, but got " << shapeText(type);
  }
  if (!op.getBias())
    return success();
  auto bias = cast<RankedTensorType>(op.getBias().getType());
  int64_t queries = windows ? windows->tokens() : rowsPerImage(query);
  int64_t keys = op.getKeys(/*batch=*/1), heads = op.getHeads();
  if (bias.getDimSize(0) != queries || bias.getDimSize(1) != heads || bias.getDimSize(2) < keys)
    return op.emitOpError() << "expected a bias of " << queries << " queries, " << heads // (C10)
                            << " heads and at least " << keys << " keys, but got "
                            << shapeText(bias);
  return success();
}

LogicalResult WindowsAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> grid, ArrayRef<int64_t> size,
                                  ArrayRef<int64_t> shift) {
  if (grid.size() != 2 || size.size() != 2 || shift.size() != 2) // (C1)
    return emitError() << "expected two numbers each for grid, size and shift, but got [" << grid
                       << "], [" << size << "] and [" << shift << "]";
  for (int i = 0; i < 2; ++i) {
    if (!areSizes(grid) || size[i] < 1 || grid[i] % size[i]) // (C2)
      return emitError() << "expected windows of sizes that divide the grid [" << grid
                         << "], but got [" << size << "]";
    if (shift[i] < 0 || shift[i] >= size[i]) // (C3)
      return emitError() << "expected shifts from 0 to below the sizes [" << size
                         << "] of windows, but got [" << shift << "]";
  }
  return success();
}

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
  if (failed(verifyWindowsAndBias(*this)))
    return failure();
  SmallVector<int64_t> shape(query.getShape());
  constexpr int64_t mostSpare = 7; // columns of zeros
  int64_t spare = width(getType()) - heads * headDim;
  shape.back() = heads * headDim + (spare > 0 && spare <= mostSpare ? spare : 0);
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

/// Whether two roots can share a main loop, or the second has the row at hand that the first makes.
static bool belongTogether(Operation *a, Operation *b) {
  if (isa<QuantizeOp>(b))
    return isa<NormInterface>(a);
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
    if (root && !belongTogether(root, &op)) // (C1)
      return op.emitOpError() << "expected one root in a kernel, or linears of one input with "
                                 "weights of one type, or a norm and a quantize, but it follows '"
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
  if (getImagePlaces() && getImagePlaces()->size() != getNumResults())
    return emitOpError() << "expected " << getNumResults()
                         << " image_places, one for each result, but got "
                         << getImagePlaces()->size();
  return success();
}
