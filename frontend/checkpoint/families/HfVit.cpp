//===- HfVit.cpp - HuggingFace ViT -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// ViTForImageClassification and ViTModel, with the defaults of ViTConfig.
// Pre-norm blocks, class token first, position table without resampling.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/Registry.h"
#include "weights/Safetensors.h"

using namespace llvm;

namespace vitc::checkpoint {

using dsl::Activation;
using graph::Scope;
using graph::Value;

static constexpr const char *classifierName = "ViTForImageClassification";

/// Keys of transformers 5, aliases of transformers 4.
static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"blocks.*.norm1", "layers.*.layernorm_before", {"encoder.layer.*.layernorm_before"}},
      {"blocks.*.norm2", "layers.*.layernorm_after", {"encoder.layer.*.layernorm_after"}},
      {"blocks.*.attn.q", "layers.*.attention.q_proj", {"encoder.layer.*.attention.attention.query"}},
      {"blocks.*.attn.k", "layers.*.attention.k_proj", {"encoder.layer.*.attention.attention.key"}},
      {"blocks.*.attn.v", "layers.*.attention.v_proj", {"encoder.layer.*.attention.attention.value"}},
      {"blocks.*.attn.proj", "layers.*.attention.o_proj", {"encoder.layer.*.attention.output.dense"}},
      {"blocks.*.mlp.fc1", "layers.*.mlp.fc1", {"encoder.layer.*.intermediate.dense"}},
      {"blocks.*.mlp.fc2", "layers.*.mlp.fc2", {"encoder.layer.*.output.dense"}},
      {"norm", "layernorm"},
      {"pooler", "pooler.dense"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = architecture == classifierName ? std::vector{"vit."} : std::vector{"", "vit."};
  return scheme;
}

namespace {
/// The settings of ViTConfig that decide the encoder.
struct Settings {
  HfSizes sizes;
  bool qkvBias;
  Activation activation;
};
} // namespace

/// The encoder, and its last hidden state after the final norm.
static Value encoder(graph::Graph &g, const Settings &settings) {
  const HfSizes &s = settings.sizes;
  Value x =
      graph::input(g / "pixel_values", {graph::batch, s.channels, s.image.height, s.image.width});
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  x = dsl::Position{}(g / "pos_embed", x);
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < s.layers && !g.problem.found; ++i)
    x = dsl::EncoderBlock{s.heads, s.mlp, s.eps, settings.activation, settings.qkvBias}(blocks / i,
                                                                                        x);
  return dsl::LayerNorm{s.eps}(g / "norm", x);
}

/// Published ViTModels come with and without a pooler; the config does not say.
static bool hasPooler(const vitrt::Safetensors *file) {
  return !file || file->find("pooler.dense.weight") || file->find("vit.pooler.dense.weight");
}

static ImportedGraph importGraph(Config &config, const vitrt::Safetensors *file) {
  ImportedGraph model;
  model.architecture = readArchitecture(config, {classifierName, "ViTModel"});
  config.text("model_type");
  HfSizes sizes = readSizes(config, HfSizes());
  Settings settings = {sizes, config.flag("qkv_bias", true),
                       readActivation(config, "hidden_act", "gelu")};
  bool classifier = model.architecture == classifierName;
  int64_t classes = readClassCount(config);
  config.harmless({"pooler_output_size"}); // which may be null
  int64_t poolerWidth =
      config.has("pooler_output_size") ? config.size("pooler_output_size") : sizes.width;
  Activation poolerAct = Activation::Tanh;
  if (classifier)
    config.harmless({"pooler_act"}); // the class has no pooler
  else
    poolerAct = readActivation(config, "pooler_act", "tanh");
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Value hidden = encoder(g, settings);
  if (classifier) {
    model.unused = {"vit.embeddings.mask_token", "vit.pooler.*", "pooler.*"};
    model.outputs = {{"logits", dsl::Head{classes}(g / "head", hidden)},
                     {"last_hidden_state", hidden, /*isDefault=*/false}};
    return model;
  }
  model.unused = {"embeddings.mask_token", "vit.embeddings.mask_token"};
  model.outputs = {{"last_hidden_state", hidden}};
  if (hasPooler(file)) {
    Scope pooler = g / "pooler";
    Value x = graph::select(pooler / "token", hidden, 0);
    x = dsl::activate(pooler, dsl::Linear{poolerWidth}(pooler, x), poolerAct);
    model.outputs.push_back({"pooler_output", x});
  }
  return model;
}

Family hfVit() {
  return {.name = "hf-vit",
          .key = "model_type",
          .values = "\"vit\"",
          .matches = [](const Config &config) { return config.is("model_type", "vit"); },
          .import = importGraph,
          .keys = keys};
}

} // namespace vitc::checkpoint
