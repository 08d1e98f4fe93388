//===- TimmEva.cpp - timm's Eva --------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// EVA, EVA-02, DINOv3, PE, and ViTs with rotary positions: queries and keys are
// turned by the place of their token, in pairs of neighbours or of halves.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Parts.h"

#include <cmath>
#include <fmt/format.h>
#include <numbers>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr StringRef classes[] = {"Eva"};

/// Whether the gate of the MLP is a linear of its own.
static bool separateGate(bool swiglu, bool scaled, int64_t alignTo) {
  return swiglu && (scaled || alignTo);
}

static graph::KeyScheme keys(StringRef architecture) {
  const timm::Architecture *known = timm::findArchitecture(architecture);
  bool separate = known && separateGate(known->args->getBoolean("swiglu_mlp").value_or(false),
                                        known->args->getBoolean("scale_mlp").value_or(false),
                                        known->args->getInteger("swiglu_align_to").value_or(0));
  const char *fc1[] = {"blocks.*.mlp.fc1", "blocks.*.mlp.fc1_x"};
  return {{
      {"patch_embed.weight", "patch_embed.proj.weight"},
      {"patch_embed.bias", "patch_embed.proj.bias"},
      {"blocks.*.attn.q", "blocks.*.attn.q_proj"},
      {"blocks.*.attn.k", "blocks.*.attn.k_proj"},
      {"blocks.*.attn.v", "blocks.*.attn.v_proj"},
      {"blocks.*.ls1", "blocks.*.gamma_1"},
      {"blocks.*.ls2", "blocks.*.gamma_2"},
      {"blocks.*.mlp.gate", "blocks.*.mlp.fc1_g"},
      {"blocks.*.mlp.fc1", fc1[separate], {fc1[!separate]}},
  }};
}

namespace {
/// How fast pairs of columns turn along an axis, and where tokens are.
struct RopeSettings {
  std::string type;
  bool halves = false, columnsFirst = false;
  double offset = 0, temperature = 10000;
  std::optional<Size> reference; ///< a grid that others are stretched to
};

struct Settings {
  timm::Embedding embedding;
  timm::Pooling pooling;
  int64_t layers;
  dsl::Norm norm;
  dsl::Attention attention;
  std::vector<int64_t> keyHeads; ///< of each block
  dsl::Mlp mlp;
  bool attentionScale, mlpScale, preNorm, normsBehind, finalNorm;
  std::optional<RopeSettings> rope;
};
} // namespace

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

static std::optional<RopeSettings> readRope(Config &args) {
  RopeSettings rope;
  bool used = args.flag("use_rot_pos_emb", false);
  rope.type = args.text("rope_type", "cat");
  rope.halves = args.flag("rope_rotate_half", false);
  rope.offset = args.number("rope_grid_offset", 0);
  rope.temperature = args.positive("rope_temperature", 10000);
  std::string indexing = args.text("rope_grid_indexing", "ij");
  rope.columnsFirst = indexing == "xy";
  args.harmless({"rope_mrope_section"}); // of a type that is refused
  if (args.has("ref_feat_shape"))
    rope.reference = args.sizes("ref_feat_shape");
  if (!used)
    return std::nullopt;
  if (rope.type != "cat" && rope.type != "dinov3")
    args.failFound("rope_type", "cat or dinov3, as others are not supported");
  if (indexing != "ij" && indexing != "xy")
    args.failFound("rope_grid_indexing", "ij or xy");
  return rope;
}

/// A number for all blocks or one for each.
static std::vector<int64_t> readKeyHeads(Config &args, int64_t layers, int64_t heads) {
  std::vector<int64_t> all(layers, heads);
  if (!args.has("num_kv_heads"))
    return all;
  if (args.members().getArray("num_kv_heads")) {
    const json::Array *list = args.array("num_kv_heads");
    if (list->size() != all.size())
      args.failFound("num_kv_heads", fmt::format("{} numbers, one for each block", layers));
    else
      for (auto [i, value] : enumerate(*list))
        all[i] = value.getAsInteger().value_or(0);
  } else
    all.assign(layers, args.size("num_kv_heads"));
  for (int64_t keyHeads : all)
    if (!args.failed() && (keyHeads < 1 || heads % keyHeads))
      args.failFound("num_kv_heads", fmt::format("divisors of 'num_heads' {}", heads));
  return all;
}

static void readAttention(Config &args, Settings &s) {
  int64_t heads = args.size("num_heads");
  args.expectDivides("num_heads", heads, "embed_dim", s.embedding.sizes.width);
  bool bias = args.flag("qkv_bias", true), fused = args.flag("qkv_fused", true);
  std::string type = args.text("attn_type", "eva");
  if (type != "eva" && type != "rope")
    args.failFound("attn_type", "eva or rope");
  s.attention = {.heads = heads, .qkvBias = bias};
  if (fused)
    s.attention.weights = type == "eva" ? dsl::QkvWeights::PackedBiased : dsl::QkvWeights::Packed;
  if (type == "eva")
    s.attention.biased.k = false;
  if (args.flag("qk_norm", false))
    s.attention.qkNorm = s.norm;
  if (args.flag("scale_attn_inner", false))
    s.attention.innerNorm = s.norm;
  s.keyHeads = readKeyHeads(args, s.layers, heads);
  for (int64_t keyHeads : s.keyHeads)
    if (keyHeads != heads && (fused || type != "rope"))
      args.failFound("num_kv_heads", "'num_heads', unless 'attn_type' is rope and 'qkv_fused' is "
                                     "false");
}

static void readMlp(Config &args, Settings &s) {
  int64_t hidden = hiddenWidth(args, "mlp_ratio", s.embedding.sizes.width);
  bool swiglu = args.flag("swiglu_mlp", false), scaled = args.flag("scale_mlp", false);
  int64_t alignTo = args.count("swiglu_align_to", 0);
  if (s.normsBehind) // timm's block of that kind aligns only what it scales
    alignTo = scaled ? alignTo : 0;
  s.mlp = {hidden};
  if (separateGate(swiglu, scaled, alignTo)) {
    s.mlp.gate = dsl::Gate::Separate;
    if (alignTo)
      s.mlp.hidden = (hidden + alignTo - 1) / alignTo * alignTo;
  } else if (swiglu)
    s.mlp.gate = dsl::Gate::PackedFirst;
  if (swiglu)
    s.mlp.activation = dsl::Activation::Silu;
  if (scaled)
    s.mlp.innerNorm = s.norm;
}

static void readPooling(Config &args, Settings &s) {
  int64_t width = s.embedding.sizes.width;
  std::string kind = timm::readPooling(args, s.embedding.classToken);
  if (kind == "prr")
    args.failFound("global_pool", "token, avg or map, as others are not supported");
  bool fcNorm = args.flag("use_fc_norm", kind == "avg");
  s.finalNorm = args.flag("use_post_transformer_norm", !fcNorm);
  s.pooling = {.kind = kind,
               .classToken = s.embedding.classToken,
               .prefix = s.embedding.prefix(),
               .includePrefix = kind == "map", // pools all tokens
               .heads = args.size("attn_pool_num_heads", s.attention.heads),
               .hidden =
                   hiddenWidth(args, "attn_pool_mlp_ratio", width, args.positive("mlp_ratio", 4)),
               .norm = s.norm};
  if (fcNorm)
    s.pooling.fcNorm = s.norm;
  if (kind == "map" && width % s.pooling.heads)
    args.failFound("attn_pool_num_heads", fmt::format("a divisor of 'embed_dim' {}", width));
}

static Settings readSettings(Config &args) {
  Settings s = {};
  timm::Embedding &e = s.embedding;
  e.sizes = timm::readSizes(args);
  e.classToken = args.flag("class_token", true);
  e.registers = args.count("num_reg_tokens", 0);
  e.patchesAlone = args.flag("no_embed_class", false);
  e.positions = args.flag("use_abs_pos_emb", true);
  args.harmless({"dynamic_img_size"}); // positions are resampled alike in each run
  args.neutral("dynamic_img_pad", false);
  s.layers = args.size("depth", std::nullopt, /*most=*/1000);
  s.norm = timm::readNorm(args, "norm_layer", {dsl::NormKind::Layer, 1e-6});
  s.normsBehind = args.flag("use_post_norm", false);
  readAttention(args, s);
  readMlp(args, s);
  bool scale = args.has("init_values") && !s.normsBehind;
  args.number("init_values", 0);
  s.attentionScale = scale;
  s.mlpScale = scale && !args.flag("attn_only_layer_scale", false);
  args.harmless({"attn_only_layer_scale"});
  s.preNorm = args.flag("use_pre_transformer_norm", false);
  e.patchBias = !s.preNorm;
  readPooling(args, s);
  s.rope = readRope(args);
  if (s.rope && !args.failed() && (e.sizes.width / s.attention.heads) % 4)
    args.failFound("num_heads", "heads of a multiple of 4 columns, half for each axis");
  return s;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// The table of angles: a half of the pairs turns along the first axis, the others along the
/// second.
static Value ropeTable(Scope at, const Settings &settings) {
  const RopeSettings &rope = *settings.rope;
  const timm::Embedding &e = settings.embedding;
  bool centred = rope.type == "dinov3";
  int64_t bands = e.sizes.width / settings.attention.heads / 4;
  std::vector<double> first(2 * bands), second(2 * bands);
  for (int64_t i = 0; i < bands; ++i) {
    double rate = std::pow(rope.temperature, -double(i) / double(bands));
    if (centred)
      rate *= 2 * std::numbers::pi;
    first[i] = second[bands + i] = rate;
  }
  graph::Rotation how;
  how.rows = rope.columnsFirst ? second : first;
  how.columns = rope.columnsFirst ? first : second;
  graph::Grid grid = e.grid();
  const int64_t sizes[2] = {grid.height, grid.width};
  for (int i = 0; i < 2; ++i) {
    double size = double(sizes[i]);
    if (centred) { // from -1 to 1, through the middles of patches
      how.step[i] = 2 / size;
      how.origin[i] = (1 + 2 * rope.offset) / size - 1;
      how.stepOver[i] = 2;
      how.originOver[i] = 1 + 2 * rope.offset;
    } else if (rope.reference) {
      how.stepOver[i] = double(i ? rope.reference->width : rope.reference->height);
      how.originOver[i] = rope.offset * how.stepOver[i];
      how.step[i] = how.stepOver[i] / size;
      how.origin[i] = how.originOver[i] / size;
    } else
      how.origin[i] = rope.offset;
  }
  return graph::ropeTable(at, grid, e.prefix(), how);
}

static Value scaled(Scope s, Value h, bool layerScale) {
  if (!layerScale)
    return h;
  return graph::scale(s, h, 1, graph::columns(graph::weight(s, {s.shape(h).width()})));
}

static Value block(Scope s, Value x, const Settings &settings, const dsl::Attention &attention) {
  Scope attn = s / "attn", feed = s / "mlp";
  if (settings.normsBehind) {
    x = dsl::residual(attn / "residual", x, settings.norm(s / "norm1", attention(attn, x)));
    return dsl::residual(feed / "residual", x, settings.norm(s / "norm2", settings.mlp(feed, x)));
  }
  Value h = attention(attn, settings.norm(s / "norm1", x));
  x = dsl::residual(attn / "residual", x, scaled(s / "ls1", h, settings.attentionScale));
  h = settings.mlp(feed, settings.norm(s / "norm2", x));
  return dsl::residual(feed / "residual", x, scaled(s / "ls2", h, settings.mlpScale));
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

  graph::Graph &g = model.graph;
  Value x = timm::embed(g, settings.embedding);
  if (settings.preNorm)
    x = settings.norm(g / "norm_pre", x);
  dsl::Attention attention = settings.attention;
  if (settings.rope)
    attention.rope = {ropeTable(g / "rope", settings), settings.rope->halves};
  std::vector<Value> states = {x};
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < settings.layers && !g.problem.found; ++i) {
    int64_t keyHeads = settings.keyHeads[i];
    attention.keyHeads = keyHeads == attention.heads ? 0 : keyHeads;
    states.push_back(x = block(blocks / i, x, settings, attention));
  }
  if (settings.finalNorm)
    x = settings.norm(g / "norm", x);
  timm::addOutputs(model, x, timm::pool(g, x, settings.pooling), settings.embedding);
  timm::addStates(model, states);
  return model;
}

Family timmEva() {
  return {.name = "timm-eva",
          .key = "architecture",
          .values = "\"eva02_base_patch14_224\" and others of timm's Eva",
          .matches = [](const Config &config) { return timm::namesClass(config, classes); },
          .architectures = {},
          .import = importGraph,
          .keys = keys,
          .source = "timm",
          .title = "EVA, EVA-02, DINOv3, PE, ViTs with rotary positions",
          .summary = "`Eva`, by architecture"};
}

} // namespace vitc::checkpoint
