//===- HfDinov3.cpp - DINOv3 of HuggingFace --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// DINOv3ViTModel. No table of positions: queries and keys of patches are turned by where the patch
// is, with -1 and 1 at the edges of the image, so other sizes need no resampling. Class token and
// registers are not turned.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <cmath>
#include <fmt/format.h>
#include <numbers>

using namespace llvm;

namespace vitc::checkpoint {

static constexpr const char *modelName = "DINOv3ViTModel";

/// Blocks are model.layer.* in transformers 5 and layer.* in published files.
static graph::KeyScheme keys(StringRef) {
  // clang-format off
  return {{
      {"cls_token", "embeddings.cls_token"},
      {"register_tokens", "embeddings.register_tokens"},
      {"patch_embed", "embeddings.patch_embeddings"},
      {"blocks.*.norm1", "model.layer.*.norm1", {"layer.*.norm1"}},
      {"blocks.*.norm2", "model.layer.*.norm2", {"layer.*.norm2"}},
      {"blocks.*.attn.q", "model.layer.*.attention.q_proj", {"layer.*.attention.q_proj"}},
      {"blocks.*.attn.k", "model.layer.*.attention.k_proj", {"layer.*.attention.k_proj"}},
      {"blocks.*.attn.v", "model.layer.*.attention.v_proj", {"layer.*.attention.v_proj"}},
      {"blocks.*.attn.proj", "model.layer.*.attention.o_proj", {"layer.*.attention.o_proj"}},
      {"blocks.*.ls1", "model.layer.*.layer_scale1.lambda1", {"layer.*.layer_scale1.lambda1"}},
      {"blocks.*.ls2", "model.layer.*.layer_scale2.lambda1", {"layer.*.layer_scale2.lambda1"}},
      {"blocks.*.mlp.gate", "model.layer.*.mlp.gate_proj", {"layer.*.mlp.gate_proj"}},
      {"blocks.*.mlp.fc1", "model.layer.*.mlp.up_proj", {"layer.*.mlp.up_proj"}},
      {"blocks.*.mlp.fc2", "model.layer.*.mlp.down_proj", {"layer.*.mlp.down_proj"}},
      {"norm", "norm"},
  }};
  // clang-format on
}

/// Half of the pairs of a head turn with the row of a patch, half with its column. From -1 to 1,
/// pair i of a half turns 2 / theta^(i / half) times.
static graph::Value ropeTable(graph::Graph &g, const Encoder &e, int64_t headDim, double theta) {
  int64_t half = headDim / 4;
  std::vector<double> rows(2 * half, 0), columns(2 * half, 0);
  for (int64_t i = 0; i < half; ++i)
    rows[i] = columns[half + i] = 2 * std::numbers::pi / std::pow(theta, double(i) / double(half));
  graph::Grid grid = e.grid();
  auto height = double(grid.height), width = double(grid.width);
  graph::Rotation how = {
      {1 / height - 1, 1 / width - 1}, {2 / height, 2 / width}, rows, columns, {1, 1}, {2, 2}};
  return graph::ropeTable(g / "rope", grid, e.lead(), how);
}

static Encoder readEncoder(Config &config, const HfSizes &s) {
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  e.registers = config.count("num_register_tokens", 0, 4096);
  e.layers = s.layers;
  dsl::Attention &attention = e.block.attention;
  attention.heads = s.heads;
  attention.biased = {config.flag("query_bias", true), config.flag("key_bias", false),
                      config.flag("value_bias", true)};
  attention.projBias = config.flag("proj_bias", true);
  e.block.mlp = {.hidden = s.mlp,
                 .activation = readActivation(config, "hidden_act", "gelu"),
                 .bias = config.flag("mlp_bias", true)};
  if (config.flag("use_gated_mlp", false))
    e.block.mlp.gate = dsl::Gate::Separate;
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.block.layerScale = true;
  e.norm = e.block.norm;
  return e;
}

/// What the tensors say of settings that are left out.
static void hintFlags(Config &config, const NamedTensors &tensors) {
  for (auto [key, weight] : {std::pair{"query_bias", "blocks.0.attn.q.bias"},
                             {"key_bias", "blocks.0.attn.k.bias"},
                             {"value_bias", "blocks.0.attn.v.bias"},
                             {"proj_bias", "blocks.0.attn.proj.bias"},
                             {"mlp_bias", "blocks.0.mlp.fc1.bias"},
                             {"use_gated_mlp", "blocks.0.mlp.gate.weight"}})
    config.hint(key, tensors.has(weight));
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(modelName));
  model.architecture = readClass(config, tensors, ClassHint{modelName, nullptr});
  if (tensors.haveFile()) {
    hintSizes(config, tensors, /*lead=*/0);
    hintFlags(config, tensors);
  }
  config.harmless({"model_type"}); // which found this family
  HfSizes s = readSizes(config, {.width = 384, .layers = 12, .heads = 6, .mlp = 1536, .eps = 1e-5});
  Encoder encoder = readEncoder(config, s);
  double theta = config.positive("rope_theta", 100);
  if (!config.failed() && (s.headDim % 4 || s.headDim > 65536))
    config.failFound("num_attention_heads",
                     fmt::format("heads of a multiple of 4 columns, sines and cosines of rows and "
                                 "columns, up to 65536 (of 'hidden_size' {})",
                                 s.width));
  allowHarmless(config);
  config.harmless({"attention_dropout", "layerscale_value", "drop_path_rate", // of training
                   "pos_embed_shift", "pos_embed_jitter", "pos_embed_rescale", "id2label",
                   "num_labels",
                   // of the class that gives feature maps to a detector
                   "apply_layernorm", "reshape_hidden_states", "return_class_token", "stage_names",
                   "out_features", "out_indices"});
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  encoder.block.attention.rope = {ropeTable(g, encoder, s.headDim, theta), /*halves=*/true};
  Encoded encoded = encode(g, encoder);
  model.outputs = {{"last_hidden_state", encoded.last},
                   {"pooler_output", graph::select(g / "pooler", encoded.last, 0)}};
  addStates(model, encoder, encoded);
  model.unused = {"embeddings.mask_token"};
  if (!encoder.registers) // which the file has without rows
    model.unused.push_back("embeddings.register_tokens");
  return model;
}

Family hfDinov3() {
  return {.name = "hf-dinov3",
          .key = "model_type",
          .values = "\"dinov3_vit\"",
          .matches = [](const Config &config) { return config.is("model_type", "dinov3_vit"); },
          .architectures = {modelName},
          .import = importGraph,
          .keys = keys,
          .title = "DINOv3"};
}

} // namespace vitc::checkpoint
