//===- Parts.h - What timm's transformers have in common -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Tokens before the blocks, pooling and head behind them. Names are timm's own.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_TIMM_PARTS_H
#define VITC_FRONTEND_CHECKPOINT_TIMM_PARTS_H

#include "frontend/checkpoint/Registry.h"
#include "frontend/checkpoint/timm/TimmConfig.h"

namespace vitc::checkpoint::timm {

/// Patches, tokens before them, positions.
struct Embedding {
  Sizes sizes;
  bool patchBias = true;
  std::optional<dsl::Norm> patchNorm = {};
  bool classToken = true, distToken = false;
  int64_t registers = 0;
  bool positions = true;     ///< a learned table
  bool patchesAlone = false; ///< it has no rows for the tokens before patches
  graph::Resampling how = bicubic;

  int64_t prefix() const { return int64_t(classToken) + int64_t(distToken) + registers; }
  graph::Grid grid() const { return gridOf(sizes.seen, sizes.patch); }
};
graph::Value embed(graph::Graph &g, const Embedding &embedding);

/// From tokens to one row of an image.
struct Pooling {
  std::string kind; ///< "token", "avg", "map", "prr", or "": all tokens
  bool classToken = true;
  int64_t prefix = 0;
  bool includePrefix = false;
  std::optional<dsl::Norm> fcNorm = {};
  int64_t heads = 1, hidden = 1; ///< of "map" and "prr"
  dsl::Norm norm = {};
  dsl::Activation activation = dsl::Activation::Gelu;
};
/// Reads "global_pool"; `hasClassToken` for what it needs.
std::string readPooling(Config &args, bool hasClassToken);
/// Pooled and normalised.
graph::Value pool(graph::Graph &g, graph::Value x, const Pooling &pooling);

/// The embeddings and what each block gives, as "hidden_states.N".
void addStates(ImportedGraph &model, const std::vector<graph::Value> &states);
/// `pooled` and what the head makes of it; and the tokens and patches of `hidden`.
void addOutputs(ImportedGraph &model, graph::Value hidden, graph::Value pooled,
                const Embedding &embedding);

} // namespace vitc::checkpoint::timm
#endif // VITC_FRONTEND_CHECKPOINT_TIMM_PARTS_H
