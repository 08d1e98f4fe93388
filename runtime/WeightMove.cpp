//===- WeightMove.cpp - Weights that are tensors in another order ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A value of the recipe is a list of pieces, whose places are linear: those of a
// row-major array of any shape, so that a RESHAPE changes nothing. A PAD or a
// PERMUTE changes how far apart neighbours along a dimension are; for it, runs
// are split where they cross the boundary of one.
//===----------------------------------------------------------------------===//
#include "runtime/WeightMove.h"
#include "runtime/RecipeSteps.h"
#include "weights/Float.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace vitrt {
namespace {

using Run = WeightMove::Run;
using Piece = WeightMove::Piece;
using Pieces = std::vector<Piece>;
using Steps = std::array<size_t, VIT_MAX_RANK>;

constexpr size_t mostPieces = 4096; ///< of a weight; more is for the general way
constexpr int mostSteps = 32;       ///< from a tensor to a weight, likewise

/// How far apart neighbours along each dimension of a row-major array are.
Steps stepsOf(std::span<const int64_t> shape) {
  Steps steps = {};
  for (size_t i = 0; i != shape.size(); ++i)
    steps[i] = countOf(shape.subspan(i + 1));
  return steps;
}

size_t elementsOf(const Piece &piece) {
  size_t count = 1;
  for (const Run &run : piece.runs)
    count *= run.count;
  return count;
}

/// Some elements of a run of `piece`, which they replace: `count` from `first` on.
Piece partOf(const Piece &piece, size_t index, size_t first, size_t count) {
  Piece part = piece;
  Run &run = part.runs[index];
  part.from += first * run.from;
  part.to += first * run.to;
  run.count = count;
  if (count == 1)
    part.runs.erase(part.runs.begin() + ptrdiff_t(index));
  return part;
}

/// The same of blocks of `size` elements each.
Piece blocksOf(const Piece &piece, size_t index, size_t first, size_t blocks, size_t size) {
  Piece part = partOf(piece, index, first, size);
  const Run &run = piece.runs[index];
  if (blocks != 1)
    part.runs.push_back({blocks, run.from * size, run.to * size});
  return part;
}

/// Appends the run's elements in blocks of `size`, the first of which begins before it does, at
/// element -phase.
void appendBlocks(const Piece &piece, size_t index, size_t phase, size_t size, Pieces &out) {
  size_t count = piece.runs[index].count, head = std::min(count, (size - phase) % size);
  size_t blocks = (count - head) / size, rest = (count - head) % size;
  if (head)
    out.push_back(partOf(piece, index, 0, head));
  if (blocks)
    out.push_back(blocksOf(piece, index, head, blocks, size));
  if (rest)
    out.push_back(partOf(piece, index, count - rest, rest));
}

/// Appends parts of `piece` of which none crosses a multiple of `block` places within a run, and
/// whose runs beyond that step by multiples of it. False if that cannot be.
bool splitAt(size_t block, const Piece &whole, Pieces &out) {
  Pieces open = {whole};
  while (!open.empty()) {
    if (out.size() + open.size() > mostPieces)
      return false;
    Piece piece = std::move(open.back());
    open.pop_back();
    auto crosses = [&](const Run &run) {
      if (run.to >= block)
        return run.to % block != 0;
      return block % run.to != 0 || piece.to % block / run.to + run.count > block / run.to;
    };
    auto found = std::ranges::find_if(piece.runs, crosses);
    if (found == piece.runs.end()) {
      out.push_back(std::move(piece));
      continue;
    }
    size_t index = size_t(found - piece.runs.begin());
    if (found->to >= block) // each element begins elsewhere in its block
      for (size_t i = 0; i != found->count && open.size() <= mostPieces; ++i)
        open.push_back(partOf(piece, index, i, 1));
    else if (block % found->to != 0)
      return false;
    else
      appendBlocks(piece, index, piece.to % block / found->to, block / found->to, open);
  }
  return true;
}

/// Places of an array of `shape` become those of one whose neighbours along each dimension are
/// `steps` apart. False where a run goes along more than one dimension.
bool place(Piece &piece, std::span<const int64_t> shape, const Steps &steps) {
  Steps old = stepsOf(shape), last = {};
  size_t rest = piece.to;
  piece.to = 0;
  for (size_t i = 0; i != shape.size(); ++i) {
    last[i] = rest / old[i];
    rest %= old[i];
    piece.to += last[i] * steps[i];
  }
  for (Run &run : piece.runs) {
    size_t i = 0;
    while (i != shape.size() && old[i] > run.to)
      ++i;
    if (i == shape.size() || run.to % old[i] != 0)
      return false;
    size_t times = run.to / old[i];
    last[i] += times * (run.count - 1);
    run.to = times * steps[i];
  }
  for (size_t i = 0; i != shape.size(); ++i)
    if (last[i] >= size_t(shape[i]))
      return false;
  return true;
}

bool placeAll(Pieces &pieces, std::span<const int64_t> shape, const Steps &steps) {
  for (size_t i = shape.size(); i-- > 1;) {
    Pieces split;
    for (const Piece &piece : pieces)
      if (!splitAt(stepsOf(shape)[i - 1], piece, split))
        return false;
    pieces = std::move(split);
  }
  return std::ranges::all_of(pieces, [&](Piece &piece) { return place(piece, shape, steps); });
}

/// Keeps places `begin` to `end` and counts from `begin`. False if a piece is cut that is more
/// than elements in their order.
bool slice(Pieces &pieces, size_t begin, size_t end) {
  Pieces kept;
  for (Piece &piece : pieces) {
    bool isLine = piece.runs.empty() || (piece.runs.size() == 1 && piece.runs[0].to == 1);
    if (!isLine)
      return false;
    size_t first = std::max(begin, piece.to), last = std::min(end, piece.to + elementsOf(piece));
    if (first >= last)
      continue;
    if (!piece.runs.empty())
      piece = partOf(piece, 0, first - piece.to, last - first);
    piece.to -= begin;
    kept.push_back(std::move(piece));
  }
  pieces = std::move(kept);
  return true;
}

/// Follows the steps back from a weight to its tensors.
class Follower {
public:
  Follower(const vit_library &library, const WeightSource &source, uint32_t dtype)
      : library(library), source(source), dtype(dtype) {}

  bool follow(uint32_t value, int depth, Pieces &out) {
    const vit_recipe_step &step = library.recipe[value];
    if (depth == mostSteps || ++followed > mostPieces || countOf(shapeOf(step)) == 0)
      return false;
    if (step.op == VIT_RECIPE_LOAD)
      return load(step, out);
    if (step.op == VIT_RECIPE_CONCAT)
      return concat(step, depth, out);
    if (!isMove(step) || !follow(step.operands[0], depth + 1, out))
      return false;
    std::span<const int64_t> operand = shapeOf(library.recipe[step.operands[0]]);
    switch (step.op) {
    case VIT_RECIPE_SLICE: {
      size_t begin = size_t(step.first) * rowOf(operand);
      return slice(out, begin, begin + countOf(shapeOf(step)));
    }
    case VIT_RECIPE_PAD:
      return placeAll(out, operand, stepsOf(shapeOf(step)));
    case VIT_RECIPE_PERMUTE: {
      Steps result = stepsOf(shapeOf(step)), steps = {};
      for (size_t i = 0; i != operand.size(); ++i)
        steps[step.order[i]] = result[i];
      return placeAll(out, operand, steps);
    }
    default:
      return true;
    }
  }

private:
  /// Rounding twice would not be rounding once; to f32 it is none.
  bool isMove(const vit_recipe_step &step) const {
    switch (step.op) {
    case VIT_RECIPE_SLICE:
    case VIT_RECIPE_PAD:
    case VIT_RECIPE_RESHAPE:
    case VIT_RECIPE_PERMUTE:
      return true;
    case VIT_RECIPE_CAST:
      return step.dtype == dtype || step.dtype == VIT_F32;
    default:
      return false;
    }
  }

  /// Of a type that f32 holds.
  bool load(const vit_recipe_step &step, Pieces &out) const {
    auto [tensor, transposed] = source.stored(step);
    if (!tensor || !isFloat(tensor->type) || tensor->type == FileType::F64)
      return false;
    Piece piece = {tensor, 0, 0, {{countOf(shapeOf(step)), 1, 1}}};
    if (transposed) {
      auto rows = size_t(step.file_shape[0]), columns = size_t(step.file_shape[1]);
      piece.runs = {{rows, 1, columns}, {columns, rows, 1}};
    }
    std::erase_if(piece.runs, [](const Run &run) { return run.count == 1; });
    out.push_back(std::move(piece));
    return true;
  }

  bool concat(const vit_recipe_step &step, int depth, Pieces &out) {
    size_t begin = 0;
    for (uint32_t operand : operandsOf(step)) {
      Pieces part;
      if (!follow(operand, depth + 1, part) || out.size() + part.size() > mostPieces)
        return false;
      for (Piece &piece : part) {
        piece.to += begin;
        out.push_back(std::move(piece));
      }
      begin += countOf(shapeOf(library.recipe[operand]));
    }
    return true;
  }

  const vit_library &library;
  const WeightSource &source;
  const uint32_t dtype;
  size_t followed = 0; // steps, of which a damaged recipe may lead through any number
};

/// Elements that are read at once: they and what becomes of them stay in the second-level cache.
constexpr size_t mostAtOnce = size_t(1) << 17;
/// Fewer than these are not worth a call of the system.
constexpr size_t fewAtOnce = 512;

/// Of runs by `from`, the shortest first: how many of them are one stretch of the file, and its
/// elements.
struct Stretch {
  size_t runs = 0, count = 1;
};
Stretch stretchOf(const Piece &piece) {
  Stretch stretch;
  for (; stretch.runs != piece.runs.size(); ++stretch.runs) {
    const Run &run = piece.runs[stretch.runs];
    if (run.from != stretch.count || run.count > mostAtOnce / stretch.count)
      break;
    stretch.count *= run.count;
  }
  return stretch;
}

void sortRuns(Piece &piece) { std::ranges::sort(piece.runs, {}, &Run::from); }

/// Pieces whose stretches are as long as is good. False if they are too short.
bool cut(Pieces &pieces) {
  Pieces done;
  for (Piece &piece : pieces) {
    sortRuns(piece);
    Stretch stretch = stretchOf(piece);
    size_t size = mostAtOnce / stretch.count;
    if (stretch.runs != piece.runs.size() && piece.runs[stretch.runs].from == stretch.count &&
        size > 1)
      appendBlocks(piece, stretch.runs, 0, size, done);
    else
      done.push_back(std::move(piece));
  }
  pieces = std::move(done);
  for (Piece &piece : pieces) {
    sortRuns(piece);
    if (stretchOf(piece).count < std::min(fewAtOnce, elementsOf(piece)))
      return false;
  }
  return true;
}

/// Writes lines of the file, which `line` leads along and `lines` from one to the next: a cache
/// line of each at a time.
template <class Word> void scatterLines(const Word *in, Word *out, Run lines, Run line) {
  size_t most = line.to == 1 ? line.count : 64 / sizeof(Word);
  for (size_t begin = 0; begin < line.count; begin += most)
    for (size_t i = 0, end = std::min(line.count, begin + most); i != lines.count; ++i)
      if (line.to == 1)
        std::copy_n(in + i * lines.from, line.count, out + i * lines.to);
      else
        for (size_t j = begin; j != end; ++j)
          out[i * lines.to + j * line.to] = in[i * lines.from + j];
}

/// Writes a stretch; `runs` have the shortest first.
template <class Word> void scatter(const Word *in, Word *out, std::span<const Run> runs) {
  Run one = {1, 1, 1};
  if (runs.size() <= 2)
    return scatterLines(in, out, runs.size() == 2 ? runs[1] : one, runs.empty() ? one : runs[0]);
  for (size_t i = 0; i != runs.back().count; ++i)
    scatter(in + i * runs.back().from, out + i * runs.back().to, runs.first(runs.size() - 1));
}

/// The bits of a value of each type; `exponent` is what infinities and NaN have in full.
struct Half {
  using Word = uint16_t;
  static constexpr Word exponent = 0x7C00, sign = 0x8000;
  static Word round(float value) { return doubleToHalf(value); }
};
struct Bfloat {
  using Word = uint16_t;
  static constexpr Word exponent = 0x7F80, sign = 0x8000;
  static Word round(float value) { return floatToBfloat(value); }
};
struct Tf32 {
  using Word = uint32_t;
  static constexpr Word exponent = 0x7F800000, sign = 0x80000000;
  static Word round(float value) { return std::bit_cast<Word>(doubleToTf32(value)); }
};
struct Float {
  using Word = uint32_t;
  static constexpr Word exponent = 0x7F800000, sign = 0x80000000;
  static Word round(float value) { return std::bit_cast<Word>(value); }
};

/// Rounds the values of a piece, and sees what the general way would speak of.
template <class Type> class Rounding {
public:
  using Word = typename Type::Word;

  /// False: one is no number, or too large.
  bool apply(std::span<const float> values, Word *out) {
    bool good = true, any = false, lost = false;
    for (size_t i = 0; i != values.size(); ++i) {
      Word word = out[i] = Type::round(values[i]);
      bool isZero = (word & Word(~Type::sign)) == 0;
      good &= (word & Type::exponent) != Type::exponent;
      any |= !isZero;
      lost |= isZero & (values[i] != 0);
    }
    survives |= any;
    vanishes |= lost;
    return good;
  }
  /// Nothing but values too small has been seen.
  bool isLost() const { return vanishes && !survives; }

private:
  bool survives = false, vanishes = false;
};

/// Calls body(from, to) for the first place of each stretch of a piece.
template <class Body> bool forEach(std::span<const Run> runs, size_t from, size_t to, Body body) {
  if (runs.empty())
    return body(from, to);
  for (size_t i = 0; i != runs.back().count; ++i)
    if (!forEach(runs.first(runs.size() - 1), from + i * runs.back().from, to + i * runs.back().to,
                 body))
      return false;
  return true;
}

/// Moves the pieces of one weight.
template <class Type> class Mover {
public:
  using Word = typename Type::Word;

  Mover(const Pieces &pieces, uint8_t *out) : pieces(pieces), out(reinterpret_cast<Word *>(out)) {
    size_t most = 0;
    for (const Piece &piece : pieces)
      most = std::max(most, stretchOf(piece).count);
    values.resize(most);
    words.resize(most);
  }

  bool moveAll() {
    bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(Word) == 0; // else it is damaged
    return aligned && std::ranges::all_of(pieces, [&](const Piece &piece) { return move(piece); });
  }

private:
  bool move(const Piece &piece) {
    Stretch stretch = stretchOf(piece);
    std::span<const Run> runs(piece.runs);
    std::span<float> read(values.data(), stretch.count);
    Rounding<Type> rounding;
    auto moveStretch = [&](size_t from, size_t to) {
      if (!readF32(*piece.tensor, from, read) || !rounding.apply(read, words.data()))
        return false;
      scatter(words.data(), out + to, runs.first(stretch.runs));
      return true;
    };
    return forEach(runs.subspan(stretch.runs), piece.from, piece.to, moveStretch) &&
           !rounding.isLost();
  }

  const Pieces &pieces;
  Word *const out;
  std::vector<float> values;
  std::vector<Word> words;
};

} // namespace

std::optional<WeightMove> WeightMove::plan(const vit_library &library, const WeightSource &source,
                                           const vit_prepared &weight) {
  WeightMove move;
  move.dtype = weight.dtype;
  move.bytes = weight.bytes;
  if (weight.dtype == VIT_F64 ||
      !Follower(library, source, weight.dtype).follow(weight.value, 0, move.pieces) ||
      !cut(move.pieces))
    return {};
  size_t count = 0;
  for (const Piece &piece : move.pieces)
    count += elementsOf(piece);
  move.hasZeros = count != countOf(shapeOf(library.recipe[weight.value]));
  return move;
}

bool WeightMove::execute(uint8_t *out) const {
  if (hasZeros)
    std::memset(out, 0, bytes);
  switch (dtype) {
  case VIT_F16:
    return Mover<Half>(pieces, out).moveAll();
  case VIT_BF16:
    return Mover<Bfloat>(pieces, out).moveAll();
  case VIT_TF32:
    return Mover<Tf32>(pieces, out).moveAll();
  default:
    return Mover<Float>(pieces, out).moveAll();
  }
}

} // namespace vitrt
