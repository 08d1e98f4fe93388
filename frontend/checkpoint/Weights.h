//===- Weights.h - Compare a weight file with a graph ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_WEIGHTS_H
#define VITC_FRONTEND_CHECKPOINT_WEIGHTS_H

#include "vitc/graph/Print.h"
#include "weights/Result.h"

#include <string>
#include <vector>

namespace vitrt {
class Safetensors;
class TensorNames;
} // namespace vitrt

namespace vitc::checkpoint {

/// Every name of the weights that no output of the graph depends on.
std::vector<std::string> deadWeights(const graph::Graph &graph, const graph::KeyScheme &keys);

/// Every weight of the graph must be in `file` under exactly one of its names, maybe inside
/// wrappers, with its shape and a float type, and nothing else but the ignored tensors. Those and
/// wrappers become notes. `tensors` is the index of `file`.
vitrt::Result<void> checkWeights(const graph::Graph &graph, const graph::PrintOptions &names,
                                 const vitrt::Safetensors &file, const vitrt::TensorNames &tensors,
                                 std::vector<std::string> &notes);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_WEIGHTS_H
