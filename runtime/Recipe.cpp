//===- Recipe.cpp - Straight-line arithmetic on weights --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What is only moved goes straight from the file to its place (WeightMove.h). Other
// values are computed on demand, prepared weight by prepared weight, and freed
// after their last use: a recipe that loads everything first still needs only
// the memory of one weight and what it is made of.
//===----------------------------------------------------------------------===//
#include "runtime/Recipe.h"
#include "runtime/LargeArray.h"
#include "runtime/Parallel.h"
#include "runtime/QuantizePanels.h"
#include "runtime/RecipeSteps.h"
#include "runtime/RecipeTables.h"
#include "runtime/SizedRecipe.h"
#include "runtime/WeightMove.h"
#include "runtime/WeightValues.h"
#include "weights/Float.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vitrt {

using Values = Doubles;

Values transpose(const Values &in, size_t rows, size_t columns) {
  constexpr size_t block = 32; // a cache line on both sides
  Values out(in.size());
  for (size_t i0 = 0; i0 < rows; i0 += block)
    for (size_t j0 = 0; j0 < columns; j0 += block)
      for (size_t i = i0; i < std::min(rows, i0 + block); ++i)
        for (size_t j = j0; j < std::min(columns, j0 + block); ++j)
          out[j * rows + i] = in[i * columns + j];
  return out;
}

namespace {

/// Dimension i of the result is dimension order[i] of `in`, which has `shape`.
Values permute(const Values &in, std::span<const int64_t> shape, const uint32_t *order) {
  if (shape.size() == 2 && order[0] == 1)
    return transpose(in, size_t(shape[0]), size_t(shape[1]));
  size_t rank = shape.size(), steps[VIT_MAX_RANK]; // of `in`, in the order of the result
  for (size_t i = 0; i != rank; ++i)
    steps[i] = countOf(shape.subspan(order[i] + 1));
  Values out(in.size());
  size_t place[VIT_MAX_RANK] = {}, from = 0;
  for (double &value : out) {
    value = in[from];
    for (size_t i = rank; i-- != 0;) { // to the next place, the last dimension first
      from += steps[i];
      if (++place[i] != size_t(shape[order[i]]))
        break;
      from -= steps[i] * place[i];
      place[i] = 0;
    }
  }
  return out;
}

/// Multiplies by `factor`, then by elements of `vector`, each of which is for `inner` neighbours.
void scale(Values &values, double factor, const Values &vector, size_t inner) {
  if (values.empty())
    return;
  parallelParts(values.size() / inner, inner, [&](size_t begin, size_t end) {
    size_t element = begin % vector.size();
    for (size_t i = begin; i != end; ++i) {
      for (double &value : std::span(values).subspan(i * inner, inner))
        value = value * factor * vector[element];
      element = element + 1 == vector.size() ? 0 : element + 1;
    }
  });
}

double roundTo(uint32_t dtype, double value) {
  switch (dtype) {
  case VIT_F16:
    return halfToFloat(doubleToHalf(value));
  case VIT_BF16:
    return bfloatToFloat(doubleToBfloat(value));
  case VIT_TF32:
    return doubleToTf32(value);
  case VIT_F32:
    return float(value);
  default:
    return value;
  }
}

/// Copies `in` of `from` to the origin of `out` of `to`, row by row of the last dimension.
void copyPadded(const double *in, std::span<const int64_t> from, double *out,
                std::span<const int64_t> to) {
  if (from.size() <= 1) {
    std::copy_n(in, from.empty() ? 1 : size_t(from[0]), out);
    return;
  }
  for (int64_t i = 0; i != from[0]; ++i)
    copyPadded(in + i * rowOf(from), from.subspan(1), out + i * rowOf(to), to.subspan(1));
}

/// Executes one recipe.
class Evaluator {
public:
  Evaluator(const vit_library &library, WeightSource &source, const LoadOptions &options)
      : library(library), source(source), options(options), values(library.recipe_count),
        uses(library.recipe_count, 0) {}

  /// Counts the uses below `root`, so that evaluate() knows the last one. Once per root.
  Result<void> want(uint32_t root) {
    if (root >= library.recipe_count)
      return Error{"the library's recipe has no value " + std::to_string(root)};
    std::vector<uint32_t> open;
    if (uses[root]++ == 0)
      open.push_back(root);
    while (!open.empty()) {
      uint32_t value = open.back();
      open.pop_back();
      const vit_recipe_step &step = library.recipe[value];
      if (auto good = checkStep(value); !good)
        return good;
      for (uint32_t operand : operandsOf(step))
        if (uses[operand]++ == 0)
          open.push_back(operand);
    }
    return {};
  }

  /// Computes `root`. Operands come before their users, so a stack of open values suffices.
  Result<void> evaluate(uint32_t root) {
    std::vector<uint32_t> open = {root};
    while (!open.empty()) {
      uint32_t value = open.back();
      const vit_recipe_step &step = library.recipe[value];
      size_t before = open.size();
      if (values[value].done) {
        open.pop_back();
        continue;
      }
      for (uint32_t i = step.operand_count; i-- != 0;)
        if (!values[step.operands[i]].done)
          open.push_back(step.operands[i]);
      if (open.size() != before)
        continue;
      auto result = compute(value);
      if (!result)
        return result.takeError();
      values[value] = {std::move(*result), true};
      for (uint32_t operand : operandsOf(step))
        release(operand);
      open.pop_back();
    }
    return {};
  }

  const Values &value(uint32_t index) const { return values[index].data; }

  void release(uint32_t value) {
    if (--uses[value] == 0)
      values[value].data = Values();
  }

  /// What is lost when value `index` of the recipe is rounded to `dtype`: of each tensor that it
  /// puts together, for each has a range of its own.
  Result<void> checkRange(uint32_t index, std::span<const double> values, uint32_t dtype) const {
    auto isUnchanged = [](uint32_t op) {
      return op == VIT_RECIPE_CAST || op == VIT_RECIPE_RESHAPE;
    };
    const vit_recipe_step *step = &library.recipe[index];
    // Scaled parts are parts, too: of queries, keys and values behind a folded norm.
    while (isUnchanged(step->op) || step->op == VIT_RECIPE_SCALE)
      step = &library.recipe[step->operands[0]];
    if (step->op != VIT_RECIPE_CONCAT) {
      while (isUnchanged(library.recipe[index].op))
        index = library.recipe[index].operands[0];
      if (rangeProblem("", values, dtype).empty())
        return {};
      return judge(rangeProblem(originOf(library, source, index, dtype), values, dtype));
    }
    for (uint32_t operand : operandsOf(*step)) {
      size_t count = countOf(shapeOf(library.recipe[operand]));
      if (auto good = checkRange(operand, values.first(count), dtype); !good)
        return good;
      values = values.subspan(count);
    }
    return {};
  }

private:
  /// What the options say about values that are of no use.
  Result<void> judge(const std::string &problem) const {
    if (problem.empty())
      return {};
    std::string text = source.about() + problem;
    if (!options.allowNonfinite)
      return Error{std::move(text)};
    if (options.warn)
      options.warn(text);
    return {};
  }

  struct Slot {
    Values data;
    bool done = false;
  };

  /// The recipe is the compiler's, but a file on a user's disk: nothing may index out of it.
  Result<void> checkStep(uint32_t value) {
    const vit_recipe_step &step = library.recipe[value];
    auto fail = [&](const char *text) {
      return Error{"the library's recipe is damaged: value " + std::to_string(value) + " " + text};
    };
    if (step.op > VIT_RECIPE_QUANTIZE_PANELS || step.rank > VIT_MAX_RANK ||
        step.file_rank > VIT_MAX_RANK)
      return fail("has an unknown form");
    for (uint32_t operand : operandsOf(step))
      if (operand >= value)
        return fail("uses a later value");
      else if (library.recipe[operand].rank > VIT_MAX_RANK)
        return fail("uses a value of an unknown form");
    if (!isBounded(shapeOf(step)) || !isBounded(fileShapeOf(step)))
      return fail("has a shape that no tensor has");
    for (uint32_t i = 0; i != step.key_count; ++i)
      if (step.keys[i].transposed && step.file_rank != 2)
        return fail("turns a tensor that is no matrix");
    bool hasSource = step.op == VIT_RECIPE_LOAD         ? step.key_count != 0
                     : step.op == VIT_RECIPE_ROPE_TABLE ? step.number_count != 0
                                                        : step.operand_count != 0;
    if (!hasSource)
      return fail("has no operand");
    if (!fitsOperands(step))
      return fail("does not fit its operands");
    return {};
  }

  /// Whether the shape of a step follows from those of its operands.
  bool fitsOperands(const vit_recipe_step &step) const {
    std::span<const int64_t> shape = shapeOf(step), first, second;
    if (step.operand_count > 0)
      first = operandShape(step, 0);
    if (step.operand_count > 1)
      second = operandShape(step, 1);
    size_t count = countOf(shape);
    switch (step.op) {
    case VIT_RECIPE_LOAD:
      return count == countOf(fileShapeOf(step));
    case VIT_RECIPE_SLICE: {
      if (first.empty() || step.first < 0 || step.first > first[0])
        return false;
      size_t row = rowOf(first);
      return row == 0 ? count == 0
                      : count % row == 0 && count / row <= size_t(first[0] - step.first);
    }
    case VIT_RECIPE_CONCAT: {
      size_t sum = 0;
      for (uint32_t i = 0; i != step.operand_count; ++i)
        sum += countOf(operandShape(step, i));
      return sum == count;
    }
    case VIT_RECIPE_PAD:
      return first.size() == shape.size() &&
             std::equal(first.begin(), first.end(), shape.begin(), std::less_equal<int64_t>());
    case VIT_RECIPE_PERMUTE: {
      uint32_t seen = 0;
      for (uint32_t i = 0; i != step.rank; ++i) {
        if (step.order[i] >= first.size() || first[step.order[i]] != shape[i])
          return false;
        seen |= 1u << step.order[i];
      }
      return first.size() == step.rank && seen == (1u << step.rank) - 1;
    }
    case VIT_RECIPE_ADD:
      return step.operand_count == 2 && countOf(first) == count &&
             (countOf(second) == count ||
              (second.size() == 1 && !shape.empty() && second[0] == shape.back()));
    case VIT_RECIPE_SCALE:
      return std::ranges::equal(first, shape) &&
             (step.operand_count == 1 ||
              (second.size() == 1 && step.axis < step.rank && second[0] == shape[step.axis]));
    case VIT_RECIPE_ROW_SUMS:
      return first.size() == 2 && shape.size() == 1 && first[0] == shape[0];
    case VIT_RECIPE_QUANTIZE_PANELS:
      return fitsPanels(step, first);
    case VIT_RECIPE_CAST:
      return countOf(first) == count && step.dtype <= VIT_TF32;
    case VIT_RECIPE_RESHAPE:
      return countOf(first) == count;
    case VIT_RECIPE_RESAMPLE:
    case VIT_RECIPE_RELATIVE_BIAS:
    case VIT_RECIPE_ROPE_TABLE:
      return fitsTable(step, first);
    }
    return false;
  }

  std::span<const int64_t> operandShape(const vit_recipe_step &step, uint32_t i) const {
    return shapeOf(library.recipe[step.operands[i]]);
  }

  /// Operand 0, taken over if this is its last use.
  Values take(const vit_recipe_step &step) {
    Slot &slot = values[step.operands[0]];
    return uses[step.operands[0]] == 1 ? std::move(slot.data) : slot.data;
  }

  Result<Values> compute(uint32_t index) {
    const vit_recipe_step &step = library.recipe[index];
    switch (step.op) {
    case VIT_RECIPE_LOAD: {
      auto loaded = source.load(step);
      if (!loaded)
        return loaded;
      std::string problem = finiteProblem(source.keyOf(step), *loaded);
      if (auto good = judge(problem.empty() ? "" : problem + "; " + source.cure()); !good)
        return good.takeError();
      return loaded;
    }
    case VIT_RECIPE_SLICE: {
      const Values &in = values[step.operands[0]].data;
      auto begin = in.begin() + step.first * int64_t(rowOf(operandShape(step, 0)));
      return Values(begin, begin + int64_t(countOf(shapeOf(step))));
    }
    case VIT_RECIPE_CONCAT: {
      Values out(countOf(shapeOf(step)));
      double *to = out.data();
      for (uint32_t operand : operandsOf(step)) {
        const Values &in = values[operand].data;
        parallelParts(in.size(), 1, [&](size_t begin, size_t end) {
          std::copy(in.begin() + int64_t(begin), in.begin() + int64_t(end), to + begin);
        });
        to += in.size();
      }
      return out;
    }
    case VIT_RECIPE_ADD: {
      const Values &addend = values[step.operands[1]].data; // not moved: its use is still to come
      Values out = take(step);
      size_t width = std::max<size_t>(1, addend.size());
      parallelParts(out.size() / width, width, [&](size_t begin, size_t end) {
        for (size_t row = begin; row != end; ++row)
          for (size_t i = 0; i != width; ++i)
            out[row * width + i] += addend[i];
      });
      return out;
    }
    case VIT_RECIPE_SCALE: {
      Values out = take(step);
      if (step.operand_count == 1)
        scale(out, step.factor, {1}, out.size());
      else
        scale(out, step.factor, values[step.operands[1]].data,
              countOf(shapeOf(step).subspan(step.axis + 1)));
      return out;
    }
    case VIT_RECIPE_ROW_SUMS:
      return rowSums(values[step.operands[0]].data, countOf(shapeOf(step)));
    case VIT_RECIPE_QUANTIZE_PANELS: {
      const Values &in = values[step.operands[0]].data;
      if (auto good = checkRange(step.operands[0], in, VIT_F32); !good)
        return good.takeError();
      return quantizePanels(step, in, size_t(operandShape(step, 0)[1]));
    }
    case VIT_RECIPE_PERMUTE:
      return permute(values[step.operands[0]].data, operandShape(step, 0), step.order);
    case VIT_RECIPE_PAD: {
      Values out(countOf(shapeOf(step)), 0.0);
      if (!values[step.operands[0]].data.empty())
        copyPadded(values[step.operands[0]].data.data(), operandShape(step, 0), out.data(),
                   shapeOf(step));
      return out;
    }
    case VIT_RECIPE_CAST: {
      Values out = take(step);
      if (auto good = checkRange(index, out, step.dtype); !good)
        return good.takeError();
      parallelParts(out.size(), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i != end; ++i)
          out[i] = roundTo(step.dtype, out[i]);
      });
      return out;
    }
    case VIT_RECIPE_RESAMPLE:
      return resample(step, values[step.operands[0]].data);
    case VIT_RECIPE_RELATIVE_BIAS:
      return relativeBias(step, values[step.operands[0]].data);
    case VIT_RECIPE_ROPE_TABLE:
      return ropeTable(step);
    default:
      return take(step); // RESHAPE: the order of the elements does not change
    }
  }

  const vit_library &library;
  WeightSource &source;
  const LoadOptions &options;
  std::vector<Slot> values;
  std::vector<uint32_t> uses; // still to come
};

template <class Stored, class Round>
void storeAll(const Values &values, uint8_t *out, Round round) {
  parallelParts(values.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i != end; ++i) {
      Stored stored = round(values[i]);
      std::memcpy(out + i * sizeof(Stored), &stored, sizeof(Stored));
    }
  });
}

/// Whether a weight is a value of the recipe that has its bytes, inside a part of the arena.
Result<void> checkPlace(const vit_library &library, const vit_prepared &weight, ArenaPart part) {
  auto fail = [&](const char *text) {
    return Error{"the library's weight list is damaged: value " + std::to_string(weight.value) +
                 " " + text};
  };
  if (weight.value >= library.recipe_count)
    return fail("is not in the recipe");
  const vit_recipe_step &step = library.recipe[weight.value];
  size_t count = countOf(shapeOf(step));
  bool hasType =
      step.op == VIT_RECIPE_QUANTIZE_PANELS ? weight.dtype == VIT_I8 : weight.dtype <= VIT_TF32;
  if (!hasType || count * sizeOf(weight.dtype) != weight.bytes || !part.holds(weight))
    return fail("does not fit its place");
  return {};
}

/// Values of a weight whose place is checked, as its type has them.
void store(uint32_t dtype, const Values &values, uint8_t *out) {
  switch (dtype) {
  case VIT_F16:
    storeAll<uint16_t>(values, out, doubleToHalf);
    break;
  case VIT_BF16:
    storeAll<uint16_t>(values, out, doubleToBfloat);
    break;
  case VIT_TF32:
    storeAll<float>(values, out, doubleToTf32);
    break;
  case VIT_F32:
    storeAll<float>(values, out, [](double v) { return float(v); });
    break;
  case VIT_I8:
    storeAll<int8_t>(values, out, [](double v) { return int8_t(v); });
    break;
  default:
    storeAll<double>(values, out, [](double v) { return v; });
    break;
  }
}

using Weights = std::vector<const vit_prepared *>;

/// The weights in a part of the arena; those without bytes are made for each size.
Weights weightsIn(const vit_library &library, ArenaPart part) {
  Weights weights;
  for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
    if (part.has(weight) && weight.bytes)
      weights.push_back(&weight);
  return weights;
}

/// Wants every weight in a part of the arena.
Result<void> wantAll(const vit_library &library, Evaluator &evaluator, ArenaPart part) {
  for (const vit_prepared *weight : weightsIn(library, part)) {
    if (auto good = evaluator.want(weight->value); !good)
      return good;
    if (auto good = checkPlace(library, *weight, part); !good)
      return good;
  }
  return {};
}

/// Zeros between the weights.
void clearGaps(Weights weights, ArenaPart part, std::span<uint8_t> arena) {
  std::ranges::sort(weights, {}, &vit_prepared::offset);
  uint64_t end = part.begin;
  auto clear = [&](uint64_t next) {
    if (end < next)
      std::ranges::fill(arena.subspan(end - part.begin, next - end), uint8_t(0));
  };
  for (const vit_prepared *weight : weights) {
    clear(weight->offset);
    end = std::max(end, weight->offset + weight->bytes);
  }
  clear(part.end);
}

/// Fills what is only moved, several weights at a time, and returns the others.
Weights moveWeights(const vit_library &library, const WeightSource &source, const Weights &weights,
                    ArenaPart part, std::span<uint8_t> arena) {
  std::vector<std::optional<WeightMove>> moves;
  for (const vit_prepared *weight : weights)
    moves.push_back(WeightMove::plan(library, source, *weight));
  std::vector<char> done(weights.size()); // not of bool: threads write it
  // Without memory for one, it and what follows is left to the general way, which says so.
  (void)parallelFor(weights.size(), [&](size_t i) -> Status {
    done[i] = moves[i] && moves[i]->execute(arena.data() + (weights[i]->offset - part.begin));
    return {};
  });
  Weights others;
  for (size_t i = 0; i != weights.size(); ++i)
    if (!done[i])
      others.push_back(weights[i]);
  return others;
}

/// What lies one after the other in a value: that which it is put together of, or the value itself.
/// Each goes to its place by itself, and the whole is never in memory as f64. Of a checked recipe.
std::vector<uint32_t> piecesOf(const vit_library &library, uint32_t value) {
  constexpr size_t most = 4096; // a damaged recipe may have any number
  std::vector<uint32_t> pieces, open = {value};
  while (!open.empty()) {
    const vit_recipe_step &step = library.recipe[open.back()];
    if (step.op != VIT_RECIPE_CONCAT) {
      pieces.push_back(open.back());
      open.pop_back();
      continue;
    }
    if (pieces.size() + open.size() + step.operand_count > most)
      return {value};
    open.pop_back();
    for (uint32_t i = step.operand_count; i-- != 0;)
      open.push_back(step.operands[i]);
  }
  return pieces;
}

} // namespace

Result<void> checkRecipe(const vit_library &library) {
  FunctionSource nothing({});
  LoadOptions options;
  Evaluator evaluator(library, nothing, options);
  if (auto good = wantAll(library, evaluator, wholeArena(library)); !good)
    return good;
  constexpr int64_t sizes[][2] = {{1, 1}, {3, 5}};
  for (const vit_plan &plan : std::span(library.plans, library.plan_count))
    for (auto [height, width] : sizes) {
      if (!plan.max_tokens)
        continue;
      ArenaPart part = arenaPart(library, library.targets[plan.target]);
      auto sized = SizedRecipe::make(library, &plan, part, height, width);
      if (!sized)
        return sized.takeError();
      Evaluator other(sized->library(), nothing, options);
      if (auto good = wantAll(sized->library(), other, wholeArena(sized->library())); !good)
        return good;
    }
  return {};
}

Result<void> prepareWeights(const vit_library &library, WeightSource &source,
                            std::span<uint8_t> arena, const LoadOptions &options,
                            const vit_target *target) {
  ArenaPart part = target ? arenaPart(library, *target) : wholeArena(library);
  if (arena.size() != part.bytes())
    return Error{"the weight arena has " + std::to_string(arena.size()) +
                 " bytes, the library needs " + std::to_string(part.bytes())};
  if (auto good = source.check(library); !good)
    return good;
  Evaluator all(library, source, options);
  if (auto good = wantAll(library, all, part); !good)
    return good;
  Weights weights = weightsIn(library, part);
  clearGaps(weights, part, arena);
  weights = moveWeights(library, source, weights, part, arena);
  Evaluator evaluator(library, source, options);
  std::vector<std::vector<uint32_t>> pieces;
  for (const vit_prepared *weight : weights) {
    pieces.push_back(piecesOf(library, weight->value));
    for (uint32_t piece : pieces.back())
      if (auto good = evaluator.want(piece); !good)
        return good;
  }
  for (size_t i = 0; i != weights.size(); ++i) {
    uint8_t *out = arena.data() + (weights[i]->offset - part.begin);
    for (uint32_t piece : pieces[i]) {
      if (auto done = evaluator.evaluate(piece); !done)
        return done;
      const Values &values = evaluator.value(piece);
      if (auto good = evaluator.checkRange(piece, values, weights[i]->dtype); !good)
        return good;
      store(weights[i]->dtype, values, out);
      out += values.size() * sizeOf(weights[i]->dtype);
      evaluator.release(piece);
    }
  }
  return {};
}

Result<std::vector<double>> evaluateRecipe(const vit_library &library, WeightSource &source,
                                           uint32_t value) {
  LoadOptions options;
  options.allowNonfinite = true; // a reference computes with what there is
  Evaluator evaluator(library, source, options);
  if (auto good = evaluator.want(value); !good)
    return good.takeError();
  if (auto done = evaluator.evaluate(value); !done)
    return done.takeError();
  const Values &values = evaluator.value(value);
  return std::vector<double>(values.begin(), values.end());
}

} // namespace vitrt
