//===- RandomModel.cpp - Random models in the DSL -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "test/models/RandomModel.h"

#include "vitc/dsl/Layers.h"

#include <algorithm>

using namespace vitc;
using namespace vitc::graph;
using vitc::test::RandomModel;
using vitc::test::RandomModelOptions;

namespace {

/// Numbers from a seed and a place, the same with every standard library (splitmix64).
class Random {
public:
  explicit Random(std::uint64_t seed) : state(seed) {}
  /// Independent of what was and will be drawn here.
  Random at(std::int64_t place) const {
    return Random(Random(state ^ Random(place).next()).next());
  }
  std::uint64_t next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// In [0, n).
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % n); }
  bool oneIn(std::int64_t n) { return below(n) == 0; }
  template <class T> const T &pick(const std::vector<T> &values) {
    return values[below(static_cast<std::int64_t>(values.size()))];
  }

private:
  std::uint64_t state;
};

struct HeadSizes {
  std::int64_t heads, headDim;
};

/// What sizes are drawn from.
struct Sizes {
  std::int64_t channels, image;
  std::vector<std::int64_t> embedPatches; ///< of the patches that become tokens, squares
  std::vector<std::int64_t> patches, widths, columns;
  std::vector<HeadSizes> heads;
  bool overBatch; ///< some attention is over the batch, which holds few images
};

/// Odd columns, K that is no multiple of 8, rows narrower than a warp.
const Sizes smallSizes{2,
                       16,
                       {4},
                       {2, 4, 8},
                       {24, 32, 40, 64},
                       {8, 24, 33, 50, 64, 97},
                       {{1, 16}, {1, 24}, {2, 16}, {1, 32}, {4, 16}},
                       true};
/// None of these widths is in bench/data/register-calibration.csv.
const Sizes wideSizes{3,
                      224,
                      {16, 28, 32},
                      {8, 16, 28, 32},
                      {320, 448, 640, 896, 1152, 1408},
                      {320, 1000, 1152, 1280, 2560, 3584},
                      {{5, 64}, {7, 64}, {10, 64}, {6, 96}, {8, 56}, {4, 32}},
                      false};

/// One root and the ops around it.
struct Case {
  Case(const Sizes &sizes, Value pixels, Random random) : sizes(sizes), pixels(pixels) {
    width = random.at(0).pick(sizes.widths);
  }

  /// A weight [rows, columns]: whole, some rows of a larger one, or one below the other.
  Value matrix(Scope s, std::int64_t rows, std::int64_t columns, Random r) const {
    if (rows >= 2 && r.oneIn(4)) {
      std::int64_t above = 1 + r.below(rows - 1);
      return concat(s / "weights", {weight(s / 0 / "weight", {above, columns}),
                                    weight(s / 1 / "weight", {rows - above, columns})});
    }
    if (r.oneIn(4)) {
      std::int64_t first = r.below(9);
      return slice(s / "rows", weight(s / "weight", {first + rows + 1, columns}), first, rows);
    }
    return weight(s / "weight", {rows, columns});
  }

  /// Tokens [batch, tokens, width], with no, one or three rows before those of the patches.
  Value tokens(Scope s, Random r) const {
    std::int64_t patch = r.pick(sizes.embedPatches);
    Value x = dsl::PatchEmbed{patch, patch, width}(s / "embed", pixels);
    std::int64_t lead = r.pick<std::int64_t>({0, 1, 3});
    if (lead)
      x = prepend(s / "lead", weight(s / "lead" / "weight", {lead, width}), x);
    Shape shape = s.shape(x);
    return position(s / "position", x, weight(s / "position" / "weight", {shape[1], shape[2]}));
  }

  /// A value that elementwise ops may read.
  Value any(Random &r) const { return r.pick(values); }
  Shape shape(Scope s) const { return s.shape(values.front()); }

  const Sizes &sizes;
  Value pixels;
  std::int64_t width;
  std::vector<Value> values; // all of one shape
  std::vector<Value> before; // of the same shape, from before the root: residuals
};

/// What a case can do with an op of the graph.
struct Entry {
  enum Role { None, Part, Root, Elementwise } role; // parts are made where others need them
  Value (*append)(Case &, Scope, Random) = nullptr;
};

template <Value (*Function)(Scope, Value)> Value unaryOf(Case &c, Scope s, Random r) {
  return Function(s, c.any(r));
}

/// The one table, without a default: an op without an entry does not compile.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
Entry entryOf(Op op) {
  switch (op) {
  case Op::Weight:
  case Op::Slice:
  case Op::Concat:
  case Op::Reshape:
  case Op::Permute:
    return {Entry::Part};
  // Made by no case: they need the grid of the tokens, or stand between other ops.
  case Op::Resample:
  case Op::RelativeBias:
  case Op::RopeTable:
  case Op::Rope:
  case Op::Append:
  case Op::SliceTokens:
  case Op::MeanTokens:
  case Op::MergePatches:
    return {Entry::Part};
  case Op::Input: // elementwise ops alone
    return {Entry::Root, [](Case &c, Scope, Random) { return c.pixels; }};
  case Op::Patchify:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              PatchOrder order = r.oneIn(2) ? PatchOrder::Conv : PatchOrder::Unfold;
              std::int64_t height = r.pick(c.sizes.patches);
              return patchify(s, c.pixels, order, height, r.pick(c.sizes.patches));
            }};
  case Op::Prepend:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              Value x = c.tokens(s, r.at(0));
              return prepend(s, c.matrix(s, r.pick<std::int64_t>({1, 2}), c.width, r.at(1)), x);
            }};
  case Op::Broadcast:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              return broadcast(s, c.matrix(s, r.pick<std::int64_t>({1, 3}), c.width, r.at(1)));
            }};
  case Op::Select:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              Value x = c.tokens(s, r.at(0));
              return select(s, x, r.below(s.shape(x)[1]));
            }};
  case Op::LayerNorm:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              Value x = c.any(r);
              Shape vector = {s.shape(x).width()};
              Value scale = weight(s / "weight", vector);
              return layerNorm(s, x, scale, weight(s / "bias", vector), 1e-6);
            }};
  case Op::RmsNorm:
    return {Entry::Root,
            [](Case &c, Scope s, Random r) { return dsl::RmsNorm{1e-6}(s, c.any(r)); }};
  case Op::Linear:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              Value x = c.tokens(s, r.at(0));
              std::int64_t columns = r.oneIn(3) ? c.width : r.pick(c.sizes.columns);
              if (columns == c.width)
                c.before = {x};
              return linear(s, x, c.matrix(s, columns, c.width, r.at(1)));
            }};
  case Op::Attention:
    return {Entry::Root, [](Case &c, Scope s, Random r) {
              HeadSizes sizes = r.pick(c.sizes.heads);
              Heads how{.heads = sizes.heads, .headDim = sizes.headDim};
              std::int64_t columns = how.heads * how.headDim;
              c.width = columns;
              Value x = c.tokens(s, r.at(0));
              c.before = {x};
              if (c.sizes.overBatch && r.oneIn(4))
                how.axis = Axis::Batch;
              if (r.oneIn(2)) {
                x = dsl::Linear{3 * columns}(s / "qkv", x);
                how.offsets[1] = columns, how.offsets[2] = 2 * columns;
              }
              return attention(s, x, x, x, how);
            }};
  case Op::Position:
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              Shape shape = c.shape(s);
              if (shape.rank != 3) // one token: a bias is its table
                return biasAdd(s, c.any(r), weight(s / "bias", {shape.width()}));
              return position(s, c.any(r), weight(s / "weight", {shape[1], shape[2]}));
            }};
  case Op::BiasAdd:
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              return biasAdd(s, c.any(r), weight(s / "bias", {c.shape(s).width()}));
            }};
  case Op::Gelu:
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              Value x = c.any(r);
              return gelu(s, x, r.pick<GeluForm>({GeluForm::Erf, GeluForm::Tanh, GeluForm::Quick}));
            }};
  case Op::Relu:
    return {Entry::Elementwise, unaryOf<relu>};
  case Op::Silu:
    return {Entry::Elementwise, unaryOf<silu>};
  case Op::Sigmoid:
    return {Entry::Elementwise, unaryOf<sigmoid>};
  case Op::Tanh:
    return {Entry::Elementwise, unaryOf<graph::tanh>};
  case Op::Scale:
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              Value x = c.any(r);
              double factor = 0.25 + static_cast<double>(r.below(64)) / 64;
              if (r.oneIn(2))
                return scale(s, x, factor);
              return scale(s, x, factor, columns(weight(s / "weight", {c.shape(s).width()})));
            }};
  case Op::Add:
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              Value x = c.any(r);
              return add(s, x, !c.before.empty() && r.oneIn(2) ? r.pick(c.before) : c.any(r));
            }};
  case Op::Mul: // by a gate within [-1, 1], so that products do not grow
    return {Entry::Elementwise, [](Case &c, Scope s, Random r) {
              Value x = c.any(r);
              return mul(s, x, graph::tanh(s / "gate", c.any(r)));
            }};
  }
  return {Entry::None};
}

#pragma GCC diagnostic pop

std::vector<Op> opsOf(Entry::Role role) {
  std::vector<Op> ops;
  for (int i = 0; entryOf(static_cast<Op>(i)).role != Entry::None; ++i)
    if (entryOf(static_cast<Op>(i)).role == role)
      ops.push_back(static_cast<Op>(i));
  return ops;
}

class Builder {
public:
  Builder(RandomModel &model, const RandomModelOptions &options)
      : model(model), options(options), sizes(options.wide ? wideSizes : smallSizes),
        pixels(input(model.graph / "pixel_values",
                     {batch, sizes.channels, sizes.image, sizes.image})) {}

  void build(std::int64_t number) {
    Random random = Random(options.seed).at(number);
    Scope s = model.graph / "case" / number;
    Case c(sizes, pixels, random.at(0));
    Op root = options.root.value_or(roots[number % static_cast<std::int64_t>(roots.size())]);
    std::int64_t ops = 0;
    if (root == Op::LayerNorm || root == Op::RmsNorm) {
      c.values = {c.tokens(s, random.at(1))};
      c.before = c.values;
      elementwise(c, s, random, ops, random.at(2).below(3));
    }
    Value value = entryOf(root).append(c, s / "root", random.at(3));
    c.values = {value};
    if (root == Op::Input)
      c.before = {};
    elementwise(c, s, random, ops, 2 + random.at(4).below(std::max(1, options.mostOps - 1)));
    output(s, c.values.back());
    if (c.values.size() > 2 && random.at(5).oneIn(3))
      output(s / "b", c.values[c.values.size() - 2]);
  }

private:
  void elementwise(Case &c, Scope s, const Random &random, std::int64_t &number,
                   std::int64_t count) {
    for (std::int64_t end = number + count; number < end; ++number) {
      if (std::ranges::find(options.dropped, number) != options.dropped.end())
        continue;
      Random r = random.at(100 + number);
      c.values.push_back(entryOf(r.pick(kinds)).append(c, s / "op" / number, r.at(0)));
    }
  }

  RandomModel &model;
  const RandomModelOptions &options;
  const Sizes &sizes;
  Value pixels;
  const std::vector<Op> roots = opsOf(Entry::Root), kinds = opsOf(Entry::Elementwise);
};

} // namespace

std::vector<Op> vitc::test::randomModelRoots() { return opsOf(Entry::Root); }

RandomModel vitc::test::randomModel(const RandomModelOptions &options) {
  RandomModel model;
  Builder builder(model, options);
  for (std::int64_t i = 0; i < options.count; ++i)
    builder.build(options.first + i);
  return model;
}
