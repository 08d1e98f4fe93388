//===- Print.h - A graph as MLIR text --------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The one printer, for importers and DSL programs alike, so header-only. It
// writes the form of dialect/VitOps.td: one function @forward in a module,
// every op with its name as location. Ops that no output depends on are left
// out.
//===----------------------------------------------------------------------===//
#ifndef VITC_GRAPH_PRINT_H
#define VITC_GRAPH_PRINT_H

#include "vitc/graph/Keys.h"
#include "vitc/graph/Metrics.h"

#include <charconv>
#include <set>
#include <string>

namespace vitc::graph {

/// What the text has beside the graph.
struct PrintOptions {
  KeyScheme keys;
  /// Tensors of the checkpoint that the model does not use; a trailing '*' is allowed.
  std::vector<std::string> ignored;
  /// The graph is written for one size of images, and will be read for any.
  bool anySize = false;
};

/// "3x224x224", "?x197x768", "768"; "nothing" for no shape.
inline std::string shapeText(const Shape &shape) {
  std::string text;
  for (int i = 0; i < shape.rank; ++i) {
    text += i ? "x" : "";
    text += i == 0 && shape.isActivation() ? "?" : std::to_string(shape[i]);
  }
  return text.empty() ? "nothing" : text;
}

/// "blocks.0.attn.q: vit.linear expected a weight of shape 96x128, found 96x64", or "".
inline std::string problemText(const Graph &graph) {
  const Problem &problem = graph.problem;
  if (!problem.found)
    return "";
  return nameOf(graph, problem.name) + ": vit." + mnemonic(problem.op) + " expected " +
         problem.what + " " + shapeText(problem.expected) + ", found " +
         (problem.isNumber ? NumberText(problem.number).text : shapeText(problem.actual));
}

namespace detail {

/// A string attribute, quoted and escaped as MLIR's lexer reads it.
inline std::string quote(std::string_view text) {
  constexpr char hex[] = "0123456789ABCDEF";
  std::string result = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
      result += {'\\', hex[c >> 4], hex[c & 15]};
    else
      result += static_cast<char>(c);
  }
  return result + "\"";
}

/// The shortest text that reads back to `value`, with the point that MLIR wants.
inline std::string real(double value) {
  char buffer[40];
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  if (text.find('.') == std::string::npos)
    text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

template <class Range> std::string list(const Range &range) {
  std::string text = "[";
  for (const auto &element : range) {
    if (text.size() > 1)
      text += ", ";
    if constexpr (std::is_integral_v<std::decay_t<decltype(element)>>)
      text += std::to_string(element);
    else if constexpr (std::is_floating_point_v<std::decay_t<decltype(element)>>)
      text += real(element);
    else
      text += quote(element);
  }
  return text + "]";
}

class Printer {
public:
  Printer(const Graph &graph, const PrintOptions &options)
      : graph(graph), options(options), alive(live(graph)), ssa(graph.nodes.size()) {}

  std::string print() {
    std::string arguments, results, values, types;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (graph.nodes[i].op != Op::Input)
        continue;
      std::string name = nameOf(graph, graph.nodes[i].name);
      arguments += (arguments.empty() ? "" : ", ") + define(i) + ": " + type(i) +
                   " {vit.name = " + quote(name) + "}";
    }
    for (const Output &output : graph.outputs)
      results += (results.empty() ? "" : ", ") + type(output.value.id) +
                 " {vit.name = " + quote(nameOf(graph, output.name)) + "}";

    std::string text =
        "module {\n  func.func @forward(" + arguments + ")\n      -> (" + results + ")";
    if (!options.ignored.empty())
      text += "\n      attributes {vit.ignored = " + list(options.ignored) + "}";
    text += " {\n";
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (alive[i] && graph.nodes[i].op != Op::Input)
        text += line(i);
    for (const Output &output : graph.outputs) {
      values += (values.empty() ? "" : ", ") + ssa[output.value.id];
      types += (types.empty() ? "" : ", ") + type(output.value.id);
    }
    return text + "    return " + values + " : " + types + "\n  }\n}\n";
  }

private:
  std::string type(int id) const { return "tensor<" + shapeText(graph.nodes[id].shape) + "xf32>"; }

  /// A name for the result: that of the op, made unique by the mnemonic, then by a number.
  const std::string &define(std::size_t id) {
    std::string name = nameOf(graph, graph.nodes[id].name);
    for (char &c : name)
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.' && c != '$')
        c = '_';
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])))
      name = "v" + name;
    if (taken.contains(name))
      name += std::string(".") + mnemonic(graph.nodes[id].op);
    std::string unique = name;
    for (int i = 2; taken.contains(unique); ++i)
      unique = name + "_" + std::to_string(i);
    taken.insert(unique);
    return ssa[id] = "%" + unique;
  }

  std::string line(std::size_t id) {
    const Node &node = graph.nodes[id];
    std::string body = attributes(node), types;
    std::span<const int> operands = graph.operandsOf(node);
    if (node.op == Op::Scale) // a vector has its type beside it, and so has a bias
      operands = operands.first(1);
    if (node.op == Op::Attention)
      operands = operands.first(3);
    for (int operand : operands)
      types += (types.empty() ? "" : ", ") + type(operand);
    if (node.op == Op::Weight || node.op == Op::RopeTable)
      types = type(id);
    else
      types = (node.op == Op::Concat ? "(" + types + ")" : types) + " -> " + type(id);
    return "    " + define(id) + " = vit." + mnemonic(node.op) + " " + body + " : " + types +
           " loc(" + quote(nameOf(graph, node.name)) + ")\n";
  }

  /// Operands and attributes, as the op's assembly format orders them.
  std::string attributes(const Node &node) const {
    std::span<const int> values = graph.operandsOf(node);
    std::string operands;
    for (int value : values)
      operands += (operands.empty() ? "" : ", ") + ssa[value];
    switch (node.op) { // no default: an op without a form is a warning, which is an error
    case Op::Weight:
      return weight(node);
    case Op::Slice:
      return operands + " rows " + std::to_string(node.first);
    case Op::Permute:
      return operands + " " + list(std::span(node.dimensions).first(node.shape.rank));
    case Op::Patchify:
      return operands + (node.order == PatchOrder::Conv ? " conv " : " unfold ") + list(node.patch);
    case Op::Select:
      return operands + " token " + std::to_string(node.first);
    case Op::SliceTokens:
    case Op::MeanTokens:
      return operands + " from " + std::to_string(node.first);
    case Op::MergePatches:
      return operands + " grid " + list(std::span(node.grid).first(2));
    case Op::Rope:
      return operands + " columns " + std::to_string(node.first);
    case Op::Resample:
      return operands + (node.filter == Filter::Linear ? " linear " : " cubic ") +
             (node.antialias ? "antialias " : "") + list(std::span(node.grid).first(2)) + " to " +
             list(std::span(node.grid).last(2));
    case Op::RelativeBias:
      return operands + distances(node) + " window " + list(std::span(node.grid).first(2)) +
             lead(node);
    case Op::RopeTable:
      return angles(node) + lead(node) + over(node);
    case Op::LayerNorm:
    case Op::RmsNorm:
      return operands + " eps " + real(node.number) +
             (node.groups == 1 ? "" : " groups " + std::to_string(node.groups));
    case Op::Gelu:
      return (node.form == GeluForm::Erf    ? "erf "
              : node.form == GeluForm::Tanh ? "tanh "
                                            : "quick ") +
             operands;
    case Op::Scale: {
      std::string vector;
      if (values.size() == 2)
        vector = (node.rows ? " rows " : " columns ") + ssa[values[1]] + " : " + type(values[1]);
      return ssa[values[0]] + vector + " by " + real(node.number);
    }
    case Op::Attention:
      return attention(node);
    case Op::Input:
    case Op::Concat:
    case Op::Reshape:
    case Op::Prepend:
    case Op::Append:
    case Op::Broadcast:
    case Op::Position:
    case Op::Linear:
    case Op::BiasAdd:
    case Op::Relu:
    case Op::Silu:
    case Op::Tanh:
    case Op::Sigmoid:
    case Op::Add:
    case Op::Mul:
      break;
    }
    return operands;
  }

  static std::string distances(const Node &node) {
    return node.grid[2] ? " from " + list(std::span(node.grid).last(2)) : "";
  }

  static std::string lead(const Node &node) {
    return node.first ? " lead " + std::to_string(node.first) : "";
  }

  std::string angles(const Node &node) const {
    std::span<const double> numbers =
        std::span(graph.numbers).subspan(node.firstNumber, node.numberCount);
    std::size_t pairs = (numbers.size() - 8) / 2;
    return "grid " + list(std::span(node.grid).first(2)) + " origin " + list(numbers.first(2)) +
           " step " + list(numbers.subspan(2, 2)) + " rows " + list(numbers.subspan(4, pairs)) +
           " columns " + list(numbers.subspan(4 + pairs, pairs));
  }

  /// What of the angles changes with the grid.
  std::string over(const Node &node) const {
    return options.anySize ? " over " + list(std::span(graph.numbers)
                                                 .subspan(node.firstNumber, node.numberCount)
                                                 .last(4))
                           : "";
  }

  std::string attention(const Node &node) const {
    std::span<const int> values = graph.operandsOf(node);
    std::string text = ssa[values[0]] + ", " + ssa[values[1]] + ", " + ssa[values[2]];
    if (values.size() == 4)
      text += " bias " + ssa[values[3]] + " : " + type(values[3]);
    text += " heads " + std::to_string(node.heads) + " head_dim " + std::to_string(node.headDim) +
            " scale " + real(node.number) + " axis " +
            (node.axis == Axis::Tokens ? "tokens" : "batch") + " offsets " + list(node.offsets);
    if (node.grid[0])
      text += " windows <grid = " + list(std::span(node.grid).first(2)) +
              ", size = " + list(std::span(node.window).first(2)) +
              ", shift = " + list(std::span(node.window).last(2)) + ">";
    return text;
  }

  std::string weight(const Node &node) const {
    Keys keys = keysOf(options.keys, nameOf(graph, node.name));
    std::string text = quote(keys.key);
    if (!keys.aliases.empty())
      text += " aliases " + list(keys.aliases);
    if (!keys.transposed.empty())
      text += " transposed " + list(keys.transposed);
    if (node.fileShape.rank)
      text += " file_shape " + list(std::vector<std::int64_t>(
                                   node.fileShape.dims, node.fileShape.dims + node.fileShape.rank));
    return text;
  }

  const Graph &graph;
  const PrintOptions &options;
  std::vector<char> alive;
  std::vector<std::string> ssa;
  std::set<std::string> taken;
};
} // namespace detail

/// The module's text. That of a graph with a problem, or without outputs, is a line that says so
/// and that vitc refuses, so that no program writes an empty file for it.
inline std::string printMlir(const Graph &graph, const PrintOptions &options = {}) {
  if (graph.problem.found)
    return "error: " + problemText(graph) + "\n";
  if (graph.outputs.empty())
    return "error: model: expected outputs, at least 1, found 0\n";
  return detail::Printer(graph, options).print();
}

} // namespace vitc::graph
#endif // VITC_GRAPH_PRINT_H
