//===- Weights.cpp - Compare a weight file with a graph --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Found at build time, a wrong file costs a second; found at load time it costs
// a deployment. Only names, shapes and types are compared, so it is quick.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Weights.h"

#include "frontend/checkpoint/Recognise.h"
#include "weights/Safetensors.h"
#include "weights/TensorNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <fmt/format.h>

using namespace llvm;
using vitrt::quoted;

namespace vitc::checkpoint {

/// Calls `visit` with the node and keys of every weight that is alive, or of every one that is not.
template <class Visit>
static void forWeights(const graph::Graph &graph, const graph::KeyScheme &scheme, bool alive,
                       Visit visit) {
  std::vector<char> used = graph::live(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (const graph::Node &node = graph.nodes[i];
        node.op == graph::Op::Weight && bool(used[i]) == alive)
      visit(node, graph::keysOf(scheme, graph::nameOf(graph, node.name)));
}

std::vector<std::string> deadWeights(const graph::Graph &graph, const graph::KeyScheme &scheme) {
  std::vector<std::string> names;
  forWeights(graph, scheme, /*alive=*/false, [&](const graph::Node &, const graph::Keys &keys) {
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
  explicit Checker(const vitrt::TensorNames &tensors) : tensors(tensors) {}

  /// The one tensor for a weight. Fills `problem` if there is none, two, or one that does not fit.
  void check(const graph::Node &node, const graph::Keys &keys) {
    const graph::Shape &shape = node.fileShape.rank ? node.fileShape : node.shape;
    std::vector<int64_t> expected(shape.dims, shape.dims + shape.rank);
    const vitrt::FileTensor *found = nullptr;
    auto look = [&](const std::string &name, bool transposed) {
      auto looked = tensors.find(name);
      if (!looked && problem.empty())
        problem = looked.error();
      if (!problem.empty() || !*looked || *looked == found)
        return; // found by another name that has or lacks the word of a wrapper
      const vitrt::FileTensor *tensor = *looked;
      used.insert(tensor->name);
      if (note.empty())
        note = vitrt::TensorNames::note(*tensor, name);
      if (found) {
        problem = fmt::format("{} and {} are names of the same weight, expected one of them",
                              quoted(found->name), quoted(tensor->name));
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
    if (!found && problem.empty()) {
      isMissing = true;
      problem = fmt::format("{} is missing, the model expects {}", quoted(keys.key),
                            vitrt::shapeText(expected));
    }
  }

  void compare(const vitrt::FileTensor &tensor, const std::vector<int64_t> &expected) {
    if (tensor.shape != expected)
      problem = fmt::format("{} is {}, the model expects {}", quoted(tensor.name),
                            vitrt::shapeText(tensor.shape), vitrt::shapeText(expected));
    else if (!vitrt::isFloat(tensor.type))
      problem = fmt::format("{} has type {}, the model expects F64, F32, F16 or BF16",
                            quoted(tensor.name), vitrt::nameOf(tensor.type));
  }

  const vitrt::TensorNames &tensors;
  StringSet<> used;
  std::string problem, note;
  bool isMissing = false; ///< whether the problem is that a tensor is not there
};
} // namespace

/// "; the tensors are those of ...", if those of the graph are not.
static std::string otherModel(const graph::Graph &graph, const graph::KeyScheme &scheme,
                              const vitrt::Safetensors &file) {
  std::vector<std::string> wanted;
  forWeights(graph, scheme, /*alive=*/true, [&](const graph::Node &, const graph::Keys &keys) {
    wanted.push_back(keys.key);
    append_range(wanted, keys.aliases);
  });
  std::string other = modelOfTensors(file);
  return other.empty() || other == modelOfTensors(wanted) ? ""
                                                          : "; the tensors are those of " + other;
}

vitrt::Result<void> checkWeights(const graph::Graph &graph, const graph::PrintOptions &names,
                                 const vitrt::Safetensors &file, const vitrt::TensorNames &tensors,
                                 std::vector<std::string> &notes) {
  Checker checker(tensors);
  forWeights(graph, names.keys, /*alive=*/true,
             [&](const graph::Node &node, const graph::Keys &keys) {
               if (checker.problem.empty())
                 checker.check(node, keys);
             });
  for (const vitrt::FileTensor &tensor : file.tensors()) {
    if (!checker.problem.empty())
      break;
    if (checker.used.contains(tensor.name))
      continue;
    if (isIgnored(tensor.name, names.ignored) ||
        isIgnored(vitrt::TensorNames::inner(tensor), names.ignored))
      notes.push_back(fmt::format("{}: {} is not used", quoted(file.path()), quoted(tensor.name)));
    else
      checker.problem = fmt::format("{} ({}) is not a tensor of this model", quoted(tensor.name),
                                    vitrt::shapeText(tensor.shape));
  }
  if (!checker.note.empty())
    notes.push_back(fmt::format("{}: {}", quoted(file.path()), checker.note));
  if (checker.problem.empty())
    return {};
  if (checker.isMissing)
    checker.problem += otherModel(graph, names.keys, file);
  return vitrt::Error{fmt::format("weights {}: {}", quoted(file.path()), checker.problem)};
}

} // namespace vitc::checkpoint
