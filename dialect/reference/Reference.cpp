//===- Reference.cpp - Walks functions and kernels in f64 -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Executes a block op by op. A value lives until its last use, so a model needs the memory of its
// largest activations and not of all of them. Results of @prepare are computed at the first
// vit.prepared and kept.
//
//===----------------------------------------------------------------------===//

#include "dialect/reference/Reference.h"
#include "dialect/ModelFunction.h"
#include "dialect/reference/ReferenceOps.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

#include <thread>

using namespace mlir;
using namespace vitc;
using namespace vitc::vit;
using namespace vitc::reference;
using llvm::Error;
using llvm::Expected;

namespace {
/// A value of the program. Launches show one buffer under two shapes.
struct Slot {
  std::vector<int64_t> shape;
  std::shared_ptr<const std::vector<double>> values;

  View view() const { return {shape, *values}; }
};
using Slots = SmallVector<Slot>;
} // namespace

static Error fail(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static std::string text(ArrayRef<int64_t> shape) {
  std::string result;
  llvm::raw_string_ostream os(result);
  llvm::interleave(
      shape, os, [&](int64_t size) { ShapedType::isDynamic(size) ? os << "batch" : os << size; },
      "x");
  return result;
}

static int64_t elementsOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// The shape of `type` where dimension 0 of an activation is `rows`.
static std::vector<int64_t> concreteShape(Type type, int64_t rows) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  std::vector<int64_t> result(shape.begin(), shape.end());
  if (isBatchTensor(type))
    result[0] = rows;
  return result;
}

static Slot makeSlot(Tensor tensor) {
  return {std::move(tensor.shape), std::make_shared<std::vector<double>>(std::move(tensor.values))};
}

/// Avoids the copy where nothing else looks at the buffer any more.
static Tensor takeTensor(Slot slot) {
  if (slot.values.use_count() == 1)
    return {std::move(slot.shape), std::move(const_cast<std::vector<double> &>(*slot.values))};
  return {std::move(slot.shape), *slot.values};
}

/// The number of images (or rows) that `given` agree on, or 0 if none has a batch dimension.
static Expected<int64_t> checkArguments(TypeRange types, ArrayRef<Tensor> given,
                                        llvm::function_ref<std::string(unsigned)> nameOf) {
  if (types.size() != given.size())
    return fail("expected " + Twine(types.size()) + " inputs, but got " + Twine(given.size()));
  int64_t rows = 0;
  for (auto [i, type] : llvm::enumerate(types)) {
    ArrayRef<int64_t> expected = cast<RankedTensorType>(type).getShape(), shape = given[i].shape;
    bool batch = isBatchTensor(type);
    if (shape.size() != expected.size() || shape.drop_front(batch) != expected.drop_front(batch) ||
        (batch && shape[0] <= 0))
      return fail(nameOf(i) + ": expected shape " + text(expected) + ", but got " + text(shape));
    if (elementsOf(shape) != int64_t(given[i].values.size()))
      return fail(nameOf(i) + ": expected " + Twine(elementsOf(shape)) + " values, but got " +
                  Twine(given[i].values.size()));
    if (!batch)
      continue;
    if (rows && shape[0] != rows)
      return fail(nameOf(i) + ": expected " + Twine(rows) +
                  " images, as in other inputs, but got " + Twine(shape[0]));
    rows = shape[0];
  }
  return rows;
}

//===----------------------------------------------------------------------===//
// Execution of one block
//===----------------------------------------------------------------------===//

struct Interpreter::Impl {
  ModuleOp module;
  Weights weights;
  unsigned threads;
  Observer observer;
  SymbolTableCollection symbols;
  std::unique_ptr<Slots> prepared; ///< results of @prepare, once it has run

  Expected<Slots> runBlock(Block &block, Slots arguments, int64_t rows, bool observed);
  Expected<Slots> compute(Operation *op, ArrayRef<Slot> operands, int64_t rows);
  Expected<Slot> loadWeight(WeightOp op);
  Expected<Slot> readPrepared(PreparedOp op);
  Expected<Slots> launch(LaunchOp op, ArrayRef<Slot> operands, int64_t images);
};

Weight Weight::of(WeightOp op) {
  Weight request;
  request.key = op.getKey();
  if (auto aliases = op.getAliases())
    for (auto name : aliases->getAsRange<StringAttr>())
      request.aliases.push_back(name);
  if (auto transposed = op.getTransposed())
    for (auto name : transposed->getAsRange<StringAttr>())
      request.transposed.push_back(name);
  request.shape = op.getType().getShape();
  request.fileShape = op.getFileShape().value_or(request.shape);
  return request;
}

Expected<Slot> Interpreter::Impl::loadWeight(WeightOp op) {
  Weight request = Weight::of(op);
  std::vector<double> values;
  if (std::string problem = weights(request, values); !problem.empty())
    return fail(problem);
  if (int64_t(values.size()) != op.getType().getNumElements())
    return fail("weight '" + op.getKey() + "': expected " + Twine(op.getType().getNumElements()) +
                " values, but got " + Twine(values.size()));
  return makeSlot({concreteShape(op.getType(), 0), std::move(values)});
}

Expected<Slot> Interpreter::Impl::readPrepared(PreparedOp op) {
  if (!prepared) {
    auto function = module.lookupSymbol<func::FuncOp>(prepareName);
    Expected<Slots> results = runBlock(function.getBody().front(), {}, 0, /*observed=*/false);
    if (!results)
      return results.takeError();
    prepared = std::make_unique<Slots>(std::move(*results));
  }
  return (*prepared)[op.getIndex()];
}

/// Leading dimensions of what is given to rank-2 activations of a kernel become rows, and back.
Expected<Slots> Interpreter::Impl::launch(LaunchOp op, ArrayRef<Slot> operands, int64_t images) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(op, op.getKernelAttr());
  llvm::SmallSetVector<int64_t, 2> rowCounts;
  auto visit = [&](TypeRange parameters, TypeRange given) {
    for (auto [parameter, type] : llvm::zip_equal(parameters, given))
      if (isBatchTensor(parameter))
        rowCounts.insert(cast<RankedTensorType>(parameter).getRank() == 2
                             ? images * rowsPerImage(cast<RankedTensorType>(type))
                             : images);
  };
  visit(kernel.getArgumentTypes(), op.getOperandTypes());
  visit(kernel.getResultTypes(), op.getResultTypes());
  if (rowCounts.size() > 1)
    return fail("launch of @" + op.getKernel() +
                ": expected one number of rows for all activations, "
                "but got " +
                Twine(rowCounts[0]) + " and " + Twine(rowCounts[1]));
  int64_t rows = rowCounts.empty() ? images : rowCounts[0];

  Slots arguments(operands);
  for (auto [argument, parameter] : llvm::zip_equal(arguments, kernel.getArgumentTypes()))
    argument.shape = concreteShape(parameter, rows);
  Expected<Slots> results =
      runBlock(kernel.getBody().front(), std::move(arguments), rows, /*observed=*/false);
  if (!results)
    return results;
  for (auto [result, type] : llvm::zip_equal(*results, op.getResultTypes()))
    result.shape = concreteShape(type, images);
  return results;
}

Expected<Slots> Interpreter::Impl::compute(Operation *op, ArrayRef<Slot> operands, int64_t rows) {
  auto single = [](Expected<Slot> slot) -> Expected<Slots> {
    if (!slot)
      return slot.takeError();
    return Slots{std::move(*slot)};
  };
  if (auto weight = dyn_cast<WeightOp>(op))
    return single(loadWeight(weight));
  if (auto index = dyn_cast<PreparedOp>(op))
    return single(readPrepared(index));
  if (auto call = dyn_cast<LaunchOp>(op))
    return launch(call, operands, rows);
  if (op->getNumResults() != 1 || !isa<VitDialect>(op->getDialect()))
    return fail("'" + op->getName().getStringRef() + "' has no reference meaning");

  Tensor result;
  result.shape = concreteShape(op->getResult(0).getType(), rows);
  result.values.resize(elementsOf(result.shape));
  SmallVector<View> views;
  for (const Slot &operand : operands)
    views.push_back(operand.view());
  Call call = {views, result.shape, result.values, threads};
  if (result.values.empty())
    return Slots{makeSlot(std::move(result))};
  if (auto elementwise = dyn_cast<ElementwiseInterface>(op))
    computeElementwise(elementwise, call);
  else if (!computeRowOp(op, call) && !computeTokenOp(op, call) && !computeWeightOp(op, call))
    return fail("'" + op->getName().getStringRef() + "' has no reference meaning");
  return Slots{makeSlot(std::move(result))};
}

/// Whether `op` does more than compute its results, or has one that a later op was found to use.
static bool isNeeded(Operation &op, const llvm::DenseMap<Value, Operation *> &lastUse) {
  return !wouldOpBeTriviallyDead(&op) ||
         llvm::any_of(op.getResults(), [&](Value result) { return lastUse.contains(result); });
}

Expected<Slots> Interpreter::Impl::runBlock(Block &block, Slots arguments, int64_t rows,
                                            bool observed) {
  // From the end: what no result depends on is not computed, and its weights need not exist.
  llvm::DenseMap<Value, Operation *> lastUse;
  for (Operation &op : llvm::reverse(block))
    if (isNeeded(op, lastUse))
      for (Value operand : op.getOperands())
        lastUse.try_emplace(operand, &op);

  llvm::DenseMap<Value, Slot> values;
  for (auto [argument, slot] : llvm::zip_equal(block.getArguments(), arguments))
    values[argument] = std::move(slot);
  arguments.clear();

  for (Operation &op : block.without_terminator()) {
    if (!isNeeded(op, lastUse))
      continue;
    Slots operands;
    for (Value operand : op.getOperands())
      operands.push_back(values[operand]);
    Expected<Slots> results = compute(&op, operands, rows);
    if (!results)
      return results;
    if (observed && observer) {
      SmallVector<View> views;
      for (const Slot &result : *results)
        views.push_back(result.view());
      observer(&op, views);
    }
    for (Value operand : op.getOperands())
      if (lastUse[operand] == &op)
        values.erase(operand);
    for (auto [value, slot] : llvm::zip_equal(op.getResults(), *results))
      if (lastUse.contains(value))
        values[value] = std::move(slot);
  }
  Slots results;
  for (Value operand : block.getTerminator()->getOperands())
    results.push_back(values[operand]);
  return results;
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

Interpreter::Interpreter(ModuleOp module, Weights weights, unsigned threads)
    : impl(new Impl{module,
                    std::move(weights),
                    threads ? threads : std::max(1u, std::thread::hardware_concurrency()),
                    {},
                    {},
                    {}}) {}
Interpreter::~Interpreter() = default;
Interpreter::Interpreter(Interpreter &&) noexcept = default;
Interpreter &Interpreter::operator=(Interpreter &&) noexcept = default;

void Interpreter::setObserver(Observer observer) { impl->observer = std::move(observer); }

Expected<std::vector<Output>> Interpreter::run(std::vector<Tensor> inputs) {
  Expected<func::FuncOp> model = findModel(impl->module);
  if (!model)
    return model.takeError();
  return run(*model, std::move(inputs));
}

Expected<std::vector<Output>> Interpreter::run(func::FuncOp function, std::vector<Tensor> inputs) {
  if (!function.getBody().hasOneBlock())
    return fail("function @" + function.getSymName() + ": expected one block, but got " +
                Twine(function.getBody().getBlocks().size()));
  auto argumentName = [&](unsigned i) {
    auto name = function.getArgAttrOfType<StringAttr>(i, "vit.name");
    return name ? (Twine("input '") + name.getValue() + "'").str() : ("input " + Twine(i)).str();
  };
  Expected<int64_t> images = checkArguments(function.getArgumentTypes(), inputs, argumentName);
  if (!images)
    return images.takeError();
  Slots arguments;
  for (Tensor &input : inputs)
    arguments.push_back(makeSlot(std::move(input)));
  Expected<Slots> results =
      impl->runBlock(function.getBody().front(), std::move(arguments), *images,
                     /*observed=*/true);
  if (!results)
    return results.takeError();
  std::vector<Output> outputs;
  for (auto [i, result] : llvm::enumerate(*results)) {
    auto name = function.getResultAttrOfType<StringAttr>(i, "vit.name");
    outputs.push_back({name ? name.str() : std::to_string(i), takeTensor(std::move(result))});
  }
  return outputs;
}

Expected<std::vector<Tensor>> Interpreter::runKernel(KernelOp kernel, std::vector<Tensor> inputs,
                                                     int64_t rows) {
  auto argumentName = [&](unsigned i) {
    return ("kernel @" + kernel.getSymName() + ", argument " + Twine(i)).str();
  };
  Expected<int64_t> found = checkArguments(kernel.getArgumentTypes(), inputs, argumentName);
  if (!found)
    return found.takeError();
  if (*found && rows && *found != rows)
    return fail("kernel @" + kernel.getSymName() + ": expected arguments with " + Twine(rows) +
                " rows, but got " + Twine(*found));
  rows = *found ? *found : rows;
  if (rows <= 0)
    return fail("kernel @" + kernel.getSymName() + ": expected a number of rows, but got none");
  Slots arguments;
  for (Tensor &input : inputs)
    arguments.push_back(makeSlot(std::move(input)));
  Expected<Slots> results = impl->runBlock(kernel.getBody().front(), std::move(arguments), rows,
                                           /*observed=*/false);
  if (!results)
    return results.takeError();
  std::vector<Tensor> outputs;
  for (Slot &result : *results)
    outputs.push_back(takeTensor(std::move(result)));
  return outputs;
}

/// The first name in a location; fused ones name what they are made of.
static StringRef nameIn(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (StringRef name = nameIn(part); !name.empty())
        return name;
  return {};
}

std::string Interpreter::nameOf(Operation *op) {
  if (StringRef name = nameIn(op->getLoc()); !name.empty())
    return name.str();
  if (auto launch = dyn_cast<LaunchOp>(op))
    return launch.getKernel().str();
  return op->getName().getStringRef().str();
}
