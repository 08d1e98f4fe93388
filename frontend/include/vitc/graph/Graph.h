//===- Graph.h - A model as a plain value ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The value that the DSL builds while it is compiled and the importers build at
// run time; Print.h turns it into IR. It holds no text of its own: names are
// paths of string literals, keys of checkpoints come from a table when it is
// printed (Keys.h). So it costs little in constant evaluation, and equal
// architectures give equal IR up to keys.
//
// Every op infers the shape of its result. The first thing that does not fit
// is kept in `problem`; ops after it do nothing. Compilers disagree on what
// they show of a failed constant evaluation, so a mismatch does not stop it:
// dsl.h makes an error message of the problem, with both shapes.
//===----------------------------------------------------------------------===//
#ifndef VITC_GRAPH_GRAPH_H
#define VITC_GRAPH_GRAPH_H

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace vitc::graph {

/// Dimension 0 of every activation.
inline constexpr std::int64_t batch = -1;

/// No tensor has more elements, those of an activation counted for one image. Keeps all arithmetic
/// on sizes far from overflow.
inline constexpr std::int64_t maxElements = std::int64_t(1) << 40;

/// At most four sizes, outermost first; of more the last is 0, so that no op takes them.
/// Structural, so that it can be a template argument.
struct Shape {
  int rank = 0;
  std::int64_t dims[4] = {0, 0, 0, 0};

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> sizes) {
    for (std::int64_t size : sizes)
      if (rank < 4)
        dims[rank++] = size;
      else
        dims[3] = 0;
  }
  constexpr std::int64_t operator[](int i) const { return dims[i]; }
  /// The last size; 0 for no shape at all.
  constexpr std::int64_t width() const { return rank ? dims[rank - 1] : 0; }
  constexpr Shape withWidth(std::int64_t width) const {
    Shape shape = *this;
    if (rank)
      shape.dims[rank - 1] = width;
    return shape;
  }
  constexpr bool isActivation() const { return rank >= 2 && dims[0] == batch; }
  /// Elements, of one image if this is an activation; -1 if a size is not positive or there are
  /// more than maxElements.
  constexpr std::int64_t elements() const {
    std::int64_t count = 1;
    for (int i = isActivation() ? 1 : 0; i < rank; ++i) {
      if (dims[i] < 1 || dims[i] > maxElements / count)
        return -1;
      count *= dims[i];
    }
    return count;
  }
  constexpr bool operator==(const Shape &) const = default;
};

/// A text that exists as long as the program, because only a constant converts to it.
struct Literal {
  const char *text;
  consteval Literal(const char *text) : text(text) {}
};

enum class Op : std::uint8_t {
  Input,
  Weight,
  Slice,
  Concat,
  Reshape,
  Permute,
  Patchify,
  Prepend,
  Broadcast,
  Position,
  Select,
  LayerNorm,
  RmsNorm,
  Linear,
  BiasAdd,
  Gelu,
  Relu,
  Silu,
  Tanh,
  Scale,
  Add,
  Mul,
  Attention
};

// An op without a name does not compile, whatever the flags.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
/// The name in IR, without the dialect.
constexpr const char *mnemonic(Op op) {
  // clang-format off
  switch (op) {
  case Op::Input:     return "input";
  case Op::Weight:    return "weight";
  case Op::Slice:     return "slice";
  case Op::Concat:    return "concat";
  case Op::Reshape:   return "reshape";
  case Op::Permute:   return "permute";
  case Op::Patchify:  return "patchify";
  case Op::Prepend:   return "prepend";
  case Op::Broadcast: return "broadcast";
  case Op::Position:  return "position";
  case Op::Select:    return "select";
  case Op::LayerNorm: return "layer_norm";
  case Op::RmsNorm: return "rms_norm";
  case Op::Linear:    return "linear";
  case Op::BiasAdd:   return "bias_add";
  case Op::Gelu:      return "gelu";
  case Op::Relu:      return "relu";
  case Op::Silu:      return "silu";
  case Op::Tanh:      return "tanh";
  case Op::Scale:     return "scale";
  case Op::Add:       return "add";
  case Op::Mul:       return "mul";
  case Op::Attention: return "attention";
  }
  // clang-format on
  return nullptr; // no constant: a value that is none of the above
}
#pragma GCC diagnostic pop

enum class PatchOrder : std::uint8_t { Conv, Unfold };
enum class GeluForm : std::uint8_t { Erf, Tanh, Quick };
enum class Axis : std::uint8_t { Tokens, Batch };

/// One op with its only result. Which attributes count is a matter of the op.
struct Node {
  Op op = Op::Input;
  int name = -1;        // in Graph::names
  Shape shape;          // of the result
  int firstOperand = 0; // in Graph::operands
  int operandCount = 0;

  Shape fileShape;                     // weight, where the file has another than `shape`
  int dimensions[4] = {0, 0, 0, 0};    // permute: of the operand, in the order of the result
  std::int64_t patch[2] = {0, 0};      // patchify: height and width
  std::int64_t first = 0;              // slice: row; select: token
  std::int64_t heads = 0, headDim = 0; // attention
  std::int64_t offsets[3] = {0, 0, 0}; // attention: column of q, k, v in their operands
  double number = 0;                   // layer_norm, rms_norm: eps; scale: factor; attention: scale
  PatchOrder order = PatchOrder::Conv;
  GeluForm form = GeluForm::Erf;
  Axis axis = Axis::Tokens;
  bool rows = false; // scale: operand 1 has a factor for each row, not for each column
};

/// A node of a graph; invalid after a problem.
struct Value {
  int id = -1;
};

/// One step of a name: "blocks", or number 3 of its parent.
struct NamePart {
  int parent = -1;
  const char *text = "";
  std::int64_t index = -1; // stands for the text if it is not negative
  std::uint64_t hash = 0;  // of the whole name
};

struct Output {
  const char *name;
  Value value;
};

/// What did not fit, where, and both shapes. Shapes stand for plain numbers too, as rank 1.
struct Problem {
  bool found = false;
  Op op = Op::Input;
  int name = -1;
  const char *what = ""; // "weight of shape"
  Shape expected;
  Shape actual;
};

struct Scope;

struct Graph {
  std::vector<Node> nodes;
  std::vector<int> operands; // of all nodes, each a node
  std::vector<NamePart> names;
  std::vector<Output> outputs;
  std::vector<int> weightTable; // weights by the hash of their name, -1 where there is none
  int weightCount = 0;
  Problem problem;

  constexpr const Node &operator[](Value value) const { return nodes[value.id]; }
  constexpr std::span<const int> operandsOf(const Node &node) const {
    return std::span(operands).subspan(node.firstOperand, node.operandCount);
  }
  constexpr Shape shape(Value value) const {
    return value.id < 0 ? Shape() : nodes[value.id].shape;
  }
  constexpr Scope operator/(Literal part);
};

/// A place in a graph where ops are added: the graph and the name they get.
struct Scope {
  Graph *graph;
  int name = -1;
  bool isShared = false; // see shared()

  constexpr Scope operator/(Literal part) const { return child({name, part.text, -1}); }
  constexpr Scope operator/(std::int64_t index) const { return child({name, "", index}); }
  constexpr Shape shape(Value value) const { return graph->shape(value); }

private:
  constexpr Scope child(NamePart part) const;
};

constexpr Scope Graph::operator/(Literal part) { return Scope{this} / part; }

/// The same place, where layers use weights that are there again instead of making new ones:
/// a block at shared(s / "block"), in a loop, has the same weights every time.
constexpr Scope shared(Scope s) {
  s.isShared = true;
  return s;
}

// Names -----------------------------------------------------------------------

namespace detail {
/// The characters of a name, the last first.
class NameReader {
public:
  constexpr NameReader(const Graph &graph, int name) : graph(graph), part(name) { open(); }

  /// 0 after the last.
  constexpr char next() {
    if (part < 0)
      return 0;
    if (left > 0)
      return text()[--left];
    part = graph.names[part].parent;
    open();
    return part < 0 ? 0 : '.';
  }

private:
  constexpr const char *text() const {
    return graph.names[part].index >= 0 ? digits : graph.names[part].text;
  }
  constexpr void open() {
    left = 0;
    if (part < 0)
      return;
    const NamePart &now = graph.names[part];
    if (now.index < 0) {
      while (now.text[left])
        ++left;
      return;
    }
    int count = 1;
    for (std::int64_t rest = now.index; rest >= 10; rest /= 10)
      ++count;
    for (std::int64_t rest = now.index, i = count; i-- > 0; rest /= 10)
      digits[i] = static_cast<char>('0' + rest % 10);
    left = count;
  }

  const Graph &graph;
  int part, left = 0;
  char digits[20] = {};
};

constexpr bool sameName(const Graph &graph, int a, int b) {
  NameReader first(graph, a), second(graph, b);
  for (char c = first.next();; c = first.next()) {
    if (c != second.next())
      return false;
    if (!c)
      return true;
  }
}

constexpr bool sameText(const char *a, const char *b) {
  return std::string_view(a) == std::string_view(b);
}

/// FNV-1a of the name of which `part` is the end.
constexpr std::uint64_t hashOf(const Graph &graph, const NamePart &part) {
  std::uint64_t hash = 0xcbf29ce484222325;
  auto add = [&](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3; };
  if (part.parent >= 0) {
    hash = graph.names[part.parent].hash;
    add('.');
  }
  if (part.index < 0) {
    for (const char *c = part.text; *c; ++c)
      add(*c);
    return hash;
  }
  std::int64_t power = 1;
  while (part.index / power >= 10)
    power *= 10;
  for (; power; power /= 10)
    add(static_cast<char>('0' + part.index / power % 10));
  return hash;
}

/// Where in the table the weight called `name` is, or would be. The table has room.
constexpr std::size_t placeOf(const Graph &graph, int name) {
  std::size_t mask = graph.weightTable.size() - 1;
  std::uint64_t hash = name < 0 ? 0 : graph.names[name].hash;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    int weight = graph.weightTable[i];
    if (weight < 0 || sameName(graph, graph.nodes[weight].name, name))
      return i;
  }
}

/// The weight called `name`, or -1.
constexpr int weightNamed(const Graph &graph, int name) {
  return graph.weightTable.empty() ? -1 : graph.weightTable[placeOf(graph, name)];
}

constexpr void rememberWeight(Graph &graph, int weight) {
  if (2 * static_cast<std::size_t>(++graph.weightCount) > graph.weightTable.size()) {
    std::vector<int> old(graph.weightTable.empty() ? 32 : 2 * graph.weightTable.size(), -1);
    old.swap(graph.weightTable);
    for (int other : old)
      if (other >= 0)
        graph.weightTable[placeOf(graph, graph.nodes[other].name)] = other;
  }
  graph.weightTable[placeOf(graph, graph.nodes[weight].name)] = weight;
}
} // namespace detail

constexpr Scope Scope::child(NamePart part) const {
  part.hash = detail::hashOf(*graph, part);
  graph->names.push_back(part);
  return {graph, static_cast<int>(graph->names.size()) - 1, isShared};
}

// Problems and nodes ----------------------------------------------------------

/// Records the first problem. `expected` and `actual` are shapes, or numbers as {n}.
constexpr Value fail(Scope at, Op op, const char *what, Shape expected, Shape actual) {
  if (!at.graph->problem.found)
    at.graph->problem = {true, op, at.name, what, expected, actual};
  return {};
}

/// Operands of an op.
using Values = std::span<const Value>;

/// Whether all of `values` are there; false after a problem.
constexpr bool usable(Scope at, Values values) {
  if (at.graph->problem.found)
    return false;
  for (Value value : values)
    if (value.id < 0 || value.id >= static_cast<int>(at.graph->nodes.size())) {
      fail(at, Op::Input, "a value of this graph with an id below",
           {static_cast<std::int64_t>(at.graph->nodes.size())}, {value.id});
      return false;
    }
  return true;
}

constexpr bool usable(Scope at, std::initializer_list<Value> values) {
  return usable(at, Values(values.begin(), values.size()));
}

constexpr Node makeNode(Op op, Shape shape) {
  Node node;
  node.op = op;
  node.shape = shape;
  return node;
}

/// Adds `node` with these operands.
constexpr Value append(Scope at, Node node, Values operands) {
  Graph &graph = *at.graph;
  if (graph.problem.found)
    return {};
  if (node.shape.rank == 0)
    return fail(at, node.op, "sizes, at least", {1}, {0});
  if (node.shape.elements() < 0)
    return fail(at, node.op, "positive sizes and elements up to", {maxElements}, node.shape);
  node.name = at.name;
  node.firstOperand = static_cast<int>(graph.operands.size());
  node.operandCount = static_cast<int>(operands.size());
  for (Value operand : operands)
    graph.operands.push_back(operand.id);
  graph.nodes.push_back(node);
  return {static_cast<int>(graph.nodes.size()) - 1};
}
constexpr Value append(Scope at, Node node, std::initializer_list<Value> operands) {
  return append(at, node, Values(operands.begin(), operands.size()));
}

// Ops, in the order of a ViT block. Their meaning is in dialect/VitOps.td. -----

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
  return {known};
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

/// Pixels [batch, C, H, W] to rows of C * height * width values.
constexpr Value patchify(Scope at, Value pixels, PatchOrder order, std::int64_t height,
                         std::int64_t width) {
  if (!usable(at, {pixels}))
    return {};
  Shape shape = at.shape(pixels);
  if (shape.rank != 4)
    return fail(at, Op::Patchify, "pixels of shape", {batch, 3, 224, 224}, shape);
  if (height < 1 || width < 1 || shape[2] % height || shape[3] % width)
    return fail(at, Op::Patchify, "patches (height, width) that divide an image of", shape,
                {height, width});
  std::int64_t tokens = (shape[2] / height) * (shape[3] / width);
  Node node = makeNode(Op::Patchify, {batch, tokens, shape[1] * height * width});
  node.order = order;
  node.patch[0] = height;
  node.patch[1] = width;
  return append(at, node, {pixels});
}

/// Rows of `tokens` before the tokens of every image.
constexpr Value prepend(Scope at, Value tokens, Value x) {
  if (!usable(at, {tokens, x}))
    return {};
  Shape rows = at.shape(tokens), shape = at.shape(x);
  if (shape.rank != 3)
    return fail(at, Op::Prepend, "tokens of shape", {batch, 1, rows.width()}, shape);
  if (rows.rank != 2 || rows.isActivation() || rows[1] != shape[2])
    return fail(at, Op::Prepend, "rows of shape", {1, shape[2]}, rows);
  return append(at, makeNode(Op::Prepend, {batch, rows[0] + shape[1], shape[2]}), {tokens, x});
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
/// Whether f32, which kernels compute in, holds a number: 0, or neither too small nor too large.
constexpr bool isFactor(double number, double most = std::numeric_limits<float>::max()) {
  double magnitude = number < 0 ? -number : number;
  return number == 0 || (magnitude >= std::numeric_limits<float>::min() && magnitude <= most);
}

/// Operands of a norm: what is normalised, a scale, and maybe a shift.
constexpr Value norm(Scope at, Op op, std::initializer_list<Value> operands, double eps) {
  if (!usable(at, operands))
    return {};
  const Value *operand = operands.begin();
  Shape shape = at.shape(operand[0]), vector = {shape.width()};
  if (!shape.isActivation())
    return fail(at, op, "an activation of shape", {batch, 1, shape.width()}, shape);
  if (at.shape(operand[1]) != vector)
    return fail(at, op, "scale of shape", vector, at.shape(operand[1]));
  if (operands.size() > 2 && at.shape(operand[2]) != vector)
    return fail(at, op, "shift of shape", vector, at.shape(operand[2]));
  if (!(eps > 0 && isFactor(eps)))
    return fail(at, op, "a positive eps that f32 holds with input", shape, {0});
  Node node = makeNode(op, shape);
  node.number = eps;
  return append(at, node, operands);
}
} // namespace detail

constexpr Value layerNorm(Scope at, Value x, Value scale, Value shift, double eps) {
  return detail::norm(at, Op::LayerNorm, {x, scale, shift}, eps);
}

constexpr Value rmsNorm(Scope at, Value x, Value scale, double eps) {
  return detail::norm(at, Op::RmsNorm, {x, scale}, eps);
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
    return fail(at, Op::Scale, "a factor that f32 holds with input", shape, {0});
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

constexpr Value attention(Scope at, Value query, Value key, Value value, Heads how) {
  if (!usable(at, {query, key, value}))
    return {};
  constexpr std::int64_t most = 1 << 20;
  if (how.heads < 1 || how.headDim < 1 || how.heads > most || how.headDim > most)
    return fail(at, Op::Attention, "heads and head size up to", {most, most},
                {how.heads, how.headDim});
  // Kernels multiply the scale by log2 e, which is below 2.
  if (!detail::isFactor(how.scale, std::numeric_limits<float>::max() / 2))
    return fail(at, Op::Attention, "a scale that f32 holds with a query of shape", at.shape(query),
                {0});
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
  Node node = makeNode(Op::Attention, q.withWidth(columns));
  node.heads = how.heads;
  node.headDim = how.headDim;
  node.number = how.scale == 0 ? attentionScale(how.headDim) : how.scale;
  node.axis = how.axis;
  for (int i = 0; i < 3; ++i)
    node.offsets[i] = how.offsets[i];
  return append(at, node, {query, key, value});
}

/// Names a result of the model. Results have the order of these calls.
/// No two have one name.
constexpr void output(Graph &graph, Literal name, Value value) {
  if (!usable(Scope{&graph}, {value}))
    return;
  for (const Output &other : graph.outputs)
    if (detail::sameText(other.name, name.text)) {
      fail(graph / name, graph[value].op, "an output name of its own: there is an output of shape",
           graph.shape(other.value), graph.shape(value));
      return;
    }
  graph.outputs.push_back({name.text, value});
}

} // namespace vitc::graph
#endif // VITC_GRAPH_GRAPH_H
