//===- TimmBeit.cpp - timm's Beit ------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// BEiT and BEiT v2: a bias of relative positions in each attention, or one that
// all share. Keys have no bias.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Parts.h"

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr StringRef classes[] = {"Beit"};

static graph::KeyScheme keys(StringRef) {
  return {{
      {"patch_embed.weight", "patch_embed.proj.weight"},
      {"patch_embed.bias", "patch_embed.proj.bias"},
      {"blocks.*.ls1", "blocks.*.gamma_1"},
      {"blocks.*.ls2", "blocks.*.gamma_2"},
      {"blocks.*.mlp.gate", "blocks.*.mlp.fc1_g"},
      {"blocks.*.mlp.fc1", "blocks.*.mlp.fc1", {"blocks.*.mlp.fc1_x"}},
  }};
}

namespace {
struct Settings {
  timm::Embedding embedding;
  timm::Pooling pooling;
  int64_t layers;
  dsl::Block block;
  bool ownBias, sharedBias, finalNorm;
};
} // namespace

static Settings readSettings(Config &args) {
  Settings s = {};
  timm::Embedding &e = s.embedding;
  e.sizes = timm::readSizes(args);
  // Tables of relative positions are stretched by a rule of their own, which is not followed.
  e.sizes.seen = args.fixedImageSize("img_size", e.sizes.image, e.sizes.patch);
  e.positions = args.flag("use_abs_pos_emb", true);
  s.layers = args.size("depth", std::nullopt, /*most=*/1000);
  int64_t heads = args.size("num_heads");
  args.expectDivides("num_heads", heads, "embed_dim", e.sizes.width);
  dsl::Norm norm = timm::readNorm(args, "norm_layer", {dsl::NormKind::Layer, 1e-6});
  s.block.norm = norm;
  s.block.attention = {.heads = heads,
                       .qkvBias = args.flag("qkv_bias", true),
                       .weights = dsl::QkvWeights::PackedBiased,
                       .biased = {.k = false}};
  s.block.mlp = {hiddenWidth(args, "mlp_ratio", e.sizes.width)};
  if (args.flag("swiglu_mlp", false)) {
    s.block.mlp.gate = dsl::Gate::Separate;
    s.block.mlp.activation = dsl::Activation::Silu;
  }
  if (args.flag("scale_mlp", false))
    s.block.mlp.innerNorm = norm;
  s.block.layerScale = args.number("init_values", 0) != 0;
  s.ownBias = args.flag("use_rel_pos_bias", false);
  s.sharedBias = args.flag("use_shared_rel_pos_bias", false);
  if (s.ownBias && s.sharedBias)
    args.failFound("use_shared_rel_pos_bias", "false beside 'use_rel_pos_bias', as two biases of "
                                              "one attention are not supported");
  std::string kind = timm::readPooling(args, /*hasClassToken=*/true);
  if (kind == "map" || kind == "prr")
    args.failFound("global_pool", "token or avg");
  bool fcNorm = args.flag("use_fc_norm", kind == "avg");
  s.finalNorm = !fcNorm;
  s.pooling = {.kind = kind, .prefix = e.prefix()};
  if (fcNorm)
    s.pooling.fcNorm = norm;
  return s;
}

/// The bias of an attention, from the table at `s`.
static Value bias(Scope s, const Settings &settings) {
  graph::Grid grid = settings.embedding.grid();
  int64_t rows = (2 * grid.height - 1) * (2 * grid.width - 1) + 3;
  Scope at = s / "relative_position_bias_table";
  Value table = graph::weight(at, {rows, settings.block.attention.heads});
  return graph::relativeBias(at, table, grid, /*lead=*/1, grid.places() + 1);
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *) {
  ImportedGraph model;
  model.architecture = config.textOf("architecture").value_or("");
  Config args = timm::readArguments(config, *timm::findArchitecture(model.architecture));
  Settings settings = readSettings(args);
  args.refuseOthers();
  config.take(args);
  config.neutral("num_features", settings.embedding.sizes.width);
  if (config.failed())
    return model;

  model.unused = {"mask_token", "rel_pos_bias.relative_position_index"};
  graph::Graph &g = model.graph;
  Value x = timm::embed(g, settings.embedding);
  dsl::Block block = settings.block;
  if (settings.sharedBias)
    block.attention.how.bias = bias(g / "rel_pos_bias", settings);
  std::vector<Value> states = {x};
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < settings.layers && !g.problem.found; ++i) {
    Scope s = blocks / i;
    if (settings.ownBias)
      block.attention.how.bias = bias(s / "attn", settings);
    states.push_back(x = block(s, x));
  }
  if (settings.finalNorm)
    x = settings.block.norm(g / "norm", x);
  timm::addOutputs(model, x, timm::pool(g, x, settings.pooling), settings.embedding);
  timm::addStates(model, states);
  return model;
}

Family timmBeit() {
  return {.name = "timm-beit",
          .key = "architecture",
          .values = "\"beit_base_patch16_224\" and others of timm's Beit",
          .matches = [](const Config &config) { return timm::namesClass(config, classes); },
          .architectures = {},
          .import = importGraph,
          .keys = keys,
          .source = "timm",
          .title = "BEiT, BEiT v2",
          .summary = "`Beit`, by architecture"};
}

} // namespace vitc::checkpoint
