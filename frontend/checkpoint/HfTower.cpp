//===- HfTower.cpp - Image towers of models of images and text -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfTower.h"

using namespace llvm;

namespace vitc::checkpoint {

bool hasTowers(const Config &config, TowerTypes types) {
  return config.is("model_type", types.whole) ||
         (!config.is("model_type", types.tower) &&
          (config.has("vision_config") || config.has("vision_config_dict")));
}

void readTower(Config &config, TowerTypes types, const NamedTensors &tensors, int64_t lead,
               function_ref<void(Config &)> read) {
  auto readHinted = [&](Config &part) {
    if (tensors.haveFile())
      hintSizes(part, tensors, lead);
    read(part);
  };
  config.harmless({"model_type"}); // which found this family
  if (!hasTowers(config, types))
    return readHinted(config);
  config.harmless({"vision_config", "vision_config_dict", "text_config", "text_config_dict"});
  // Where both are there, transformers takes every setting of the latter.
  config.within(config.has("vision_config_dict") ? "vision_config_dict" : "vision_config",
                [&](Config &part) {
                  part.neutral("model_type", types.tower);
                  part.harmless({"architectures", "id2label", "num_labels"}); // of the whole
                  allowHarmless(part);
                  readHinted(part);
                });
}

Encoder encoderOf(Config &config, const HfSizes &s, int64_t lead, const char *activation) {
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  e.classToken = lead > 0;
  e.positions = readPositions(config, s, lead, /*antialias=*/false, /*always=*/false);
  e.positions->matrix = true;
  e.layers = s.layers;
  e.block.attention.heads = s.heads;
  e.block.mlp = {s.mlp, readActivation(config, "hidden_act", activation)};
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.norm = e.block.norm;
  return e;
}

int64_t readClasses(Config &config, bool classifies) {
  if (classifies)
    return readClassCount(config);
  config.harmless({"id2label", "num_labels"});
  return 0;
}

std::vector<graph::KeyRule> towerRules() {
  // clang-format off
  return {
      {"patch_embed", "embeddings.patch_embedding"},
      {"pos_embed", "embeddings.position_embedding.weight"},
      {"blocks.*.norm1", "encoder.layers.*.layer_norm1"},
      {"blocks.*.norm2", "encoder.layers.*.layer_norm2"},
      {"blocks.*.attn.q", "encoder.layers.*.self_attn.q_proj"},
      {"blocks.*.attn.k", "encoder.layers.*.self_attn.k_proj"},
      {"blocks.*.attn.v", "encoder.layers.*.self_attn.v_proj"},
      {"blocks.*.attn.proj", "encoder.layers.*.self_attn.out_proj"},
      {"blocks.*.mlp", "encoder.layers.*.mlp"},
      {"norm", "post_layernorm"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  };
  // clang-format on
}

std::vector<std::string> besideTower() {
  return {"text_model.*", "text_projection.*",       "logit_scale",
          "logit_bias",   "embeddings.position_ids", "vision_model.embeddings.position_ids"};
}

} // namespace vitc::checkpoint
