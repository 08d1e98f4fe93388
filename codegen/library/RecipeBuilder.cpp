//===- RecipeBuilder.cpp - @prepare as straight-line steps ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Every op of @prepare is one step of the recipe and defines one value, so the
// translation is op by op.
// The results of @prepare are laid out one after the other in the weight arena.
// What several plans of a library have in common is kept once: equal steps are
// one value, and equal values of one type one weight.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/RecipeBuilder.h"

#include "runtime/SizedRecipe.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

vit_dtype vitc::codegen::dtypeOf(Type type) {
  if (type.isF16())
    return VIT_F16;
  if (type.isBF16())
    return VIT_BF16;
  if (type.isTF32())
    return VIT_TF32;
  if (type.isUnsignedInteger(8))
    return VIT_U8;
  if (type.isSignlessInteger(8))
    return VIT_I8;
  assert(type.isF32() && "the dialect stores f16, bf16, tf32, f32, ui8 and i8 only");
  return VIT_F32;
}

uint64_t vitc::codegen::sizeOf(vit_dtype type) {
  switch (type) {
  case VIT_F16:
  case VIT_BF16:
    return 2;
  case VIT_TF32:
  case VIT_F32:
    return 4;
  case VIT_F64:
    return 8;
  case VIT_U8:
  case VIT_I8:
    return 1;
  }
  llvm_unreachable("not a vit_dtype");
}

namespace {

class RecipeBuilder {
public:
  RecipeBuilder(LibraryData &data, uint32_t first, bool anySize)
      : data(data), first(first), anySize(anySize),
        steps(data.library.recipe, data.library.recipe + data.library.recipe_count),
        prepared(data.library.weights, data.library.weights + data.library.weight_count),
        end(data.library.weight_bytes) {
    for (auto [i, step] : llvm::enumerate(steps))
      known.try_emplace(identityOf(step), i);
    depends = vitrt::dependOnSize(data.library);
  }

  LogicalResult build(func::FuncOp prepare, std::vector<uint32_t> &weights) {
    if (!prepare.getBody().hasOneBlock())
      return prepare.emitOpError("expected one block");
    for (Operation &op : prepare.getBody().front().without_terminator())
      if (failed(translate(&op)))
        return failure();
    auto results = cast<func::ReturnOp>(prepare.getBody().front().getTerminator()).getOperands();
    for (Value result : results)
      weights.push_back(place(result));
    for (uint32_t value : kept)
      placeKept(value);
    data.library.recipe = data.keep(steps);
    data.library.recipe_count = steps.size();
    data.library.weights = data.keep(prepared);
    data.library.weight_count = prepared.size();
    data.library.weight_bytes = end;
    return success();
  }

private:
  vit_recipe_step newStep(Operation *op, vit_recipe_op kind) {
    auto operands =
        llvm::map_to_vector(op->getOperands(), [&](Value value) { return values.at(value); });
    vit_recipe_step step = {};
    step.op = kind;
    step.operands = data.keep(ArrayRef<uint32_t>(operands));
    step.operand_count = operands.size();
    setShape(step.rank, step.shape, cast<RankedTensorType>(op->getResult(0).getType()).getShape());
    return step;
  }

  static void setShape(uint32_t &rank, int64_t *dims, ArrayRef<int64_t> shape) {
    rank = shape.size();
    llvm::copy(shape, dims);
  }

  /// The value of a step, of an equal one if there is one.
  uint32_t add(const vit_recipe_step &step) {
    auto [found, isNew] = known.try_emplace(identityOf(step), steps.size());
    if (isNew) {
      steps.push_back(step);
      auto ofSize = [](int64_t size) { return size < 0; };
      depends.push_back(llvm::any_of(ArrayRef(step.shape, step.rank), ofSize) ||
                        llvm::any_of(ArrayRef(step.operands, step.operand_count),
                                     [&](uint32_t value) { return depends[value]; }));
    }
    return found->second;
  }

  LogicalResult define(Operation *op, vit_recipe_step step) {
    if (anySize && failed(forAnySize(op, step)))
      return failure();
    values[op->getResult(0)] = add(step);
    return success();
  }

  /// A number of tokens, as steps have it that depend on the size.
  static int64_t extentOf(int64_t size) {
    vit::TokenCount tokens = vit::tokenCountOf(size);
    bool counts = tokens.perPatch && tokens.constant <= vit::mostExtraTokens;
    return counts ? -1 - tokens.constant : size;
  }

  /// Gives a step that depends on the size its shape. A table has a row for each token, maybe
  /// behind a dimension of 1 that a reshape has put there; a width may well be a number of tokens,
  /// too. A bias has rows and columns for tokens.
  void setTokens(vit_recipe_step &step) const {
    if (step.op == VIT_RECIPE_PERMUTE) {
      for (uint32_t i = 0; i != step.rank; ++i)
        step.shape[i] = steps[step.operands[0]].shape[step.order[i]];
      return;
    }
    if (step.rank < 2) // one row of a table
      return;
    bool ofBias = step.operand_count && steps[step.operands[0]].rank == 3 && step.rank == 3 &&
                  steps[step.operands[0]].shape[2] < 0;
    if (step.op == VIT_RECIPE_RELATIVE_BIAS || ofBias) {
      step.shape[0] = extentOf(step.shape[0]);
      step.shape[2] = extentOf(step.shape[2]);
      return;
    }
    int64_t &rows = step.shape[step.rank == 3 && step.shape[0] == 1 ? 1 : 0];
    rows = extentOf(rows);
  }

  static bool isAnyGrid(const int64_t *grid) {
    return grid[0] == vit::anyGrid[0] && grid[1] == vit::anyGrid[1];
  }

  /// Has a step that makes a table for the grid of the model speak of the grid of an image, and
  /// those that use its result. What they use beside that is kept for when the size is known.
  LogicalResult forAnySize(Operation *op, vit_recipe_step &step) {
    int64_t *grid = step.op == VIT_RECIPE_RESAMPLE ? step.grid + 2 : step.grid;
    bool begins = isAnyGrid(grid);
    if (begins)
      grid[0] = grid[1] = 0;
    auto operands = ArrayRef(step.operands, step.operand_count);
    // Rows of zeros, one for each token.
    begins |= step.op == VIT_RECIPE_PAD && extentOf(step.shape[0]) < 0 &&
              steps[operands[0]].shape[0] >= 0 && steps[operands[0]].shape[0] < vit::anyTokens;
    if (!begins && llvm::none_of(operands, [&](uint32_t value) { return depends[value]; }))
      return success();
    setTokens(step);
    if (step.op == VIT_RECIPE_SLICE && step.first >= vit::anyTokens)
      return op->emitOpError("reads rows behind those of the patches, whose number is not known "
                             "for images of any size");
    if (step.op == VIT_RECIPE_RELATIVE_BIAS && begins && !step.grid[2])
      return op->emitOpError("has a table for one size of images alone, expected one that is "
                             "resized to others");
    for (uint32_t value : operands)
      if (!depends[value])
        kept.insert(value);
    return success();
  }

  /// All that a step computes, as text.
  static std::string identityOf(const vit_recipe_step &step) {
    std::string text;
    llvm::raw_string_ostream out(text);
    auto list = [&](auto values) {
      for (auto value : values)
        out << value << " ";
      out << "; ";
    };
    out << step.op << " " << step.first << " " << step.dtype << " " << step.axis << " "
        << llvm::bit_cast<uint64_t>(step.factor) << " " << step.filter << " " << step.antialias
        << "; ";
    list(ArrayRef(step.operands, step.operand_count));
    list(ArrayRef(step.shape, step.rank));
    list(ArrayRef(step.order));
    list(ArrayRef(step.grid));
    for (double number : ArrayRef(step.numbers, step.number_count))
      out << llvm::bit_cast<uint64_t>(number) << " ";
    list(ArrayRef(step.file_shape, step.file_rank));
    for (const vit_key &key : ArrayRef(step.keys, step.key_count))
      out << key.transposed << StringRef(key.name) << '\0';
    return text;
  }

  LogicalResult translate(Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          !tensor || tensor.getRank() > VIT_MAX_RANK)
        return op->emitOpError("expected a tensor of rank ")
               << int(VIT_MAX_RANK) << " at most in @prepare, but got " << type;
    auto arithmetic = dyn_cast<vit::RecipeInterface>(op);
    if (!arithmetic)
      return op->emitOpError("cannot be done when weights are loaded: a recipe has no such step");
    switch (arithmetic.getRecipeOp()) {
    case vit::RecipeOp::Load:
      return load(cast<vit::WeightOp>(op));
    case vit::RecipeOp::Concat:
      return define(op, newStep(op, VIT_RECIPE_CONCAT));
    case vit::RecipeOp::Slice: {
      vit_recipe_step step = newStep(op, VIT_RECIPE_SLICE);
      step.first = cast<vit::SliceOp>(op).getFirst();
      return define(op, step);
    }
    case vit::RecipeOp::Reshape:
      return define(op, newStep(op, VIT_RECIPE_RESHAPE));
    case vit::RecipeOp::Permute: {
      vit_recipe_step step = newStep(op, VIT_RECIPE_PERMUTE);
      llvm::copy(cast<vit::PermuteOp>(op).getOrder(), step.order);
      return define(op, step);
    }
    case vit::RecipeOp::Scale: {
      auto scale = cast<vit::ScaleOp>(op);
      vit_recipe_step step = newStep(op, VIT_RECIPE_SCALE);
      step.factor = scale.getFactor().convertToDouble();
      step.axis = scale.getRows() ? 0 : step.rank - 1;
      return define(op, step);
    }
    case vit::RecipeOp::Cast: {
      vit_recipe_step step = newStep(op, VIT_RECIPE_CAST);
      step.dtype = dtypeOf(cast<vit::CastOp>(op).getType().getElementType());
      return define(op, step);
    }
    case vit::RecipeOp::RowSums:
      return define(op, newStep(op, VIT_RECIPE_ROW_SUMS));
    case vit::RecipeOp::QuantizePanels:
      return define(op, newStep(op, VIT_RECIPE_QUANTIZE_PANELS));
    case vit::RecipeOp::Pad:
      return define(op, newStep(op, VIT_RECIPE_PAD));
    case vit::RecipeOp::Add:
      return define(op, newStep(op, VIT_RECIPE_ADD));
    case vit::RecipeOp::Resample: {
      auto resample = cast<vit::ResampleOp>(op);
      vit_recipe_step step = newStep(op, VIT_RECIPE_RESAMPLE);
      llvm::copy(resample.getFrom(), step.grid);
      llvm::copy(resample.getTo(), step.grid + 2);
      step.filter =
          resample.getFilter() == vit::Filter::Linear ? VIT_FILTER_LINEAR : VIT_FILTER_CUBIC;
      step.antialias = resample.getAntialias();
      return define(op, step);
    }
    case vit::RecipeOp::RelativeBias: {
      auto bias = cast<vit::RelativeBiasOp>(op);
      vit_recipe_step step = newStep(op, VIT_RECIPE_RELATIVE_BIAS);
      llvm::copy(bias.getWindow(), step.grid);
      if (auto from = bias.getFrom())
        llvm::copy(*from, step.grid + 2);
      step.first = bias.getLead();
      return define(op, step);
    }
    case vit::RecipeOp::RopeTable:
      return define(op, ropeTable(cast<vit::RopeTableOp>(op)));
    }
    llvm_unreachable("all steps are above");
  }

  vit_recipe_step ropeTable(vit::RopeTableOp table) {
    vit_recipe_step step = newStep(table, VIT_RECIPE_ROPE_TABLE);
    llvm::copy(table.getGrid(), step.grid);
    step.first = table.getLead();
    std::vector<double> numbers;
    for (ArrayRef<double> part :
         {table.getOrigin(), table.getStep(), table.getRows(), table.getColumns()})
      llvm::append_range(numbers, part);
    if (anySize && isAnyGrid(step.grid)) {
      constexpr double none[4] = {};
      ArrayRef<double> over = table.getOver().value_or(ArrayRef(none));
      for (int i = 0; i < 4; ++i)
        numbers[i] -= over[i] / double(step.grid[i % 2]);
      llvm::append_range(numbers, over);
    }
    step.numbers = data.keep(numbers);
    step.number_count = numbers.size();
    return step;
  }

  LogicalResult load(vit::WeightOp weight) {
    vit_recipe_step step = newStep(weight, VIT_RECIPE_LOAD);
    ArrayRef<int64_t> shape = weight.getType().getShape();
    if (auto fileShape = weight.getFileShape())
      shape = *fileShape;
    if (shape.size() > VIT_MAX_RANK)
      return weight.emitOpError("expected a tensor of rank ")
             << int(VIT_MAX_RANK) << " at most in the file, but got rank " << shape.size();
    setShape(step.file_rank, step.file_shape, shape);

    std::vector<vit_key> keys = {{data.keep(weight.getKey()), 0}};
    auto addKeys = [&](std::optional<ArrayAttr> names, uint32_t transposed) {
      if (names)
        for (StringRef name : names->getAsValueRange<StringAttr>())
          keys.push_back({data.keep(name), transposed});
    };
    addKeys(weight.getAliases(), 0);
    addKeys(weight.getTransposed(), 1);
    step.keys = data.keep(keys);
    step.key_count = keys.size();
    return define(weight, step);
  }

  uint32_t place(Value result) {
    auto type = cast<RankedTensorType>(result.getType());
    vit_prepared weight = {};
    weight.value = values.at(result);
    vit_dtype dtype = dtypeOf(type.getElementType());
    weight.dtype = dtype;
    for (auto [i, other] : llvm::enumerate(prepared))
      if (i >= first && other.value == weight.value && other.dtype == weight.dtype)
        return i;
    if (depends[weight.value]) { // made for each size
      prepared.push_back(weight);
      return prepared.size() - 1;
    }
    weight.offset = end;
    weight.bytes = uint64_t(type.getNumElements()) * sizeOf(dtype);
    end = llvm::alignTo(end + weight.bytes, 256);
    prepared.push_back(weight);
    return prepared.size() - 1;
  }

  /// In f64, for the arithmetic that is still to come.
  void placeKept(uint32_t value) {
    for (const vit_prepared &other : ArrayRef(prepared).drop_front(first))
      if (other.value == value && other.dtype == VIT_F64)
        return;
    vit_prepared weight = {value, VIT_F64, end, sizeof(double)};
    for (int64_t size : ArrayRef(steps[value].shape, steps[value].rank))
      weight.bytes *= uint64_t(size);
    end = llvm::alignTo(end + weight.bytes, 256);
    prepared.push_back(weight);
  }

  LibraryData &data;
  const uint32_t first; ///< weight of the target
  const bool anySize;
  std::vector<char> depends; // on the size of images: of each step
  llvm::SetVector<uint32_t> kept;
  llvm::DenseMap<Value, uint32_t> values;
  std::vector<vit_recipe_step> steps;
  llvm::StringMap<uint32_t> known; // values, by what their steps compute
  std::vector<vit_prepared> prepared;
  uint64_t end;
};

} // namespace

LogicalResult vitc::codegen::addRecipe(func::FuncOp prepare, LibraryData &data,
                                       std::vector<uint32_t> &weights, uint32_t first,
                                       bool anySize) {
  return prepare ? RecipeBuilder(data, first, anySize).build(prepare, weights) : success();
}
