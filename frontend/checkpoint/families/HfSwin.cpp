//===- HfSwin.cpp - HuggingFace Swin ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// SwinForImageClassification and SwinModel. Stages of blocks, whose attention is
// within windows with a learned bias; every other block has its windows shifted
// by half of one. Between stages four neighbours become one token, in a norm and
// a linear. A window as large as the grid is not shifted. transformers fills
// grids that windows do not divide with zeros, which take part in attention;
// that is refused.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Grid;
using graph::Scope;
using graph::Value;

static constexpr const char *classifierName = "SwinForImageClassification",
                            *modelName = "SwinModel";
/// Norms behind the patches and of merged patches have PyTorch's own, whatever the config says.
static constexpr double fixedEps = 1e-5;

/// Keys of transformers 5, aliases of transformers 4.
static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"embed_norm", "embeddings.norm"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"stages.*.*.norm1", "encoder.layers.*.blocks.*.layernorm_before"},
      {"stages.*.*.norm2", "encoder.layers.*.blocks.*.layernorm_after"},
      {"stages.*.*.bias", "encoder.layers.*.blocks.*.attention.relative_position_bias.relative_position_bias_table",
       {"encoder.layers.*.blocks.*.attention.self.relative_position_bias_table"}},
      {"stages.*.*.attn.q", "encoder.layers.*.blocks.*.attention.q_proj",
       {"encoder.layers.*.blocks.*.attention.self.query"}},
      {"stages.*.*.attn.k", "encoder.layers.*.blocks.*.attention.k_proj",
       {"encoder.layers.*.blocks.*.attention.self.key"}},
      {"stages.*.*.attn.v", "encoder.layers.*.blocks.*.attention.v_proj",
       {"encoder.layers.*.blocks.*.attention.self.value"}},
      {"stages.*.*.attn.proj", "encoder.layers.*.blocks.*.attention.o_proj",
       {"encoder.layers.*.blocks.*.attention.output.dense"}},
      {"stages.*.*.mlp.fc1", "encoder.layers.*.blocks.*.mlp.fc1",
       {"encoder.layers.*.blocks.*.intermediate.dense"}},
      {"stages.*.*.mlp.fc2", "encoder.layers.*.blocks.*.mlp.fc2",
       {"encoder.layers.*.blocks.*.output.dense"}},
      {"merge.*", "encoder.layers.*.downsample"},
      {"norm", "layernorm"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = architecture == modelName ? std::vector{"swin.", ""} : std::vector{"swin."};
  return scheme;
}

namespace {
/// The settings of SwinConfig.
struct Settings {
  Size image, patch, seen;
  int64_t channels = 3, width = 96, window = 7;
  std::vector<int64_t> depths, heads;
  double mlpRatio = 4, eps = 1e-5;
  bool qkvBias = true;
  std::optional<dsl::PositionTable> positions;
  dsl::Activation activation = {};
};
} // namespace

/// Refuses what transformers would fill with zeros, with the stage that needs it.
static void checkGrids(Config &config, const Settings &s) {
  if (config.failed())
    return;
  auto refuse = [&](const std::string &found) {
    config.fail("image_size", fmt::format("expected an image whose patches need no filling, found "
                                          "{}x{}, where {}",
                                          s.seen.height, s.seen.width, found));
  };
  if (s.seen.height % s.patch.height || s.seen.width % s.patch.width)
    return refuse(fmt::format("patches are {}x{}", s.patch.height, s.patch.width));
  Grid grid = gridOf(s.seen, s.patch);
  for (size_t i = 0; i < s.depths.size(); ++i) {
    if (grid.height % s.window || grid.width % s.window)
      return refuse(fmt::format("stage {} has {}x{} tokens and windows of {}x{}", i, grid.height,
                                grid.width, s.window, s.window));
    if (i + 1 < s.depths.size() && (grid.height % 2 || grid.width % 2))
      return refuse(
          fmt::format("stage {} has {}x{} tokens to merge by four", i, grid.height, grid.width));
    grid = {grid.height / 2, grid.width / 2};
  }
}

static Settings readSettings(Config &config) {
  Settings s;
  s.image = config.sizes("image_size", Size{224, 224});
  s.patch = config.sizes("patch_size", Size{4, 4});
  s.channels = config.size("num_channels", 3);
  s.width = config.size("embed_dim", 96);
  s.window = config.size("window_size", 7, /*most=*/1 << 10);
  s.depths = config.list("depths", {2, 2, 6, 2}, /*most=*/1000);
  // transformers takes both names.
  StringRef heads = config.has("num_attention_heads") ? "num_attention_heads" : "num_heads";
  s.heads = config.list(heads, {3, 6, 12, 24});
  s.mlpRatio = config.positive("mlp_ratio", 4);
  s.eps = config.positive("layer_norm_eps", 1e-5);
  s.qkvBias = config.flag("qkv_bias", true);
  s.activation = readActivation(config, "hidden_act", "gelu");
  s.seen = config.imageSize("image_size", s.image, s.patch);
  config.refuseAnySize("image_size", "its attention is in windows, which must fill the image");
  if (config.flag("use_absolute_embeddings", false))
    s.positions = readPositions(config, {.image = s.image, .patch = s.patch, .seen = s.seen},
                                /*lead=*/0, /*antialias=*/false, /*always=*/false);
  if (config.failed())
    return s;
  if (s.depths.size() != s.heads.size() || s.depths.size() > 16) {
    config.failFound(heads,
                     fmt::format("as many numbers as 'depths' has, {}, up to 16", s.depths.size()));
    return s;
  }
  for (size_t i = 0; i < s.depths.size() && !config.failed(); ++i)
    if (int64_t width = s.width << i;
        width % s.heads[i] || s.mlpRatio * width < 1 || s.mlpRatio * width > 1 << 24)
      config.failFound(heads,
                       fmt::format("numbers that divide the widths of stages, which of stage "
                                   "{} is {}, and 'mlp_ratio' of it from 1 to {}",
                                   i, width, 1 << 24));
  checkGrids(config, s);
  return s;
}

/// A block of a stage; every other one has its windows shifted.
static Value buildBlock(Scope at, Value x, const Settings &s, Grid grid, int64_t heads,
                        bool shifted) {
  int64_t width = at.shape(x).width();
  Grid window = {s.window, s.window};
  int64_t distances = (2 * s.window - 1) * (2 * s.window - 1);
  dsl::Block block = {dsl::Attention{heads, s.qkvBias},
                      dsl::Mlp{static_cast<int64_t>(s.mlpRatio * width), s.activation},
                      dsl::Norm{dsl::NormKind::Layer, s.eps}};
  graph::Heads &how = block.attention.how;
  Scope bias = at / "bias";
  how.bias = graph::relativeBias(bias, graph::weight(bias, {distances, heads}), window, /*lead=*/0,
                                 window.places());
  how.grid = grid;
  how.window = window;
  if (shifted && std::min(grid.height, grid.width) > s.window)
    how.shift[0] = how.shift[1] = s.window / 2;
  return block(at, x);
}

/// The tokens behind the last norm, and their grid. `states` gets the embeddings and what each
/// stage gives.
static Value encode(graph::Graph &g, const Settings &s, std::vector<Value> &states, Grid &grid) {
  Value x =
      graph::input(g / "pixel_values", {graph::batch, s.channels, s.seen.height, s.seen.width});
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width}(g / "patch_embed", x);
  x = dsl::LayerNorm{fixedEps}(g / "embed_norm", x);
  grid = gridOf(s.seen, s.patch);
  if (s.positions)
    x = graph::position(g / "pos_embed", x, (*s.positions)(g / "pos_embed", s.width));
  states = {x};
  Scope stages = g / "stages", merges = g / "merge";
  for (size_t i = 0; i < s.depths.size() && !g.problem.found; ++i) {
    Scope stage = stages / i;
    for (int64_t k = 0; k < s.depths[i]; ++k)
      x = buildBlock(stage / k, x, s, grid, s.heads[i], k % 2);
    if (i + 1 < s.depths.size()) {
      Scope merge = merges / i;
      x = dsl::LayerNorm{fixedEps}(merge / "norm", graph::mergePatches(merge, x, grid));
      x = dsl::Linear{s.width << (i + 1), /*bias=*/false}(merge / "reduction", x);
      grid = {grid.height / 2, grid.width / 2};
    }
    states.push_back(x);
  }
  return dsl::LayerNorm{s.eps}(g / "norm", x);
}

/// Index buffers of attention, which older files have, and the mask token.
static std::vector<std::string> unusedTensors(const Settings &s) {
  std::vector<std::string> unused;
  for (std::string prefix : {"", "swin."}) {
    unused.push_back(prefix + "embeddings.mask_token");
    for (size_t i = 0; i < s.depths.size(); ++i)
      for (int64_t k = 0; k < s.depths[i]; ++k)
        for (const char *name :
             {"self.relative_position_index", "relative_position_bias.relative_position_index"})
          unused.push_back(
              fmt::format("{}encoder.layers.{}.blocks.{}.attention.{}", prefix, i, k, name));
  }
  return unused;
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(modelName));
  model.architecture =
      readClass(config, tensors, {{classifierName, "head.weight"}, {modelName, nullptr}});
  Settings settings = readSettings(config);
  int64_t classes = readClassCount(config);
  config.harmless({"model_type",                                   // which found this family
                   "path_norm",                                    // nobody reads it
                   "out_features", "out_indices", "stage_names"}); // of backbones
  int64_t stages = settings.depths.size();                         // these follow from others
  config.neutral("num_layers", stages);
  config.neutral("num_hidden_layers", stages);
  if (!config.failed())
    config.neutral("hidden_size", settings.width << (stages - 1));
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  std::vector<Value> states;
  Grid grid;
  Value hidden = encode(g, settings, states, grid);
  Value pooled = graph::meanTokens(g / "pool", hidden, 0);
  bool classifies = model.architecture == classifierName;
  model.unused = unusedTensors(settings);
  if (classifies)
    model.outputs = {{"logits", dsl::Linear{classes}(g / "head", pooled)}};
  else
    model.unused.push_back("classifier.*");
  model.outputs.push_back({"last_hidden_state", hidden, !classifies});
  model.outputs.push_back({"pooler_output", pooled, !classifies});
  addHiddenStates(model, states);
  addPatchGrid(model, hidden, /*lead=*/0, grid);
  return model;
}

Family hfSwin() {
  return {.name = "hf-swin",
          .key = "model_type",
          .values = "\"swin\"",
          .matches = [](const Config &config) { return config.is("model_type", "swin"); },
          .architectures = {classifierName, modelName},
          .import = importGraph,
          .keys = keys,
          .title = "Swin"};
}

} // namespace vitc::checkpoint
