//===- Value.h - A model as a plain value ----------------------------------===//
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
#ifndef VITC_GRAPH_VALUE_H
#define VITC_GRAPH_VALUE_H

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
  Resample,
  RelativeBias,
  RopeTable,
  Patchify,
  Prepend,
  Append,
  Broadcast,
  Position,
  Select,
  SliceTokens,
  MeanTokens,
  MergePatches,
  LayerNorm,
  RmsNorm,
  Linear,
  BiasAdd,
  Gelu,
  Relu,
  Silu,
  Tanh,
  Sigmoid,
  Rope,
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
  case Op::Resample:  return "resample";
  case Op::RelativeBias: return "relative_bias";
  case Op::RopeTable: return "rope_table";
  case Op::Patchify:  return "patchify";
  case Op::Prepend:   return "prepend";
  case Op::Append:    return "append";
  case Op::Broadcast: return "broadcast";
  case Op::Position:  return "position";
  case Op::Select:    return "select";
  case Op::SliceTokens: return "slice_tokens";
  case Op::MeanTokens: return "mean_tokens";
  case Op::MergePatches: return "merge_patches";
  case Op::LayerNorm: return "layer_norm";
  case Op::RmsNorm: return "rms_norm";
  case Op::Linear:    return "linear";
  case Op::BiasAdd:   return "bias_add";
  case Op::Gelu:      return "gelu";
  case Op::Relu:      return "relu";
  case Op::Silu:      return "silu";
  case Op::Tanh:      return "tanh";
  case Op::Sigmoid:   return "sigmoid";
  case Op::Rope:      return "rope";
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
enum class Filter : std::uint8_t { Linear, Cubic };

/// One op with its only result. Which attributes count is a matter of the op.
struct Node {
  Op op = Op::Input;
  int name = -1;        // in Graph::names
  Shape shape;          // of the result
  int firstOperand = 0; // in Graph::operands
  int operandCount = 0;
  // Of op, name, shape and operands. A value of another graph has another, unless it is computed
  // alike in both: so copies of a graph take each other's values, and nobody else's.
  std::uint64_t mark = 0;

  Shape fileShape;                  // weight, where the file has another than `shape`
  int dimensions[4] = {0, 0, 0, 0}; // permute: of the operand, in the order of the result
  std::int64_t patch[2] = {0, 0};   // patchify: height and width
  std::int64_t first = 0;           // slice: row; select, slice_tokens, mean_tokens: token;
                                    // rope: how many columns; relative_bias, rope_table: lead
  std::int64_t grid[4] = {0, 0, 0,
                          0}; // resample: from, to; relative_bias: window, from; rope_table,
                              // merge_patches, attention: height, width (0: no windows)
  std::int64_t window[4] = {0, 0, 0, 0}; // attention: size and shift of windows
  int firstNumber = 0, numberCount = 0;  // rope_table: in Graph::numbers
  std::int64_t heads = 0, headDim = 0;   // attention
  std::int64_t offsets[3] = {0, 0, 0};   // attention: column of q, k, v in their operands
  double number = 0;       // layer_norm, rms_norm: eps; scale: factor; attention: scale
  std::int64_t groups = 1; // layer_norm, rms_norm
  PatchOrder order = PatchOrder::Conv;
  GeluForm form = GeluForm::Erf;
  Axis axis = Axis::Tokens;
  Filter filter = Filter::Linear;
  bool antialias = false; // resample
  bool rows = false;      // scale: operand 1 has a factor for each row, not for each column
};

/// A node of a graph; invalid after a problem.
struct Value {
  int id = -1;
  std::uint64_t mark = 0; // of the node, see Node::mark
};

/// One step of a name: "blocks", or number 3 of its parent.
struct NamePart {
  int parent = -1;
  const char *text = "";
  std::int64_t index = -1; // stands for the text if it is not negative
  std::uint64_t hash = 0;  // of the whole name
};

struct Output {
  int name = -1; // in Graph::names
  Value value;
};

/// What did not fit, where, and both shapes. Shapes stand for integers too, as rank 1.
struct Problem {
  bool found = false;
  Op op = Op::Input;
  int name = -1;
  const char *what = ""; // "weight of shape"
  Shape expected;
  Shape actual;
  bool isNumber = false; // what was found is `number`
  double number = 0;
};

/// A number as text of up to six digits, in constants too: "0", "-2.5", "1e-300", "inf", "nan".
struct NumberText {
  char text[24] = {};
  constexpr explicit NumberText(double number) {
    if (number < 0)
      put("-");
    number = number < 0 ? -number : number;
    if (number != number)
      put("nan");
    else if (number > std::numeric_limits<double>::max())
      put("inf");
    else
      putFinite(number);
  }

private:
  constexpr void putFinite(double number) {
    int exponent = 0;
    while (number >= 10) {
      number /= 10;
      ++exponent;
    }
    while (number != 0 && number < 1) {
      number *= 10;
      --exponent;
    }
    number *= 100000;
    auto digits = static_cast<std::int64_t>(number);
    if (number - static_cast<double>(digits) >= 0.5)
      ++digits;
    if (digits >= 1000000) {
      digits /= 10;
      ++exponent;
    }
    putDigit(digits / 100000);
    digits %= 100000;
    if (digits)
      put(".");
    for (std::int64_t unit = 10000; digits; unit /= 10) {
      putDigit(digits / unit);
      digits %= unit;
    }
    if (exponent)
      put(exponent < 0 ? "e-" : "e");
    exponent = exponent < 0 ? -exponent : exponent;
    for (int unit = exponent >= 100 ? 100 : exponent >= 10 ? 10 : 1; exponent && unit; unit /= 10)
      putDigit(exponent / unit % 10);
  }
  constexpr void put(const char *more) {
    while (*more)
      text[size++] = *more++;
  }
  constexpr void putDigit(std::int64_t digit) { text[size++] = static_cast<char>('0' + digit); }
  int size = 0;
};

struct Scope;

struct Graph {
  std::vector<Node> nodes;
  std::vector<int> operands;   // of all nodes, each a node
  std::vector<double> numbers; // of all nodes that have more than one
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

/// Whether the name is written so.
constexpr bool isWritten(const Graph &graph, int name, std::string_view text) {
  NameReader reader(graph, name);
  for (std::size_t i = text.size(); i-- > 0;)
    if (reader.next() != text[i])
      return false;
  return !reader.next();
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

/// See Node::mark.
constexpr std::uint64_t markOf(const Graph &graph, const Node &node,
                               std::span<const Value> operands) {
  std::uint64_t mark = node.name < 0 ? 0 : graph.names[node.name].hash;
  auto add = [&](std::uint64_t number) { mark = (mark ^ number) * 0x9e3779b97f4a7c15 + 1; };
  add(static_cast<std::uint64_t>(node.op));
  for (int i = 0; i < node.shape.rank; ++i)
    add(static_cast<std::uint64_t>(node.shape.dims[i]));
  for (Value operand : operands)
    add(operand.mark);
  return mark;
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
    at.graph->problem = {true, op, at.name, what, expected, actual, false, 0};
  return {};
}
/// The same of a number that is none for f32.
constexpr Value failNumber(Scope at, Op op, const char *what, Shape expected, double actual) {
  if (!at.graph->problem.found)
    at.graph->problem = {true, op, at.name, what, expected, {}, true, actual};
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
    } else if (at.graph->nodes[value.id].mark != value.mark) {
      fail(at, Op::Input, "a value of this graph, not of another one; of numbers below",
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
  node.mark = detail::markOf(graph, node, operands);
  graph.nodes.push_back(node);
  return {static_cast<int>(graph.nodes.size()) - 1, node.mark};
}
constexpr Value append(Scope at, Node node, std::initializer_list<Value> operands) {
  return append(at, node, Values(operands.begin(), operands.size()));
}

} // namespace vitc::graph
#endif // VITC_GRAPH_VALUE_H
