//===- TimmVit.cpp - timm's VisionTransformer ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// ViT, DeiT (also distilled), DINOv2, CLIP, SigLIP, AIMv2, FlexiViT, RADIO and
// whatever else timm makes of one class: blocks with the norms before, behind or
// beside, one or several branches side by side.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Parts.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr StringRef classes[] = {"VisionTransformer", "VisionTransformerDistilled"};

static graph::KeyScheme keys(StringRef architecture) {
  const timm::Architecture *known = timm::findArchitecture(architecture);
  bool separateGate = known && known->args->getString("mlp_layer") == "SwiGLU";
  return {{
      {"patch_embed.weight", "patch_embed.proj.weight"},
      {"patch_embed.bias", "patch_embed.proj.bias"},
      {"blocks.*.ls", "blocks.*.ls.gamma"},
      {"blocks.*.ls1", "blocks.*.ls1.gamma"},
      {"blocks.*.ls2", "blocks.*.ls2.gamma"},
      {"blocks.*.attns.0.ls", "blocks.*.attns.0.ls.gamma"},
      {"blocks.*.attns.1.ls", "blocks.*.attns.1.ls.gamma"},
      {"blocks.*.ffns.0.ls", "blocks.*.ffns.0.ls.gamma"},
      {"blocks.*.ffns.1.ls", "blocks.*.ffns.1.ls.gamma"},
      {"blocks.*.mlp.gate", "blocks.*.mlp.fc1_g"},
      {"blocks.*.mlp.fc1", separateGate ? "blocks.*.mlp.fc1_x" : "blocks.*.mlp.fc1"},
  }};
}

namespace {
enum class BlockKind : uint8_t {
  PreNorm,
  PostNorm,        ///< "ResPostBlock": norms of what a branch gives
  Parallel,        ///< "ParallelThingsBlock": two attentions, then two MLPs
  ParallelScaling, ///< attention and MLP side by side, from one linear
};

struct Settings {
  timm::Embedding embedding;
  timm::Pooling pooling;
  int64_t layers, heads, hidden;
  BlockKind kind;
  dsl::Norm norm;
  dsl::Attention attention;
  dsl::Mlp mlp;
  bool layerScale, preNorm;
  std::optional<dsl::Norm> finalNorm;
};
} // namespace

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

static BlockKind readBlock(Config &args) {
  static constexpr std::pair<const char *, BlockKind> known[] = {
      {"Block", BlockKind::PreNorm},
      {"ResPostBlock", BlockKind::PostNorm},
      {"ParallelThingsBlock", BlockKind::Parallel},
      {"ParallelScalingBlock", BlockKind::ParallelScaling}};
  std::string name = args.text("block_fn");
  for (auto [text, kind] : known)
    if (name == text)
      return kind;
  args.failFound("block_fn", "Block, ResPostBlock, ParallelThingsBlock or ParallelScalingBlock, as "
                             "others are not supported");
  return BlockKind::PreNorm;
}

/// The MLP of blocks, where it is of a class of its own.
static dsl::Mlp readMlp(Config &args, int64_t hidden, dsl::Activation activation, bool bias,
                        std::optional<dsl::Norm> innerNorm) {
  dsl::Mlp mlp = {hidden, activation, bias};
  std::string name = args.text("mlp_layer");
  if (name == "SwiGLUPacked") {
    mlp.gate = dsl::Gate::PackedFirst;
    mlp.hidden = hidden / 2; // of which the argument counts both halves
    if (hidden % 2)
      args.failFound("mlp_ratio", "a ratio that gives an even number of columns");
  } else if (name == "SwiGLU")
    mlp.gate = dsl::Gate::Separate;
  else if (name != "Mlp")
    args.failFound("mlp_layer", "Mlp, SwiGLU or SwiGLUPacked");
  if (innerNorm)
    mlp.innerNorm = *innerNorm;
  return mlp;
}

/// What timm's loader resamples positions of an architecture with.
static graph::Resampling resamplingOf(StringRef architecture) {
  bool bilinear = architecture.contains("flexi") || architecture.contains("radio");
  return bilinear ? graph::Resampling{graph::Filter::Linear, /*antialias=*/false} : timm::bicubic;
}

static void readEmbedding(Config &args, StringRef architecture, bool distilled,
                          timm::Embedding &e) {
  e.sizes = timm::readSizes(args);
  e.distToken = distilled;
  e.classToken = args.flag("class_token", true);
  e.registers = args.count("reg_tokens", 0);
  e.patchesAlone = args.flag("no_embed_class", false);
  std::string positions = args.text("pos_embed");
  e.positions = positions != "none" && !positions.empty();
  if (e.positions && positions != "learn")
    args.failFound("pos_embed", "learn or none");
  if (args.has("embed_norm_layer"))
    e.patchNorm = timm::readNorm(args, "embed_norm_layer", {});
  if (!args.flag("dynamic_img_size", false)) // else positions are resampled in each run
    e.how = resamplingOf(architecture);
  // Padding a picture is not dropping what fills no patch.
  args.neutral("dynamic_img_pad", false);
  if (std::string layer = args.text("embed_layer"); layer != "PatchEmbed" && !layer.empty())
    args.failFound("embed_layer", "PatchEmbed, as others are not supported");
  // Half of RADIO's checkpoints resample with aligned corners.
  for (StringRef name : {"base_patch16_radio_v3", "huge_patch16_radio_v3"})
    if (architecture.contains(name) && !args.failed())
      args.fixedImageSize("img_size", e.sizes.image, e.sizes.patch);
}

static Settings readSettings(Config &args, StringRef architecture, bool distilled) {
  Settings s = {};
  readEmbedding(args, architecture, distilled, s.embedding);
  int64_t width = s.embedding.sizes.width;
  s.layers = args.size("depth", std::nullopt, /*most=*/1000);
  s.heads = args.size("num_heads");
  args.expectDivides("num_heads", s.heads, "embed_dim", width);
  s.hidden = hiddenWidth(args, "mlp_ratio", width);
  s.kind = readBlock(args);
  s.norm = timm::readNorm(args, "norm_layer", {dsl::NormKind::Layer, 1e-6});
  dsl::Activation act = timm::readActivation(args, "act_layer", dsl::Activation::Gelu);
  bool bias = args.flag("proj_bias", true);
  s.attention = {.heads = s.heads,
                 .qkvBias = args.flag("qkv_bias", true),
                 .weights = dsl::QkvWeights::Packed,
                 .projBias = bias};
  if (args.flag("qk_norm", false))
    s.attention.qkNorm = s.norm;
  if (args.flag("scale_attn_norm", false))
    s.attention.innerNorm = s.norm;
  bool scaleMlp = args.flag("scale_mlp_norm", false);
  s.mlp = readMlp(args, s.hidden, act, bias, scaleMlp ? std::optional(s.norm) : std::nullopt);
  if (std::string name = args.text("attn_layer");
      name != "Attention" && name != "attn" && !name.empty())
    args.failFound("attn_layer", "attn, as others are not supported");
  s.layerScale = args.number("init_values", 0) != 0;
  s.preNorm = args.flag("pre_norm", false);
  s.embedding.patchBias = !s.preNorm;

  std::string kind = timm::readPooling(args, s.embedding.classToken);
  bool fcNorm = args.flag("fc_norm", kind == "avg");
  bool finalNorm = args.flag("final_norm", true);
  if (finalNorm && !fcNorm)
    s.finalNorm = s.norm;
  s.pooling = {.kind = kind,
               .classToken = s.embedding.classToken,
               .prefix = s.embedding.prefix(),
               .includePrefix = args.flag("pool_include_prefix", false),
               .heads = s.heads,
               .hidden = s.hidden,
               .norm = s.norm,
               .activation = act};
  if (finalNorm && fcNorm)
    s.pooling.fcNorm = s.norm;
  return s;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

static Value scaled(Scope s, Value h, bool layerScale) {
  if (!layerScale)
    return h;
  return graph::scale(s, h, 1, graph::columns(graph::weight(s, {s.shape(h).width()})));
}

static Value postNormBlock(Scope s, Value x, const Settings &settings) {
  Scope attn = s / "attn", feed = s / "mlp";
  Value h = settings.norm(s / "norm1", settings.attention(attn, x));
  x = dsl::residual(attn / "residual", x, h);
  h = settings.norm(s / "norm2", settings.mlp(feed, x));
  return dsl::residual(feed / "residual", x, h);
}

/// Two branches of the same input; both results are added.
static Value parallelBlock(Scope s, Value x, const Settings &settings) {
  auto branches = [&](Scope all, auto branch) {
    Value sum = x;
    for (int64_t i = 0; i < 2; ++i) {
      Scope one = all / i;
      Value h = branch(one, settings.norm(one / "norm", x));
      sum = dsl::residual(one / "residual", sum, scaled(one / "ls", h, settings.layerScale));
    }
    x = sum;
  };
  branches(s / "attns", [&](Scope one, Value h) { return settings.attention(one / "attn", h); });
  branches(s / "ffns", [&](Scope one, Value h) { return settings.mlp(one / "mlp", h); });
  return x;
}

static Value normOfHeads(Scope s, Value y, dsl::Norm norm, int64_t heads) {
  int64_t size = s.shape(y).width() / heads;
  Value scale = graph::weight(s / "weight", {size});
  if (norm.kind == dsl::NormKind::Rms)
    return graph::rmsNorm(s, y, scale, norm.eps, heads);
  return graph::layerNorm(s, y, scale, graph::weight(s / "bias", {size}), norm.eps, heads);
}

/// One linear gives the columns of the MLP and then those of q, k and v.
static Value parallelScalingBlock(Scope s, Value x, const Settings &settings) {
  const dsl::Attention &a = settings.attention;
  int64_t width = s.shape(x).width(), hidden = settings.hidden, size = width / a.heads;
  Value h = settings.norm(s / "in_norm", x);
  Scope in = s / "in_proj";
  Value w = graph::weight(in / "weight", {hidden + 3 * width, width});
  Value b = a.qkvBias ? graph::weight(in / "bias", {hidden + 3 * width}) : Value();
  auto part = [&](Scope at, int64_t first, int64_t columns) {
    Value y = graph::linear(at, h, graph::slice(at / "weight", w, first, columns));
    return a.qkvBias ? graph::biasAdd(at, y, graph::slice(at / "bias", b, first, columns)) : y;
  };
  Value feed = part(s / "mlp", 0, hidden);
  if (!a.qkvBias)
    feed = graph::biasAdd(s / "mlp", feed, graph::weight(s / "mlp_bias", {hidden}));
  feed = dsl::activate(s / "mlp", feed, settings.mlp.activation);
  Value q = part(s / "q", hidden, width), k = part(s / "k", hidden + width, width);
  Value v = part(s / "v", hidden + 2 * width, width);
  if (a.qkNorm.eps > 0) {
    q = normOfHeads(s / "q_norm", q, a.qkNorm, a.heads);
    k = normOfHeads(s / "k_norm", k, a.qkNorm, a.heads);
  }
  Value y = graph::attention(s / "attn", q, k, v, {.heads = a.heads, .headDim = size});
  y = dsl::Linear{width, a.projBias}(s / "attn_out_proj", y);
  feed = dsl::Linear{width, a.projBias}(s / "mlp_out_proj", feed);
  y = graph::add(s / "sum", y, feed);
  return dsl::residual(s / "residual", x, scaled(s / "ls", y, settings.layerScale));
}

static Value block(Scope s, Value x, const Settings &settings) {
  switch (settings.kind) {
  case BlockKind::PreNorm:
    return dsl::Block{settings.attention, settings.mlp, settings.norm, settings.layerScale}(s, x);
  case BlockKind::PostNorm:
    return postNormBlock(s, x, settings);
  case BlockKind::Parallel:
    return parallelBlock(s, x, settings);
  case BlockKind::ParallelScaling:
    return parallelScalingBlock(s, x, settings);
  }
  return x;
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// DeiT's two heads, of the class token and of the one for distillation, are averaged.
static void addDistilledOutputs(ImportedGraph &model, Value hidden, int64_t classes) {
  graph::Graph &g = model.graph;
  Value token = graph::select(g / "head" / "token", hidden, 0);
  Value dist = graph::select(g / "head_dist" / "token", hidden, 1);
  auto mean = [&](Scope s, Value a, Value b) { return graph::scale(s, graph::add(s, a, b), 0.5); };
  if (classes) {
    Value logits = dsl::Linear{classes}(g / "head", token);
    Value other = dsl::Linear{classes}(g / "head_dist", dist);
    model.outputs.push_back({"logits", mean(g / "logits", logits, other)});
  }
  model.outputs.push_back(
      {"pooler_output", mean(g / "pooler_output", token, dist), /*isDefault=*/classes == 0});
  model.outputs.push_back({"last_hidden_state", hidden, /*isDefault=*/false});
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *) {
  ImportedGraph model;
  model.architecture = config.textOf("architecture").value_or("");
  const timm::Architecture &architecture = *timm::findArchitecture(model.architecture);
  bool distilled = architecture.className == classes[1];
  Config args = timm::readArguments(config, architecture);
  Settings settings = readSettings(args, model.architecture, distilled);
  if (distilled)
    args.neutral("global_pool", "token");
  args.refuseOthers();
  config.take(args);
  config.neutral("num_features", settings.embedding.sizes.width);
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Value x = timm::embed(g, settings.embedding);
  if (settings.preNorm)
    x = settings.norm(g / "norm_pre", x);
  std::vector<Value> states = {x};
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < settings.layers && !g.problem.found; ++i)
    states.push_back(x = block(blocks / i, x, settings));
  if (distilled)
    addDistilledOutputs(model, settings.norm(g / "norm", x), settings.embedding.sizes.classes);
  else {
    if (settings.finalNorm)
      x = (*settings.finalNorm)(g / "norm", x);
    timm::addOutputs(model, x, timm::pool(g, x, settings.pooling), settings.embedding);
  }
  timm::addStates(model, states);
  return model;
}

Family timmVit() {
  return {.name = "timm-vit",
          .key = "architecture",
          .values = "\"vit_base_patch16_224\" and others of timm's VisionTransformer",
          .matches = [](const Config &config) { return timm::namesClass(config, classes); },
          .architectures = {},
          .import = importGraph,
          .keys = keys,
          .source = "timm",
          .title = "ViT, DeiT, DINOv2, CLIP, SigLIP, AIMv2, FlexiViT, ...",
          .summary = "`VisionTransformer`, `VisionTransformerDistilled`, by architecture"};
}

} // namespace vitc::checkpoint
