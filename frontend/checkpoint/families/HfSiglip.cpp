//===- HfSiglip.cpp - HuggingFace SigLIP and SigLIP2 -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The image tower, the model of two towers, and the classifier. No class token:
// a learned query pools the tokens. SigLIP2 in transformers is the NaFlex form,
// which takes patches of images of any sides: its patches are rows of (y, x,
// channel), and its table of positions is resampled for every size of images,
// where SigLIP has one size and resamples bicubically if asked to. SigLIP2 of a
// fixed size calls itself SigLIP.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfTower.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Value;

namespace {
/// What the configs and classes of the two are called.
struct Names {
  TowerTypes types;
  const char *vision, *full, *classifier;
};
constexpr Names siglip = {{"siglip_vision_model", "siglip"},
                          "SiglipVisionModel",
                          "SiglipModel",
                          "SiglipForImageClassification"};
constexpr Names siglip2 = {{"siglip2_vision_model", "siglip2"},
                           "Siglip2VisionModel",
                           "Siglip2Model",
                           "Siglip2ForImageClassification"};

/// The settings of SiglipVisionConfig and Siglip2VisionConfig.
struct Settings {
  Encoder encoder;
  bool pools = true;
};
} // namespace

static graph::KeyScheme keys(StringRef architecture) {
  graph::KeyScheme scheme = {towerRules()};
  scheme.rules.insert(scheme.rules.end(),
                      {{"pool.probe", "head.probe"},
                       {"pool.attn.qkv.weight", "head.attention.in_proj_weight"},
                       {"pool.attn.qkv.bias", "head.attention.in_proj_bias"},
                       {"pool.attn.proj", "head.attention.out_proj"},
                       {"pool.norm", "head.layernorm"},
                       {"pool.mlp", "head.mlp"},
                       {"text", "text_model.final_layer_norm", {}, {}, /*prefixed=*/false}});
  bool tower = architecture == siglip.vision || architecture == siglip2.vision;
  scheme.prefixes = tower ? std::vector{"vision_model.", ""} : std::vector{"vision_model."};
  return scheme;
}

/// The size that 'num_patches' of a side make, which it is the square of.
static Size readPatchCount(Config &config, Size patch) {
  int64_t patches = config.size("num_patches", 256), side = 1;
  while (side * side < patches)
    ++side;
  if (side * side != patches)
    config.failFound("num_patches", "a square, as the model's own code takes its root");
  return {side * patch.height, side * patch.width};
}

static Settings readSettings(Config &config, bool naflex) {
  HfSizes s, defaults = {.eps = 1e-6};
  if (naflex) {
    s = readEncoderSizes(config, defaults);
    s.image = readPatchCount(config, s.patch);
    s.seen = config.imageSize("num_patches", s.image, s.patch);
  } else {
    s = readSizes(config, defaults);
    expectSquare(config, "image_size", s.image);
  }
  expectSquare(config, "patch_size", s.patch);
  Encoder e = encoderOf(config, s, /*lead=*/0, "gelu_pytorch_tanh");
  e.patches.pixelRows = naflex;
  if (naflex)
    e.positions->how = {graph::Filter::Linear, /*antialias=*/true};
  return {e, config.flag("vision_use_head", true)};
}

/// What the learned query finds.
static Value poolTokens(graph::Graph &g, const Encoder &e, Value hidden) {
  dsl::AttentionPool pool = {e.block.attention, e.block.mlp, e.block.norm};
  pool.attention.weights = dsl::QkvWeights::Packed;
  return pool(g / "pool", hidden);
}

/// The class, one of those that the config can be of.
static std::string readClass(Config &config, const Names &names, const NamedTensors &tensors) {
  const ClassHint known[] = {
      {names.classifier, "head.weight"}, {names.full, "text.weight"}, {names.vision, nullptr}};
  return hasTowers(config, names.types) ? readClass(config, tensors, known)
                                        : readClass(config, tensors, ArrayRef(known).take_back(1));
}

static ImportedGraph importNamed(Config &config, const Names &names,
                                 const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(names.vision));
  model.architecture = readClass(config, names, tensors);
  bool classifies = model.architecture == names.classifier, full = model.architecture == names.full;
  Settings settings;
  readTower(config, names.types, tensors, /*lead=*/0,
            [&](Config &part) { settings = readSettings(part, &names == &siglip2); });
  int64_t classes = readClasses(config, classifies);
  allowHarmless(config);
  config.refuseOthers();
  if (!settings.pools && full)
    config.fail("vision_config",
                fmt::format("expected 'vision_use_head' true, found false: {} compares what it "
                            "pools",
                            names.full));
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Encoded encoded = encode(g, settings.encoder);
  Value hidden = encoded.last;
  model.unused = besideTower();
  if (classifies) {
    model.unused.push_back("vision_model.head.*");
    Value mean = graph::meanTokens(g / "mean", hidden, 0);
    model.outputs = {{"logits", dsl::Linear{classes}(g / "head", mean)}};
  }
  Value pooled;
  if (settings.pools && !classifies)
    pooled = poolTokens(g, settings.encoder, hidden);
  if (full)
    model.outputs = {{"image_embeds", dsl::l2Normalise(g / "normalise", pooled)}};
  model.outputs.push_back({"last_hidden_state", hidden, !full && !classifies});
  if (pooled.id >= 0)
    model.outputs.push_back({"pooler_output", pooled, !full});
  addStates(model, settings.encoder, encoded);
  return model;
}

static bool isOf(const Config &config, const Names &names) {
  return config.is("model_type", names.types.tower) || config.is("model_type", names.types.whole);
}

Family hfSiglip() {
  return {.name = "hf-siglip",
          .key = "model_type",
          .values = "\"siglip_vision_model\" or \"siglip\"",
          .matches = [](const Config &config) { return isOf(config, siglip); },
          .architectures = {siglip.vision, siglip.full, siglip.classifier},
          .import =
              [](Config &config, const vitrt::TensorNames *tensors) {
                return importNamed(config, siglip, tensors);
              },
          .keys = keys,
          .title = "SigLIP, SigLIP2 of a fixed size, their tower of images"};
}

Family hfSiglip2() {
  return {.name = "hf-siglip2",
          .key = "model_type",
          .values = "\"siglip2_vision_model\" or \"siglip2\"",
          .matches = [](const Config &config) { return isOf(config, siglip2); },
          .architectures = {siglip2.vision, siglip2.full, siglip2.classifier},
          .import =
              [](Config &config, const vitrt::TensorNames *tensors) {
                return importNamed(config, siglip2, tensors);
              },
          .keys = keys,
          .title = "SigLIP2 NaFlex, its tower of images"};
}

} // namespace vitc::checkpoint
