//===- Encoder.h - The encoder that most families share --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Patches, tokens before them, positions, pre-norm blocks, a norm. Families
// differ in the settings; what a class makes of the last hidden state is theirs.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_ENCODER_H
#define VITC_FRONTEND_CHECKPOINT_ENCODER_H

#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/Registry.h"
#include "vitc/dsl/Layers.h"

#include <functional>
#include <optional>
#include <vector>

namespace vitc::checkpoint {

/// Places: patch_embed, patch_norm, cls_token, dist_token, register_tokens, detection_tokens,
/// pos_embed, pre_norm, blocks.N, norm.
struct Encoder {
  int64_t channels = 3;
  Size seen; ///< of the images
  dsl::PatchEmbed patches;
  std::optional<dsl::Norm> patchNorm = {}; ///< of the patches alone
  /// Before the patches, in this order.
  bool classToken = true, distillationToken = false;
  int64_t registers = 0;    ///< these have no positions
  int64_t detections = 0;   ///< behind the patches
  bool classVector = false; ///< the class token is stored as [width]
  std::optional<dsl::PositionTable> positions = {};
  /// A table that is not learned, for the tokens of the patches.
  std::function<graph::Value(graph::Scope)> fixedPositions = {};
  std::optional<dsl::Norm> preNorm = {};
  int64_t layers = 12;
  dsl::Block block;
  /// What a block at this place has that others have not.
  std::function<void(graph::Scope, dsl::Block &)> vary = {};
  /// What becomes of the tokens between block `before` and the next.
  std::function<graph::Value(int64_t before, graph::Value)> between = {};
  std::optional<dsl::Norm> norm = {};

  /// Tokens before the patches.
  int64_t lead() const { return int64_t(classToken) + int64_t(distillationToken) + registers; }
  graph::Grid grid() const { return gridOf(seen, {patches.patchHeight, patches.patchWidth}); }
};

/// What an encoder makes of images.
struct Encoded {
  std::vector<graph::Value> states; ///< the embeddings, then what each block gives
  graph::Value last;                ///< after the norm, if there is one
};
Encoded encode(graph::Graph &graph, const Encoder &encoder);

/// Outputs that --outputs can ask for: "hidden_states.0", the embeddings, and so on.
void addHiddenStates(ImportedGraph &model, llvm::ArrayRef<graph::Value> states);
/// And "patch_grid": the tokens from `lead` on as [batch, height, width, columns].
void addPatchGrid(ImportedGraph &model, graph::Value tokens, int64_t lead, graph::Grid grid);
/// Both, of an encoder.
void addStates(ImportedGraph &model, const Encoder &encoder, const Encoded &encoded);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_ENCODER_H
