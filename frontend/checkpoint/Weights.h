//===- Weights.h - Compare a weight file with a graph ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_WEIGHTS_H
#define VITC_FRONTEND_CHECKPOINT_WEIGHTS_H

#include "frontend/checkpoint/Models.h"

namespace vitc {

/// Names of tensors that the file may have and the graph does not use: those known of the family,
/// and the weights of outputs that were not asked for.
std::vector<std::string> unusedTensors(const Model &model);

/// Every weight of the graph must be in `file` under exactly one of its names, with its shape and a
/// float type, and nothing else but `ignored` tensors, which become notes.
vitrt::Result<void> checkWeights(const Model &model, const std::vector<std::string> &ignored,
                                 const vitrt::Safetensors &file, std::vector<std::string> &notes);

} // namespace vitc
#endif // VITC_FRONTEND_CHECKPOINT_WEIGHTS_H
