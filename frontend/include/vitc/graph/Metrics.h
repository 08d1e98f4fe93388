//===- Metrics.h - What a graph computes, and how much ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Only what outputs depend on counts: a pooler whose output nobody asked for
// has no parameters.
//===----------------------------------------------------------------------===//
#ifndef VITC_GRAPH_METRICS_H
#define VITC_GRAPH_METRICS_H

#include "vitc/graph/Graph.h"

#include <type_traits>

namespace vitc::graph {

namespace detail {
inline void thisGraphDoesNotFit() {} // not constexpr: to call it ends a constant evaluation
} // namespace detail

/// Figures of a graph with a problem are 0 at run time and no constant at compile time.
constexpr bool shapesFit(const Problem &problem, Shape expected, Shape found) {
  if (!problem.found)
    return true;
  if (std::is_constant_evaluated())
    detail::thisGraphDoesNotFit();
  static_cast<void>(expected), static_cast<void>(found); // shown in the compiler's message
  return false;
}
constexpr bool fits(const Graph &graph) {
  return shapesFit(graph.problem, graph.problem.expected, graph.problem.actual);
}

/// For each node, 1 if an output depends on it. Inputs are always alive: they are in the signature.
constexpr std::vector<char> live(const Graph &graph) {
  std::vector<char> alive(graph.nodes.size(), 0);
  for (const Output &output : graph.outputs)
    alive[output.value.id] = 1;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node &node = graph.nodes[i];
    if (node.op == Op::Input)
      alive[i] = 1;
    if (alive[i])
      for (int operand : graph.operandsOf(node))
        alive[operand] = 1;
  }
  return alive;
}

/// a + b * c, or the largest number.
constexpr std::int64_t addProduct(std::int64_t a, std::int64_t b, std::int64_t c) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (c != 0 && b > (most - a) / c)
    return most;
  return a + b * c;
}

/// Floating-point operations per image, a multiply-add counted as two: those of matrix products
/// alone, 2 M N K of a linear and 4 Sq Sk heads head_dim of an attention. Sk of an attention over
/// the batch is `images`. Saturates.
constexpr std::int64_t flops(const Graph &graph, std::int64_t images = 1) {
  if (!fits(graph))
    return 0;
  std::vector<char> alive = live(graph);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (!alive[i] || (node.op != Op::Linear && node.op != Op::Attention))
      continue;
    if (node.op == Op::Linear) {
      total = addProduct(total, 2 * node.shape.elements(),
                         graph.shape({graph.operandsOf(node)[0]}).width());
      continue;
    }
    std::int64_t keys =
        node.axis == Axis::Batch ? images : graph.shape({graph.operandsOf(node)[1]})[1];
    if (node.grid[0])
      keys = node.window[0] * node.window[1];
    total = addProduct(total, 4 * node.shape.elements(), keys);
  }
  return total;
}

/// Numbers in the checkpoint that the outputs depend on.
constexpr std::int64_t parameters(const Graph &graph) {
  if (!fits(graph))
    return 0;
  std::vector<char> alive = live(graph);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (alive[i] && graph.nodes[i].op == Op::Weight)
      total = addProduct(total, graph.nodes[i].shape.elements(), 1);
  return total;
}

/// The shape of the output of that name; no shape if there is none.
constexpr Shape outputShape(const Graph &graph, std::string_view name) {
  if (!fits(graph))
    return {};
  for (const Output &output : graph.outputs)
    if (detail::isWritten(graph, output.name, name))
      return graph.shape(output.value);
  return {};
}

} // namespace vitc::graph
#endif // VITC_GRAPH_METRICS_H
