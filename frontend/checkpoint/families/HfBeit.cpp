//===- HfBeit.cpp - HuggingFace BEiT and Data2Vec-Vision -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Attention has a bias learned for relative positions: a table for each layer,
// one for all of them, both, or none; keys have no bias of their own. Positions
// may be added too, branches are scaled, and the mean of the patches is pooled.
// The two families differ in names, and in whether the plain model pools.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

namespace {
struct Variant {
  const char *title, *type, *prefix, *model, *classifier;
  bool modelPools, freeHeads;
};
constexpr Variant beit = {"BEiT", "beit", "beit.", "BeitModel", "BeitForImageClassification",
                          true,   true};
constexpr Variant data2vec = {"Data2Vec-Vision",
                              "data2vec-vision",
                              "data2vec_vision.",
                              "Data2VecVisionModel",
                              "Data2VecVisionForImageClassification",
                              false,
                              false};

/// Where relative positions come from, and how they are pooled.
struct Settings {
  bool ownBias = false, sharedBias = false, meanPools = true;
  graph::Grid learned; ///< window of the tables
  bool anySize = false;
};
} // namespace

/// Keys of transformers 5, aliases of transformers 4.
template <const Variant &V> static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"shared_bias", "shared_position_bias.relative_position_bias_table",
       {"encoder.relative_position_bias.relative_position_bias_table"}},
      {"blocks.*.bias", "layers.*.relative_position_bias.relative_position_bias_table",
       {"encoder.layer.*.attention.attention.relative_position_bias.relative_position_bias_table"}},
      {"blocks.*.ls1", "layers.*.lambda_1", {"encoder.layer.*.lambda_1"}},
      {"blocks.*.ls2", "layers.*.lambda_2", {"encoder.layer.*.lambda_2"}},
      {"blocks.*.norm1", "layers.*.layernorm_before", {"encoder.layer.*.layernorm_before"}},
      {"blocks.*.norm2", "layers.*.layernorm_after", {"encoder.layer.*.layernorm_after"}},
      {"blocks.*.attn.q", "layers.*.attention.q_proj", {"encoder.layer.*.attention.attention.query"}},
      {"blocks.*.attn.k", "layers.*.attention.k_proj", {"encoder.layer.*.attention.attention.key"}},
      {"blocks.*.attn.v", "layers.*.attention.v_proj", {"encoder.layer.*.attention.attention.value"}},
      {"blocks.*.attn.proj", "layers.*.attention.o_proj", {"encoder.layer.*.attention.output.dense"}},
      {"blocks.*.mlp.fc1", "layers.*.mlp.fc1", {"encoder.layer.*.intermediate.dense"}},
      {"blocks.*.mlp.fc2", "layers.*.mlp.fc2", {"encoder.layer.*.output.dense"}},
      {"norm", "layernorm"},
      {"pooler", "pooler.layernorm"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = architecture == V.model ? std::vector{V.prefix, ""} : std::vector{V.prefix};
  return scheme;
}

static Encoder encoderOf(Config &config, const HfSizes &s) {
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  if (config.flag("use_absolute_position_embeddings", false))
    e.positions = readPositions(config, s, /*lead=*/1, /*antialias=*/false, /*always=*/false);
  e.layers = s.layers;
  e.block.attention.heads = s.heads;
  e.block.attention.headDim = s.headDim;
  e.block.attention.biased.k = false;
  e.block.mlp = {s.mlp, readActivation(config, "hidden_act", "gelu")};
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.block.layerScale = config.notNegative("layer_scale_init_value", 0.1) > 0;
  return e;
}

/// Gives the attention of every layer its bias behind a class token, from tables that may have been
/// learned for another grid. transformers reshapes the rows of a table with width and height
/// exchanged, and resamples them whenever the shapes differ, which they do for a grid with sides of
/// two lengths.
static void addBias(Encoder &e, graph::Graph &g, const Settings &settings) {
  int64_t heads = e.block.attention.heads;
  graph::Grid grid = e.grid();
  graph::Grid rows = {2 * settings.learned.width - 1, 2 * settings.learned.height - 1};
  bool fits = !settings.anySize && rows == graph::Grid{2 * grid.height - 1, 2 * grid.width - 1};
  auto tableAt = [=](Scope s) { return graph::weight(s, {rows.places() + 3, heads}); };
  auto expand = [=](Scope s, Value table) {
    return graph::relativeBias(s, table, grid, /*lead=*/1, grid.places() + 1,
                               fits ? graph::Grid{} : rows);
  };
  Value common;
  if (settings.sharedBias)
    common = tableAt(g / "shared_bias");
  Value all =
      settings.sharedBias && !settings.ownBias ? expand(g / "shared_bias", common) : Value();
  e.vary = [=, own = settings.ownBias](Scope s, dsl::Block &block) {
    block.attention.how.bias = all;
    if (!own)
      return;
    Scope at = s / "bias";
    Value table = tableAt(at);
    block.attention.how.bias =
        expand(at, common.id >= 0 ? graph::add(at / "both", table, common) : table);
  };
}

/// Index buffers of attention, which older files have, and the mask token.
static std::vector<std::string> unusedTensors(const Variant &v, const std::string &architecture,
                                              int64_t layers) {
  std::vector<std::string> names = {"embeddings.mask_token",
                                    "encoder.relative_position_bias.relative_position_index",
                                    "shared_position_bias.relative_position_index"};
  for (int64_t i = 0; i < layers; ++i) {
    names.push_back(fmt::format("encoder.layer.{}.attention.attention.relative_position_bias."
                                "relative_position_index",
                                i));
    names.push_back(fmt::format("layers.{}.relative_position_bias.relative_position_index", i));
  }
  std::vector<std::string> unused;
  for (const std::string &name : names)
    unused.insert(unused.end(), {name, v.prefix + name});
  if (architecture == v.model)
    unused.insert(unused.end(), {"classifier.*", "pooler.*", v.prefix + std::string("pooler.*")});
  return unused;
}

static ImportedGraph importVariant(const Variant &v, Config &config, const NamedTensors &tensors) {
  ImportedGraph model;
  model.architecture =
      readClass(config, tensors, {{v.classifier, "head.weight"}, {v.model, nullptr}});
  if (tensors.haveFile())
    hintSizes(config, tensors, /*lead=*/1);
  config.harmless({"model_type"}); // which found this family
  HfSizes sizes = readSizes(config, {.freeHeads = v.freeHeads,
                                     .queries = tensors.extent("blocks.0.attn.q.weight", 2, 0)});
  expectSquare(config, "patch_size", sizes.patch);
  Encoder encoder = encoderOf(config, sizes);
  Settings settings = {config.flag("use_relative_position_bias", false),
                       config.flag("use_shared_relative_position_bias", false),
                       config.flag("use_mean_pooling", true), gridOf(sizes.image, sizes.patch),
                       config.wantedGrid.has_value()};
  int64_t classes = readClassCount(config);
  config.harmless({"vocab_size", "use_mask_token", // of masked images; below: of segmentation
                   "pool_scales", "use_auxiliary_head", "auxiliary_loss_weight",
                   "auxiliary_channels", "auxiliary_num_convs", "auxiliary_concat_input",
                   "semantic_loss_ignore_index", "out_indices", "out_features", "stage_names",
                   "segmentation_indices", "add_fpn", "reshape_hidden_states"});
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  if (!settings.meanPools)
    encoder.norm = encoder.block.norm;
  addBias(encoder, g, settings);
  Encoded encoded = encode(g, encoder);
  bool classifies = model.architecture == v.classifier;
  bool pools = classifies || (v.modelPools && (!settings.meanPools || !tensors.haveFile() ||
                                               tensors.has("pooler.weight")));
  Value pooled =
      settings.meanPools
          ? encoder.block.norm(g / "pooler", graph::meanTokens(g / "mean", encoded.last, 1))
          : graph::select(g / "token", encoded.last, 0);
  if (classifies)
    model.outputs = {{"logits", dsl::Linear{classes}(g / "head", pooled)}};
  model.outputs.push_back({"last_hidden_state", encoded.last, !classifies});
  if (pools)
    model.outputs.push_back({"pooler_output", pooled, !classifies});
  addStates(model, encoder, encoded);
  model.unused = unusedTensors(v, model.architecture, sizes.layers);
  return model;
}

template <const Variant &V> static Family family(const char *name, const char *values) {
  return {.name = name,
          .key = "model_type",
          .values = values,
          .matches = [](const Config &config) { return config.is("model_type", V.type); },
          .architectures = {V.classifier, V.model},
          .import =
              [](Config &config, const vitrt::TensorNames *tensors) {
                return importVariant(V, config, NamedTensors(tensors, keys<V>(V.model)));
              },
          .keys = keys<V>,
          .title = V.title};
}

Family hfBeit() { return family<beit>("hf-beit", "\"beit\""); }
Family hfData2VecVision() { return family<data2vec>("hf-data2vec-vision", "\"data2vec-vision\""); }

} // namespace vitc::checkpoint
