//===- RandomModel.h - Random models in the DSL -----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model is some independent cases on one image. A case is a root, which is one
// op of the graph that has a kernel of its own, with up to six elementwise ops
// behind it (before it too, for a norm) whose operands are chosen among all that
// is there; one or two of their values are outputs. RandomModel.cpp has one table
// with an entry for each op of the graph: an op without one does not compile.
//
// Everything follows from the seed and the number of the case, so cases can be
// looked at alone, and with ops left out.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_MODELS_RANDOMMODEL_H
#define VITC_TEST_MODELS_RANDOMMODEL_H

#include "vitc/graph/Graph.h"

#include <optional>
#include <string>

namespace vitc::test {

struct RandomModelOptions {
  std::uint64_t seed = 1;
  std::int64_t first = 0, count = 7; ///< cases [first, first + count)
  int mostOps = 6;                   ///< elementwise ops behind a root
  std::optional<graph::Op> root;     ///< of every case; else case i has root i modulo their number
  bool wide = false;                 ///< widths and tokens of real models, not of small ones
  std::vector<std::int64_t> dropped; ///< elementwise ops that are left out, by number in their case
};

/// The roots, by their names in IR; "input" stands for kernels without one. Case i has root i
/// modulo their number.
std::vector<graph::Op> randomModelRoots();

struct RandomModel {
  graph::Graph graph;
};

/// The input is pixel_values; outputs are "case.12" and "case.12.b"; the n-th elementwise op of
/// case i is at "case.<i>.op.<n>".
RandomModel randomModel(const RandomModelOptions &options);

} // namespace vitc::test
#endif // VITC_TEST_MODELS_RANDOMMODEL_H
