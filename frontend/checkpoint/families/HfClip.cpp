//===- HfClip.cpp - HuggingFace CLIP ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// CLIPVisionModel and CLIPVisionModelWithProjection; CLIPModel and
// CLIPForImageClassification, whose config has a tower of text too, which is not
// read. A norm stands before the blocks, and the one behind them is of the
// pooled token alone: last_hidden_state is without it.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfTower.h"

using namespace llvm;

namespace vitc::checkpoint {

using graph::Value;

static constexpr const char *visionName = "CLIPVisionModel",
                            *projectionName = "CLIPVisionModelWithProjection",
                            *wholeName = "CLIPModel",
                            *classifierName = "CLIPForImageClassification";

static constexpr TowerTypes types = {"clip_vision_model", "clip"};

static bool isTower(StringRef architecture) {
  return architecture == visionName || architecture == projectionName;
}

static graph::KeyScheme keys(StringRef architecture) {
  graph::KeyScheme scheme = {towerRules()};
  scheme.rules.insert(
      scheme.rules.end(),
      {{"cls_token", "embeddings.class_embedding"},
       {"pre_norm", "pre_layrnorm", {"pre_layernorm"}}, // the first is transformers' spelling
       {"projection", "visual_projection", {}, {}, /*prefixed=*/false}});
  scheme.prefixes =
      isTower(architecture) ? std::vector{"vision_model.", ""} : std::vector{"vision_model."};
  return scheme;
}

namespace {
/// The settings of CLIPVisionConfig.
struct Settings {
  Encoder encoder;
  int64_t projection = 0;
};
} // namespace

static Settings readSettings(Config &config) {
  HfSizes s = readSizes(config, {.patch = {32, 32}, .eps = 1e-5});
  expectSquare(config, "image_size", s.image);
  expectSquare(config, "patch_size", s.patch);
  Encoder e = encoderOf(config, s, /*lead=*/1, "quick_gelu");
  e.patches.bias = false;
  e.classVector = true;
  e.preNorm = e.norm;
  e.norm = std::nullopt; // it is for what is pooled
  return {e, config.size("projection_dim", 512)};
}

/// The class, one of those that the config can be of.
static std::string readClass(Config &config, const NamedTensors &tensors) {
  const ClassHint whole[] = {{classifierName, "head.weight"},
                             {wholeName, "projection.weight"},
                             {projectionName, "projection.weight"},
                             {visionName, nullptr}};
  return hasTowers(config, types) ? readClass(config, tensors, whole)
                                  : readClass(config, tensors, ArrayRef(whole).take_back(2));
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(visionName));
  model.architecture = readClass(config, tensors);
  bool classifies = model.architecture == classifierName;
  Settings settings;
  readTower(config, types, tensors, /*lead=*/1,
            [&](Config &part) { settings = readSettings(part); });
  if (hasTowers(config, types)) {
    config.harmless({"logit_scale_init_value"});
    int64_t common = config.size("projection_dim", 512);
    if (!isTower(model.architecture))
      settings.projection = common;
  }
  int64_t classes = readClasses(config, classifies);
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  const Encoder &encoder = settings.encoder;
  Encoded encoded = encode(g, encoder);
  Value hidden = encoded.last, normed = encoder.block.norm(g / "norm", hidden);
  Value pooled = graph::select(g / "pooler", normed, 0);
  Value embeds = dsl::Linear{settings.projection, /*bias=*/false}(g / "projection", pooled);
  if (model.architecture == visionName)
    model.outputs = {{"last_hidden_state", hidden}, {"pooler_output", pooled}};
  else if (model.architecture == projectionName)
    model.outputs = {{"image_embeds", embeds},
                     {"last_hidden_state", hidden},
                     {"pooler_output", pooled, /*isDefault=*/false}};
  else if (classifies)
    model.outputs = {
        {"logits", dsl::Linear{classes}(g / "head", graph::meanTokens(g / "mean", hidden, 1))},
        {"last_hidden_state", hidden, /*isDefault=*/false}};
  else
    model.outputs = {{"image_embeds", dsl::l2Normalise(g / "normalise", embeds)},
                     {"image_features", embeds, /*isDefault=*/false},
                     {"last_hidden_state", hidden, /*isDefault=*/false}};
  addHiddenStates(model, encoded.states);
  addPatchGrid(model, normed, encoder.lead(), encoder.grid());
  model.unused = besideTower();
  return model;
}

Family hfClip() {
  return {.name = "hf-clip",
          .key = "model_type",
          .values = "\"clip_vision_model\" or \"clip\"",
          .matches =
              [](const Config &config) {
                return config.is("model_type", types.tower) || config.is("model_type", types.whole);
              },
          .architectures = {visionName, projectionName, wholeName, classifierName},
          .import = importGraph,
          .keys = keys,
          .title = "CLIP, its tower of images"};
}

} // namespace vitc::checkpoint
