//===- OpenClip.cpp - The image tower of open_clip -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// open_clip_config.json and open_clip_model.safetensors. What encode_image gives,
// which is not normalised. The text tower is left out.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/Registry.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static graph::KeyScheme keys(StringRef) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"patch_embed", "conv1"},
      {"cls_token", "class_embedding"},
      {"pos_embed", "positional_embedding"},
      {"norm_pre", "ln_pre"},
      {"blocks.*.norm1", "transformer.resblocks.*.ln_1"},
      {"blocks.*.norm2", "transformer.resblocks.*.ln_2"},
      {"blocks.*.ls1", "transformer.resblocks.*.ls_1.gamma"},
      {"blocks.*.ls2", "transformer.resblocks.*.ls_2.gamma"},
      {"blocks.*.attn.qkv.weight", "transformer.resblocks.*.attn.in_proj_weight"},
      {"blocks.*.attn.qkv.bias", "transformer.resblocks.*.attn.in_proj_bias"},
      {"blocks.*.attn.proj", "transformer.resblocks.*.attn.out_proj"},
      {"blocks.*.mlp.fc1", "transformer.resblocks.*.mlp.c_fc"},
      {"blocks.*.mlp.fc2", "transformer.resblocks.*.mlp.c_proj"},
      {"norm", "ln_post"},
      {"proj", "proj"},
  }};
  // clang-format on
  scheme.prefixes = {"visual."};
  return scheme;
}

namespace {
/// Those of the config's "vision_cfg", with the defaults of open_clip's CLIPVisionCfg.
struct Settings {
  Size image, patch, seen;
  int64_t width, layers, heads, hidden, features;
  double eps;
  dsl::Activation activation;
  bool layerScale, preNorm, normAfterPool;
  std::string pool;
};
} // namespace

/// "eps" of "norm_kwargs".
static double readEps(Config &vision) {
  if (!vision.has("norm_kwargs"))
    return 1e-5;
  const json::Object *arguments = vision.dictionary("norm_kwargs");
  Config inner = vision.derive(arguments ? *arguments : json::Object());
  double eps = inner.positive("eps", 1e-5);
  inner.refuseOthers();
  vision.take(inner);
  return eps;
}

static dsl::Activation readActivation(Config &model, Config &vision) {
  bool quick = model.flag("quick_gelu", false);
  if (!vision.has("act_kwargs"))
    return quick ? dsl::Activation::GeluQuick : dsl::Activation::Gelu;
  const json::Object *arguments = vision.dictionary("act_kwargs");
  Config inner = vision.derive(arguments ? *arguments : json::Object());
  std::string form = inner.text("approximate", "none");
  if (quick || (form != "none" && form != "tanh"))
    inner.failFound("approximate", "none or tanh, and no 'quick_gelu' beside it");
  inner.refuseOthers();
  vision.take(inner);
  return form == "tanh" ? dsl::Activation::GeluTanh : dsl::Activation::Gelu;
}

/// What is not followed, by its name.
static void refuseVariants(Config &vision) {
  if (vision.has("timm_model_name"))
    vision.failFound("timm_model_name", "none, as image towers of timm inside of open_clip are not "
                                        "supported; timm publishes most of them by themselves");
  vision.harmless({"timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop",
                   "timm_drop_path"}); // without a name they do nothing
  if (vision.members().getArray("layers"))
    vision.failFound("layers", "a number, as the ResNets of CLIP are not supported");
  vision.neutral("attentional_pool", false);
  vision.harmless({"attn_pooler_queries", "attn_pooler_heads", "patch_dropout", "output_tokens"});
  vision.neutral("block_type", "default");
  for (StringRef key : {"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner",
                        "scale_attn", "scale_fc"})
    vision.neutral(key, false);
  // Fixed positions are in the file as learned ones are.
  std::string positions = vision.text("pos_embed_type", "learnable");
  if (positions != "learnable" && positions != "sin_cos_2d")
    vision.failFound("pos_embed_type", "learnable or sin_cos_2d");
}

static Settings readSettings(Config &model, Config &vision) {
  Settings s = {};
  refuseVariants(vision);
  s.features = model.size("embed_dim");
  s.image = vision.sizes("image_size", Size{224, 224});
  s.patch = vision.sizes("patch_size", Size{16, 16});
  s.width = vision.size("width", 768);
  s.layers = vision.size("layers", 12, /*most=*/1000);
  int64_t headWidth = vision.size("head_width", 64);
  s.hidden = hiddenWidth(vision, "mlp_ratio", s.width);
  s.eps = readEps(vision);
  s.activation = readActivation(model, vision);
  s.layerScale = vision.has("ls_init_value");
  vision.number("ls_init_value", 0);
  s.preNorm = !vision.flag("no_ln_pre", false);
  s.normAfterPool = vision.flag("final_ln_after_pool", false);
  s.pool = vision.text("pool_type", "tok");
  if (s.pool != "tok" && s.pool != "avg" && s.pool != "none")
    vision.failFound("pool_type", "tok, avg or none");
  s.heads = s.width / headWidth;
  if (!s.heads || s.width % s.heads)
    vision.failFound("head_width", fmt::format("a size of heads of the width {}", s.width));
  s.seen = vision.imageSize("image_size", s.image, s.patch);
  if (s.image.height != s.image.width && !(s.seen == s.image))
    vision.fail("image_size",
                fmt::format("expected images of {}x{}, because open_clip resamples "
                            "positions of square images alone, found {}x{}",
                            s.image.height, s.image.width, s.seen.height, s.seen.width));
  return s;
}

static Value embed(graph::Graph &g, const Settings &s) {
  Value x = graph::input(g / "pixel_values", {graph::batch, 3, s.seen.height, s.seen.width});
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width, graph::PatchOrder::Conv,
                      /*bias=*/false}(g / "patch_embed", x);
  Scope token = g / "cls_token", position = g / "pos_embed";
  x = graph::prepend(token, graph::weight(token, {1, s.width}, {s.width}), x);
  graph::Grid grid = gridOf(s.seen, s.patch), learned = gridOf(s.image, s.patch);
  if (grid.places() == learned.places())
    learned = grid; // open_clip takes the table as it is, whatever the shape
  dsl::PositionTable table = {
      grid, learned, /*lead=*/1, {graph::Filter::Cubic, /*antialias=*/true}, /*matrix=*/true};
  return graph::position(position, x, table(position, s.width));
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *) {
  ImportedGraph imported;
  imported.architecture = "open_clip";
  config.harmless({"preprocess_cfg"});
  const json::Object *cfg = config.dictionary("model_cfg");
  Config model = config.derive(cfg ? *cfg : json::Object());
  model.harmless({"text_cfg", "multimodal_cfg", "custom_text", "init_logit_scale",
                  "init_logit_bias", "nonscalar_logit_scale", "output_dict"});
  const json::Object *visionCfg = model.dictionary("vision_cfg");
  if (!visionCfg)
    model.failFound("vision_cfg", "an object");
  Config vision = model.derive(visionCfg ? *visionCfg : json::Object());
  Settings s = readSettings(model, vision);
  vision.refuseOthers();
  model.take(vision);
  model.refuseOthers();
  config.take(model);
  config.refuseOthers();
  if (config.failed())
    return imported;

  // The text tower by itself or as a module, and what compares both.
  imported.unused = {"transformer.*",
                     "token_embedding.*",
                     "positional_embedding",
                     "ln_final.*",
                     "text_projection",
                     "text_projection.*",
                     "attn_mask",
                     "text.*",
                     "text_decoder.*",
                     "logit_scale",
                     "logit_bias"};
  graph::Graph &g = imported.graph;
  dsl::Norm norm = {dsl::NormKind::Layer, s.eps};
  Value x = embed(g, s);
  if (s.preNorm)
    x = norm(g / "norm_pre", x);
  dsl::Block block = {{.heads = s.heads, .weights = dsl::QkvWeights::Packed},
                      {s.hidden, s.activation},
                      norm,
                      s.layerScale};
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < s.layers && !g.problem.found; ++i)
    x = block(blocks / i, x);
  if (!s.normAfterPool)
    x = norm(g / "norm", x);
  Scope pool = g / "pool";
  Value pooled = s.pool == "tok"   ? graph::select(pool, x, 0)
                 : s.pool == "avg" ? graph::meanTokens(pool, x, 1)
                                   : x;
  if (s.normAfterPool)
    pooled = norm(g / "norm", pooled);
  Scope proj = g / "proj"; // stored with a row for each column of the tokens
  Value matrix = graph::permute(proj, graph::weight(proj, {s.width, s.features}), {1, 0});
  Value patches = graph::gridOfTokens(g / "patch_grid", x, 1, gridOf(s.seen, s.patch));
  imported.outputs = {{"image_features", graph::linear(proj, pooled, matrix)},
                      {"last_hidden_state", x, /*isDefault=*/false},
                      {"patch_grid", patches, /*isDefault=*/false}};
  return imported;
}

Family openClip() {
  return {.name = "open-clip",
          .key = "model_cfg",
          .values = "with the 'vision_cfg' of open_clip",
          .matches = [](const Config &config) { return config.has("model_cfg"); },
          .architectures = {},
          .import = importGraph,
          .keys = keys,
          .source = "open_clip",
          .title = "CLIP, its image tower",
          .summary = "`open_clip_config.json`: `image_features`, not normalised"};
}

} // namespace vitc::checkpoint
