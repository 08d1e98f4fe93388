//===- Graph.h - The ops of a model -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A function for each op appends it to the value (Value.h) and infers the shape
// of its result. In the order of a ViT block; their meaning is in
// dialect/VitOps.td.
//===----------------------------------------------------------------------===//
#ifndef VITC_GRAPH_GRAPH_H
#define VITC_GRAPH_GRAPH_H

#include "vitc/graph/Value.h"

namespace vitc::graph {

/// An argument of the model: [batch, sizes...]. Its name is the name of the place.
constexpr Value input(Scope at, Shape shape) {
  if (!usable(at, {}))
    return {};
  if (!shape.isActivation())
    return fail(at, Op::Input, "an input of shape", {batch, 3, 224, 224}, shape);
  for (const Node &other : at.graph->nodes)
    if (other.op == Op::Input && detail::sameName(*at.graph, other.name, at.name))
      return fail(at, Op::Input, "a name of its own: there is an input of shape", other.shape,
                  shape);
  return append(at, makeNode(Op::Input, shape), {});
}

/// A tensor of the checkpoint; its name becomes its key. `fileShape` is its shape there. No two
/// weights have one name, for then a forgotten index would make layers share theirs; who wants that
/// uses a value again, or shared().
constexpr Value weight(Scope at, Shape shape, Shape fileShape = {}) {
  if (!usable(at, {}))
    return {};
  if (fileShape.rank && fileShape.elements() != shape.elements())
    return fail(at, Op::Weight, "a shape in the file with the elements of", shape, fileShape);
  Node node = makeNode(Op::Weight, shape);
  if (fileShape != shape)
    node.fileShape = fileShape;
  int known = detail::weightNamed(*at.graph, at.name);
  if (known < 0) {
    Value value = append(at, node, {});
    if (value.id >= 0)
      detail::rememberWeight(*at.graph, value.id);
    return value;
  }
  const Node &first = at.graph->nodes[known];
  if (!at.isShared)
    return fail(at, Op::Weight, "a name of its own or a shared() place: there is a weight of shape",
                first.shape, shape);
  if (first.shape != shape)
    return fail(at, Op::Weight, "the shape of the weight that it shares,", first.shape, shape);
  if (first.fileShape != node.fileShape)
    return fail(at, Op::Weight, "the shape in the file of the weight that it shares,",
                first.fileShape.rank ? first.fileShape : first.shape,
                fileShape.rank ? fileShape : shape);
  return {known, first.mark};
}

/// Rows [first, first + rows) of a weight.
constexpr Value slice(Scope at, Value x, std::int64_t first, std::int64_t rows) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.isActivation() || first < 0 || rows < 1 || first > shape[0] || rows > shape[0] - first)
    return fail(at, Op::Slice, "rows (first, count) of a weight of shape", shape, {first, rows});
  shape.dims[0] = rows;
  Node node = makeNode(Op::Slice, shape);
  node.first = first;
  return append(at, node, {x});
}

/// Weights one below the other: two or more.
constexpr Value concat(Scope at, Values parts) {
  if (!usable(at, parts))
    return {};
  if (parts.size() < 2)
    return fail(at, Op::Concat, "operands, at least", {2},
                {static_cast<std::int64_t>(parts.size())});
  Shape shape = at.shape(parts[0]);
  shape.dims[0] = 0;
  for (Value part : parts) {
    Shape expected = shape, actual = at.shape(part);
    expected.dims[0] = actual.dims[0];
    if (expected != actual || actual.isActivation())
      return fail(at, Op::Concat, "weights of shape", expected, actual);
    shape.dims[0] += actual.dims[0];
  }
  return append(at, makeNode(Op::Concat, shape), parts);
}
constexpr Value concat(Scope at, std::initializer_list<Value> parts) {
  return concat(at, Values(parts.begin(), parts.size()));
}

/// The elements of a weight, in their order, under another shape.
constexpr Value reshape(Scope at, Value x, Shape shape) {
  if (!usable(at, {x}))
    return {};
  if (at.shape(x).isActivation() || shape.isActivation() ||
      at.shape(x).elements() != shape.elements())
    return fail(at, Op::Reshape, "a weight with the elements of", shape, at.shape(x));
  return append(at, makeNode(Op::Reshape, shape), {x});
}

/// A weight whose dimension i is dimension order[i] of `x`.
constexpr Value permute(Scope at, Value x, std::initializer_list<int> order) {
  if (!usable(at, {x}))
    return {};
  Shape from = at.shape(x);
  Node node = makeNode(Op::Permute, from);
  unsigned seen = 0;
  int rank = 0;
  for (int dimension : order)
    if (rank < from.rank && dimension >= 0 && dimension < from.rank) {
      seen |= 1u << dimension;
      node.shape.dims[rank] = from[dimension];
      node.dimensions[rank++] = dimension;
    }
  if (from.isActivation() || seen != (1u << from.rank) - 1 ||
      order.size() != static_cast<std::size_t>(from.rank))
    return fail(at, Op::Permute, "each dimension once of a weight, as many as", {from.rank}, from);
  return append(at, node, {x});
}

/// Sizes of an image or of a grid of tokens.
struct Grid {
  std::int64_t height = 0, width = 0;
  constexpr std::int64_t places() const { return Shape{height, width}.elements(); }
  constexpr bool operator==(const Grid &) const = default;
};

/// How a table of positions is resampled: see vit.resample.
struct Resampling {
  Filter filter = Filter::Cubic;
  bool antialias = false;
};

/// A table with a row for each place of `from`, for `to`.
constexpr Value resample(Scope at, Value table, Grid from, Grid to, Resampling how) {
  if (!usable(at, {table}))
    return {};
  Shape shape = at.shape(table);
  if (shape.rank != 2 || shape.isActivation() || from.places() != shape[0])
    return fail(at, Op::Resample, "a table of the grid, of shape", {from.places(), shape.width()},
                shape);
  if (to.places() < 1)
    return fail(at, Op::Resample, "a grid of positive sizes in place of", {from.height, from.width},
                {to.height, to.width});
  Node node = makeNode(Op::Resample, {to.places(), shape[1]});
  const std::int64_t sizes[4] = {from.height, from.width, to.height, to.width};
  for (int i = 0; i < 4; ++i)
    node.grid[i] = sizes[i];
  node.filter = how.filter;
  node.antialias = how.antialias;
  return append(at, node, {table});
}

/// The bias [tokens, heads, keys] of an attention in a window, `keys` at least as many as tokens,
/// from a table of relative positions; with `lead` 1 behind a class token. A table of other
/// distances says which, `from`, and is resized. See vit.relative_bias.
constexpr Value relativeBias(Scope at, Value table, Grid window, std::int64_t lead,
                             std::int64_t keys, Grid from = {}) {
  if (!usable(at, {table}))
    return {};
  Shape shape = at.shape(table);
  std::int64_t places = window.places(), tokens = places + lead;
  if (places < 1 || lead < 0 || lead > 1)
    return fail(at, Op::RelativeBias, "a window of positive sizes, for a table of shape", shape,
                {window.height, window.width});
  Grid distances = from == Grid{} ? Grid{2 * window.height - 1, 2 * window.width - 1} : from;
  std::int64_t rows = distances.places() + 3 * lead;
  if (shape.rank != 2 || shape.isActivation() || distances.places() < 1 || shape[0] != rows)
    return fail(at, Op::RelativeBias, "a table of shape", {rows, shape.width()}, shape);
  if (keys < tokens)
    return fail(at, Op::RelativeBias, "keys, at least", {tokens}, {keys});
  Node node = makeNode(Op::RelativeBias, {tokens, shape[1], keys});
  const std::int64_t sizes[4] = {window.height, window.width, from.height, from.width};
  for (int i = 0; i < 4; ++i)
    node.grid[i] = sizes[i];
  node.first = lead;
  return append(at, node, {table});
}

/// Where tokens of a grid are, and how fast each pair of columns turns: see vit.rope_table.
struct Rotation {
  double origin[2] = {0, 0}, step[2] = {1, 1}; // y and x of the first token, and to the next
  std::span<const double> rows, columns;       // for each pair: the angle of 1 along y, along x
  /// Parts of both, times the sizes of the grid: what changes with it, and nothing else does.
  double originOver[2] = {0, 0}, stepOver[2] = {0, 0};
};

/// Cosines and sines for every token of `grid`, behind `lead` tokens that are not turned.
constexpr Value ropeTable(Scope at, Grid grid, std::int64_t lead, const Rotation &how) {
  if (!usable(at, {}))
    return {};
  auto pairs = static_cast<std::int64_t>(how.rows.size());
  if (grid.places() < 1 || lead < 0 || pairs < 1 || how.columns.size() != how.rows.size())
    return fail(at, Op::RopeTable, "a grid of positive sizes and as many rates along columns as",
                {pairs}, {static_cast<std::int64_t>(how.columns.size())});
  Node node = makeNode(Op::RopeTable, {lead + grid.places(), 2 * pairs});
  node.grid[0] = grid.height;
  node.grid[1] = grid.width;
  node.first = lead;
  std::vector<double> &numbers = at.graph->numbers;
  node.firstNumber = static_cast<int>(numbers.size());
  numbers.insert(numbers.end(), how.origin, how.origin + 2);
  numbers.insert(numbers.end(), how.step, how.step + 2);
  numbers.insert(numbers.end(), how.rows.begin(), how.rows.end());
  numbers.insert(numbers.end(), how.columns.begin(), how.columns.end());
  numbers.insert(numbers.end(), how.originOver, how.originOver + 2);
  numbers.insert(numbers.end(), how.stepOver, how.stepOver + 2);
  node.numberCount = static_cast<int>(numbers.size()) - node.firstNumber;
  return append(at, node, {});
}

/// Pixels [batch, C, H, W] to rows of C * height * width values.
constexpr Value patchify(Scope at, Value pixels, PatchOrder order, std::int64_t height,
                         std::int64_t width) {
  if (!usable(at, {pixels}))
    return {};
  Shape shape = at.shape(pixels);
  if (shape.rank != 4)
    return fail(at, Op::Patchify, "pixels of shape", {batch, 3, 224, 224}, shape);
  bool unfold = order == PatchOrder::Unfold; // a convolution drops what fills no patch
  if (height < 1 || width < 1 || height > shape[2] || width > shape[3] ||
      (unfold && (shape[2] % height || shape[3] % width)))
    return fail(at, Op::Patchify,
                unfold ? "patches (height, width) that divide an image of"
                       : "patches (height, width) that fit into an image of",
                shape, {height, width});
  std::int64_t tokens = (shape[2] / height) * (shape[3] / width);
  Node node = makeNode(Op::Patchify, {batch, tokens, shape[1] * height * width});
  node.order = order;
  node.patch[0] = height;
  node.patch[1] = width;
  return append(at, node, {pixels});
}

namespace detail {
/// Rows of `tokens` beside the tokens of every image.
constexpr Value join(Scope at, Op op, Value tokens, Value x) {
  if (!usable(at, {tokens, x}))
    return {};
  Shape rows = at.shape(tokens), shape = at.shape(x);
  if (shape.rank != 3)
    return fail(at, op, "tokens of shape", {batch, 1, rows.width()}, shape);
  if (rows.rank != 2 || rows.isActivation() || rows[1] != shape[2])
    return fail(at, op, "rows of shape", {1, shape[2]}, rows);
  Node node = makeNode(op, {batch, rows[0] + shape[1], shape[2]});
  return op == Op::Prepend ? append(at, node, {tokens, x}) : append(at, node, {x, tokens});
}
} // namespace detail

/// Rows of `tokens` before the tokens of every image.
constexpr Value prepend(Scope at, Value tokens, Value x) {
  return detail::join(at, Op::Prepend, tokens, x);
}
/// Rows of `tokens` behind the tokens of every image.
constexpr Value appendTokens(Scope at, Value x, Value tokens) {
  return detail::join(at, Op::Append, tokens, x);
}

/// The same tokens for every image; a single one gives [batch, width].
constexpr Value broadcast(Scope at, Value tokens) {
  if (!usable(at, {tokens}))
    return {};
  Shape rows = at.shape(tokens);
  if (rows.rank != 2 || rows.isActivation())
    return fail(at, Op::Broadcast, "a weight of shape", {1, rows.width()}, rows);
  Shape shape = rows[0] == 1 ? Shape{batch, rows[1]} : Shape{batch, rows[0], rows[1]};
  return append(at, makeNode(Op::Broadcast, shape), {tokens});
}

/// Adds row t of `table` to token t.
constexpr Value position(Scope at, Value x, Value table) {
  if (!usable(at, {x, table}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3)
    return fail(at, Op::Position, "tokens of shape", {batch, 1, shape.width()}, shape);
  if (at.shape(table) != Shape{shape[1], shape[2]})
    return fail(at, Op::Position, "a table of shape", {shape[1], shape[2]}, at.shape(table));
  return append(at, makeNode(Op::Position, shape), {x, table});
}

/// One token of every image.
constexpr Value select(Scope at, Value x, std::int64_t token) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3)
    return fail(at, Op::Select, "tokens of shape", {batch, 1, shape.width()}, shape);
  if (token < 0 || token >= shape[1])
    return fail(at, Op::Select, "a token below", {shape[1]}, {token});
  Node node = makeNode(Op::Select, {batch, shape[2]});
  node.first = token;
  return append(at, node, {x});
}

namespace detail {
/// Tokens from `first` on, `count` of them.
constexpr bool hasTokens(const Shape &shape, std::int64_t first, std::int64_t count) {
  return first >= 0 && count > 0 && first < shape[1] && count <= shape[1] - first;
}
} // namespace detail

/// `count` tokens of every image, from `first` on.
constexpr Value sliceTokens(Scope at, Value x, std::int64_t first, std::int64_t count) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3 || !detail::hasTokens(shape, first, count))
    return fail(at, Op::SliceTokens, "tokens (first, count) of", shape, {first, count});
  Node node = makeNode(Op::SliceTokens, {batch, count, shape[2]});
  node.first = first;
  return append(at, node, {x});
}

/// The tokens from `first` on as the grid that they are: [batch, height, width, columns].
constexpr Value gridOfTokens(Scope at, Value x, std::int64_t first, Grid grid) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3 || !detail::hasTokens(shape, first, grid.places()))
    return fail(at, Op::SliceTokens, "a grid of tokens within", shape, {grid.height, grid.width});
  Node node = makeNode(Op::SliceTokens, {batch, grid.height, grid.width, shape[2]});
  node.first = first;
  return append(at, node, {x});
}

/// The mean of the tokens from `first` on.
constexpr Value meanTokens(Scope at, Value x, std::int64_t first) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3 || !detail::hasTokens(shape, first, 1))
    return fail(at, Op::MeanTokens, "a token to begin with of", shape, {first});
  Node node = makeNode(Op::MeanTokens, {batch, shape[2]});
  node.first = first;
  return append(at, node, {x});
}

/// Four neighbours of the grid of all tokens as one token: see vit.merge_patches.
constexpr Value mergePatches(Scope at, Value x, Grid grid) {
  if (!usable(at, {x}))
    return {};
  Shape shape = at.shape(x);
  if (shape.rank != 3 || grid.places() != shape[1] || grid.height % 2 || grid.width % 2)
    return fail(at, Op::MergePatches, "a grid of two even sizes that has the tokens of", shape,
                {grid.height, grid.width});
  Node node = makeNode(Op::MergePatches, {batch, shape[1] / 4, 4 * shape[2]});
  node.grid[0] = grid.height;
  node.grid[1] = grid.width;
  return append(at, node, {x});
}

namespace detail {
/// Whether f32, which kernels compute in, holds a number: 0, or neither too small nor too large.
constexpr bool isFactor(double number, double most = std::numeric_limits<float>::max()) {
  double magnitude = number < 0 ? -number : number;
  return number == 0 || (magnitude >= std::numeric_limits<float>::min() && magnitude <= most);
}

/// Operands of a norm: what is normalised, maybe a scale, and maybe a shift.
constexpr Value norm(Scope at, Op op, std::initializer_list<Value> operands, double eps,
                     std::int64_t groups) {
  if (!usable(at, operands))
    return {};
  const Value *operand = operands.begin();
  Shape shape = at.shape(operand[0]);
  if (!shape.isActivation())
    return fail(at, op, "an activation of shape", {batch, 1, shape.width()}, shape);
  if (groups < 1 || shape.width() % groups)
    return fail(at, op, "a number of groups that divides the width", {shape.width()}, {groups});
  Shape vector = {shape.width() / groups};
  if (operands.size() > 1 && at.shape(operand[1]) != vector)
    return fail(at, op, "scale of shape", vector, at.shape(operand[1]));
  if (operands.size() > 2 && at.shape(operand[2]) != vector)
    return fail(at, op, "shift of shape", vector, at.shape(operand[2]));
  if (!(eps > 0 && isFactor(eps)))
    return failNumber(at, op, "a positive eps that f32 holds with input", shape, eps);
  Node node = makeNode(op, shape);
  node.number = eps;
  node.groups = groups;
  return append(at, node, operands);
}
} // namespace detail

/// `groups`: parts of a row that are normalised each by itself, as heads are.
constexpr Value layerNorm(Scope at, Value x, Value scale, Value shift, double eps,
                          std::int64_t groups = 1) {
  return detail::norm(at, Op::LayerNorm, {x, scale, shift}, eps, groups);
}

constexpr Value rmsNorm(Scope at, Value x, Value scale, double eps, std::int64_t groups = 1) {
  return detail::norm(at, Op::RmsNorm, {x, scale}, eps, groups);
}
/// Without a scale.
constexpr Value rmsNorm(Scope at, Value x, double eps, std::int64_t groups = 1) {
  return detail::norm(at, Op::RmsNorm, {x}, eps, groups);
}

/// x * transpose(weight), the weight N x K.
constexpr Value linear(Scope at, Value x, Value weight) {
  if (!usable(at, {x, weight}))
    return {};
  Shape shape = at.shape(x), matrix = at.shape(weight);
  if (!shape.isActivation())
    return fail(at, Op::Linear, "an activation of shape", {batch, 1, shape.width()}, shape);
  if (matrix.rank != 2 || matrix.isActivation() || matrix[1] != shape.width())
    return fail(at, Op::Linear, "a weight of shape", {matrix[0], shape.width()}, matrix);
  return append(at, makeNode(Op::Linear, shape.withWidth(matrix[0])), {x, weight});
}

constexpr Value biasAdd(Scope at, Value x, Value bias) {
  if (!usable(at, {x, bias}))
    return {};
  Shape vector = {at.shape(x).width()};
  if (at.shape(bias) != vector)
    return fail(at, Op::BiasAdd, "a bias of shape", vector, at.shape(bias));
  return append(at, makeNode(Op::BiasAdd, at.shape(x)), {x, bias});
}

constexpr Value unary(Scope at, Op op, Value x) {
  if (!usable(at, {x}))
    return {};
  if (!at.shape(x).isActivation())
    return fail(at, op, "an activation of shape", {batch, 1, at.shape(x).width()}, at.shape(x));
  return append(at, makeNode(op, at.shape(x)), {x});
}
constexpr Value gelu(Scope at, Value x, GeluForm form = GeluForm::Erf) {
  Value result = unary(at, Op::Gelu, x);
  if (result.id >= 0)
    at.graph->nodes[result.id].form = form;
  return result;
}
constexpr Value relu(Scope at, Value x) { return unary(at, Op::Relu, x); }
constexpr Value silu(Scope at, Value x) { return unary(at, Op::Silu, x); }
constexpr Value tanh(Scope at, Value x) { return unary(at, Op::Tanh, x); }
constexpr Value sigmoid(Scope at, Value x) { return unary(at, Op::Sigmoid, x); }

/// Turns pairs of neighbouring columns by the angles of a table (ropeTable), in all columns.
constexpr Value rope(Scope at, Value x, Value table) {
  if (!usable(at, {x, table}))
    return {};
  Shape shape = at.shape(x), angles = at.shape(table);
  if (shape.rank != 3)
    return fail(at, Op::Rope, "tokens of shape", {batch, 1, shape.width()}, shape);
  if (angles.rank != 2 || angles[0] != shape[1] || angles[1] % 2)
    return fail(at, Op::Rope, "a table of shape", {shape[1], angles.width() / 2 * 2}, angles);
  if (shape.width() % angles[1])
    return fail(at, Op::Rope, "columns in multiples of", {angles[1]}, {shape.width()});
  Node node = makeNode(Op::Rope, shape);
  node.first = shape.width();
  return append(at, node, {x, table});
}

/// What `scale` multiplies by beside its factor: nothing, or a vector for columns or rows.
struct Factors {
  Value vector = {};
  bool rows = false;
};
constexpr Factors columns(Value vector) { return {vector, false}; }
constexpr Factors rows(Value vector) { return {vector, true}; }

/// x * factor; every column (LayerScale) or, of a weight, every row times its element of a vector.
constexpr Value scale(Scope at, Value x, double factor, Factors by = {}) {
  bool hasVector = by.vector.id >= 0;
  if (!usable(at, {x, hasVector ? by.vector : x}))
    return {};
  Shape shape = at.shape(x), vector = {by.rows ? shape[0] : shape.width()};
  if (!detail::isFactor(factor))
    return failNumber(at, Op::Scale, "a factor that f32 holds with input", shape, factor);
  if (by.rows && shape.isActivation())
    return fail(at, Op::Scale, "a weight to scale rows of, such as", {1, shape.width()}, shape);
  if (hasVector && at.shape(by.vector) != vector)
    return fail(at, Op::Scale, by.rows ? "rows of shape" : "columns of shape", vector,
                at.shape(by.vector));
  Node node = makeNode(Op::Scale, shape);
  node.number = factor;
  node.rows = by.rows;
  return hasVector ? append(at, node, {x, by.vector}) : append(at, node, {x});
}

constexpr Value binary(Scope at, Op op, Value a, Value b) {
  if (!usable(at, {a, b}))
    return {};
  if (at.shape(a) != at.shape(b))
    return fail(at, op, "operands of one shape", at.shape(a), at.shape(b));
  return append(at, makeNode(op, at.shape(a)), {a, b});
}
constexpr Value add(Scope at, Value a, Value b) { return binary(at, Op::Add, a, b); }
/// Of activations: weights are multiplied by scale().
constexpr Value mul(Scope at, Value a, Value b) {
  if (!usable(at, {a, b}))
    return {};
  if (Shape shape = at.shape(a); !shape.isActivation())
    return fail(at, Op::Mul, "an activation of shape", {batch, 1, shape.width()}, shape);
  return binary(at, Op::Mul, a, b);
}

/// How heads lie in the operands of an attention. `scale` 0 stands for 1 / sqrt(headDim).
struct Heads {
  std::int64_t heads = 1, headDim = 64;
  double scale = 0;
  Axis axis = Axis::Tokens;
  std::int64_t offsets[3] = {0, 0, 0};
  Value bias = {};             // [queries, heads, keys or more], if it is one
  Grid grid = {}, window = {}; // windows of a grid, if that has sizes
  std::int64_t shift[2] = {0, 0};
};

/// 1 / sqrt(n), the square root by Newton from above, exact for exact squares.
constexpr double attentionScale(std::int64_t n) {
  double value = static_cast<double>(n), root = value > 1 ? value : 1;
  for (int i = 0; i < 200; ++i) {
    double next = 0.5 * (root + value / root);
    if (next >= root)
      break;
    root = next;
  }
  return 1 / root;
}

namespace detail {
/// What is wrong with bias and windows of an attention, as a problem of the graph.
constexpr bool fitsWindows(Scope at, Shape query, Shape key, const Heads &how) {
  bool windows = how.grid.height || how.grid.width;
  Grid size = how.window;
  if (windows && (size.height < 1 || size.width < 1 || how.grid.places() < 1 ||
                  how.grid.height % size.height || how.grid.width % size.width)) {
    fail(at, Op::Attention, "windows that divide the grid", {how.grid.height, how.grid.width},
         {size.height, size.width});
    return false;
  }
  if (windows && (query != key.withWidth(query.width()) || query.rank != 3 ||
                  query[1] != how.grid.places() || how.axis != Axis::Tokens)) {
    fail(at, Op::Attention, "the tokens of the grid,", {batch, how.grid.places(), query.width()},
         query);
    return false;
  }
  if (windows && (how.shift[0] < 0 || how.shift[1] < 0 || how.shift[0] >= size.height ||
                  how.shift[1] >= size.width)) {
    fail(at, Op::Attention, "shifts below the sizes of windows", {size.height, size.width},
         {how.shift[0], how.shift[1]});
    return false;
  }
  if (how.bias.id < 0)
    return true;
  Shape bias = at.shape(how.bias);
  std::int64_t queries = windows ? size.places() : query.rank == 2 ? 1 : query[1];
  std::int64_t keys = windows ? queries : key[1];
  if (how.axis != Axis::Tokens || bias.isActivation() || bias.rank != 3 || bias[0] != queries ||
      bias[1] != how.heads || bias[2] < keys) {
    fail(at, Op::Attention, "a bias of queries, heads and keys, as", {queries, how.heads, keys},
         bias);
    return false;
  }
  return true;
}
} // namespace detail

constexpr Value attention(Scope at, Value query, Value key, Value value, Heads how) {
  if (!usable(at, {query, key, value}) || (how.bias.id >= 0 && !usable(at, {how.bias})))
    return {};
  constexpr std::int64_t most = 1 << 20;
  if (how.heads < 1 || how.headDim < 1 || how.heads > most || how.headDim > most)
    return fail(at, Op::Attention, "heads and head size up to", {most, most},
                {how.heads, how.headDim});
  // Kernels multiply the scale by log2 e, which is below 2.
  if (!detail::isFactor(how.scale, std::numeric_limits<float>::max() / 2))
    return failNumber(at, Op::Attention, "a scale that f32 holds with a query of shape",
                      at.shape(query), how.scale);
  std::int64_t columns = how.heads * how.headDim;
  Shape q = at.shape(query), k = at.shape(key), v = at.shape(value);
  bool tokens = how.axis == Axis::Tokens;
  if (!q.isActivation() || q.rank > 3)
    return fail(at, Op::Attention, "a query of shape", {batch, 1, columns}, q);
  if (!k.isActivation() || k.rank > 3 || (tokens && k.rank != 3))
    return fail(at, Op::Attention, "a key of shape", {batch, 1, columns}, k);
  if (k.withWidth(0) != v.withWidth(0))
    return fail(at, Op::Attention, "a value of shape", k.withWidth(v.width()), v);
  if (!tokens && q.withWidth(0) != k.withWidth(0))
    return fail(at, Op::Attention, "a query of shape", k.withWidth(q.width()), q);
  const Shape shapes[3] = {q, k, v};
  for (int i = 0; i < 3; ++i)
    if (how.offsets[i] < 0 || how.offsets[i] > shapes[i].width() - columns)
      return fail(at, Op::Attention, "heads * head size columns at the offset, so at least",
                  shapes[i].withWidth(how.offsets[i] + columns), shapes[i]);
  if (!detail::fitsWindows(at, q, k, how))
    return {};
  Node node = makeNode(Op::Attention, q.withWidth(columns));
  node.grid[0] = how.grid.height;
  node.grid[1] = how.grid.width;
  const std::int64_t window[4] = {how.window.height, how.window.width, how.shift[0], how.shift[1]};
  for (int i = 0; i < 4; ++i)
    node.window[i] = window[i];
  node.heads = how.heads;
  node.headDim = how.headDim;
  node.number = how.scale == 0 ? attentionScale(how.headDim) : how.scale;
  node.axis = how.axis;
  for (int i = 0; i < 3; ++i)
    node.offsets[i] = how.offsets[i];
  if (how.bias.id >= 0)
    return append(at, node, {query, key, value, how.bias});
  return append(at, node, {query, key, value});
}

/// Makes `value` a result of the model, with the name of the place. Results have the order of these
/// calls. No two have one name.
constexpr void output(Scope at, Value value) {
  Graph &graph = *at.graph;
  if (!usable(at, {value}))
    return;
  for (const Output &other : graph.outputs)
    if (detail::sameName(graph, other.name, at.name)) {
      fail(at, graph[value].op, "an output name of its own: there is an output of shape",
           graph.shape(other.value), graph.shape(value));
      return;
    }
  graph.outputs.push_back({at.name, value});
}
constexpr void output(Graph &graph, Literal name, Value value) { output(graph / name, value); }

} // namespace vitc::graph
#endif // VITC_GRAPH_GRAPH_H
