//===- Weights.cpp - Compare a weight file with a graph --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Found at build time, a wrong file costs a second; found at load time it costs
// a deployment. Only names, shapes and types are compared, so it is quick.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Weights.h"

#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;
using vitrt::quoted;

namespace vitc {

/// Calls `visit` for every weight that is alive, or for every one that is not.
template <class Visit> static void forWeights(const Model &model, bool alive, Visit visit) {
  std::vector<char> used = graph::live(model.graph);
  for (size_t i = 0; i < model.graph.nodes.size(); ++i)
    if (model.graph.nodes[i].op == graph::Op::Weight && bool(used[i]) == alive)
      visit(model.graph.nodes[i]);
}

static graph::Keys keysOf(const Model &model, const graph::Node &node) {
  return graph::keysOf(model.keys, graph::nameOf(model.graph, node.name));
}

std::vector<std::string> unusedTensors(const Model &model) {
  std::vector<std::string> names = model.unused;
  forWeights(model, /*alive=*/false, [&](const graph::Node &node) {
    graph::Keys keys = keysOf(model, node);
    names.push_back(keys.key);
    append_range(names, keys.aliases);
    append_range(names, keys.transposed);
  });
  return names;
}

static bool isIgnored(StringRef name, const std::vector<std::string> &patterns) {
  return any_of(patterns, [&](StringRef pattern) {
    return pattern.consume_back("*") ? name.starts_with(pattern) : name == pattern;
  });
}

namespace {
class Checker {
public:
  Checker(const vitrt::Safetensors &file) : file(file) {}

  /// The one tensor for a weight. Fills `problem` if there is none, two, or one that does not fit.
  void check(const graph::Node &node, const graph::Keys &keys) {
    const graph::Shape &shape = node.fileShape.rank ? node.fileShape : node.shape;
    std::vector<int64_t> expected(shape.dims, shape.dims + shape.rank);
    const vitrt::FileTensor *found = nullptr;
    auto look = [&](const std::string &name, bool transposed) {
      const vitrt::FileTensor *tensor = file.find(name);
      if (!tensor || !problem.empty())
        return;
      used.insert(name);
      if (found) {
        problem = quoted(found->name) + " and " + quoted(name) +
                  " are names of the same weight, expected one of them";
        return;
      }
      found = tensor;
      compare(*tensor, transposed ? std::vector(expected.rbegin(), expected.rend()) : expected);
    };
    look(keys.key, false);
    for (const std::string &alias : keys.aliases)
      look(alias, false);
    for (const std::string &name : keys.transposed)
      look(name, true);
    if (!found && problem.empty())
      problem = quoted(keys.key) + " is missing, the model expects " + vitrt::shapeText(expected);
  }

  void compare(const vitrt::FileTensor &tensor, const std::vector<int64_t> &expected) {
    if (tensor.shape != expected)
      problem = quoted(tensor.name) + " is " + vitrt::shapeText(tensor.shape) +
                ", the model expects " + vitrt::shapeText(expected);
    else if (!vitrt::isFloat(tensor.type))
      problem = quoted(tensor.name) + " has type " + std::string(vitrt::nameOf(tensor.type)) +
                ", the model expects F64, F32, F16 or BF16";
  }

  const vitrt::Safetensors &file;
  StringSet<> used;
  std::string problem;
};
} // namespace

vitrt::Result<void> checkWeights(const Model &model, const std::vector<std::string> &ignored,
                                 const vitrt::Safetensors &file, std::vector<std::string> &notes) {
  Checker checker(file);
  forWeights(model, /*alive=*/true, [&](const graph::Node &node) {
    if (checker.problem.empty())
      checker.check(node, keysOf(model, node));
  });
  for (const vitrt::FileTensor &tensor : file.tensors()) {
    if (!checker.problem.empty())
      break;
    if (checker.used.contains(tensor.name))
      continue;
    if (isIgnored(tensor.name, ignored))
      notes.push_back(quoted(file.path()) + ": " + quoted(tensor.name) + " is not used");
    else
      checker.problem = quoted(tensor.name) + " (" + vitrt::shapeText(tensor.shape) +
                        ") is not a tensor of this model";
  }
  if (checker.problem.empty())
    return {};
  return vitrt::Error{"weights " + quoted(file.path()) + ": " + checker.problem};
}

} // namespace vitc
