//===- HfYolos.cpp - HuggingFace YOLOS -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// YolosForObjectDetection and YolosModel. Behind the patches stand tokens that
// detect: their classes (one more than there are labels: nothing) and boxes are
// the results. Positions are added before the first layer and, from tables of
// their own, behind every other one but the last. Tables are for class token,
// patches and detection tokens; the patches' part is resampled bicubically.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr const char *detectorName = "YolosForObjectDetection", *modelName = "YolosModel";

/// Keys of transformers 5, aliases of transformers 4.
static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"detection_tokens", "embeddings.detection_tokens"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"mid_pos_embed", "encoder.interpolation.mid_position_embeddings",
       {"encoder.mid_position_embeddings"}},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"blocks.*.norm1", "encoder.layer.*.layernorm_before"},
      {"blocks.*.norm2", "encoder.layer.*.layernorm_after"},
      {"blocks.*.attn.q", "encoder.layer.*.attention.attention.query"},
      {"blocks.*.attn.k", "encoder.layer.*.attention.attention.key"},
      {"blocks.*.attn.v", "encoder.layer.*.attention.attention.value"},
      {"blocks.*.attn.proj", "encoder.layer.*.attention.output.dense"},
      {"blocks.*.mlp.fc1", "encoder.layer.*.intermediate.dense"},
      {"blocks.*.mlp.fc2", "encoder.layer.*.output.dense"},
      {"norm", "layernorm"},
      {"pooler", "pooler.dense"},
      {"head.classes.*", "class_labels_classifier.layers.*", {}, {}, /*prefixed=*/false},
      {"head.boxes.*", "bbox_predictor.layers.*", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = architecture == modelName ? std::vector{"", "vit."} : std::vector{"vit."};
  return scheme;
}

namespace {
/// The settings of YolosConfig beside sizes.
struct Settings {
  HfSizes sizes;
  int64_t detections = 100;
  bool midPositions = true;
};
} // namespace

static Settings readSettings(Config &config) {
  Settings settings;
  settings.sizes = readSizes(config, {.image = {512, 864}});
  const HfSizes &s = settings.sizes;
  expectSquare(config, "patch_size", s.patch);
  settings.detections = config.size("num_detection_tokens", 100, /*most=*/1 << 16);
  settings.midPositions = config.flag("use_mid_position_embeddings", true);
  if (settings.midPositions && !config.failed() &&
      s.image.height * s.image.width / (s.patch.height * s.patch.width) !=
          gridOf(s.image, s.patch).places())
    config.failFound("image_size", "multiples of 'patch_size', as the model's own code takes the "
                                   "area for the number of patches");
  return settings;
}

static dsl::PositionTable positionsOf(const Settings &settings) {
  const HfSizes &s = settings.sizes;
  return {.grid = gridOf(s.seen, s.patch),
          .learned = gridOf(s.image, s.patch),
          .lead = 1,
          .tail = settings.detections};
}

static Encoder encoderOf(Config &config, const Settings &settings) {
  const HfSizes &s = settings.sizes;
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  e.detections = settings.detections;
  e.positions = positionsOf(settings);
  e.layers = s.layers;
  e.block.attention.heads = s.heads;
  e.block.attention.qkvBias = config.flag("qkv_bias", true);
  e.block.mlp = {s.mlp, readActivation(config, "hidden_act", "gelu")};
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.norm = e.block.norm;
  return e;
}

/// Lets the encoder add positions between its layers.
static void addMidPositions(Encoder &e, graph::Graph &g, const Settings &settings) {
  dsl::PositionTable positions = positionsOf(settings);
  int64_t between = e.layers - 1, width = e.patches.width, rows = positions.rows();
  Scope place = g / "mid_pos_embed";
  Value tables = graph::weight(place, {between * rows, width}, {between, 1, rows, width});
  e.between = [=](int64_t layer, Value x) {
    Scope s = place / layer;
    return graph::position(s, x,
                           positions.resampled(s, graph::slice(s, tables, layer * rows, rows)));
  };
}

/// Three linears with ReLU between them.
static Value predict(Scope s, Value x, int64_t out) {
  int64_t width = s.shape(x).width();
  for (int64_t i = 0; i < 2; ++i)
    x = dsl::activate(s / i, dsl::Linear{width}(s / i, x), dsl::Activation::Relu);
  return dsl::Linear{out}(s / 2, x);
}

static void hintFromTensors(Config &config, const NamedTensors &tensors) {
  if (!tensors.haveFile())
    return;
  int64_t detections = tensors.extent("detection_tokens", 3, 1);
  hintSizes(config, tensors, /*lead=*/1 + detections);
  if (detections)
    config.hint("num_detection_tokens", detections);
  if (int64_t classes = tensors.extent("head.classes.2.weight", 2, 0);
      classes > 1 && !config.has("id2label"))
    config.hint("num_labels", classes - 1);
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(modelName));
  model.architecture =
      readClass(config, tensors, {{detectorName, "head.classes.0.weight"}, {modelName, nullptr}});
  hintFromTensors(config, tensors);
  config.harmless({"model_type"}); // which found this family
  Settings settings = readSettings(config);
  Encoder encoder = encoderOf(config, settings);
  int64_t classes = readClassCount(config);
  config.harmless({"auxiliary_loss", "class_cost", "bbox_cost", "giou_cost", // of training
                   "bbox_loss_coefficient", "giou_loss_coefficient", "eos_coefficient"});
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  if (settings.midPositions && encoder.layers > 1)
    addMidPositions(encoder, g, settings);
  Encoded encoded = encode(g, encoder);
  Value hidden = encoded.last;
  if (model.architecture == detectorName) {
    Value found = graph::sliceTokens(g / "detections", hidden, 1 + encoder.grid().places(),
                                     settings.detections);
    Scope head = g / "head", boxes = head / "boxes";
    model.outputs = {{"logits", predict(head / "classes", found, classes + 1)},
                     {"pred_boxes", graph::sigmoid(boxes, predict(boxes, found, 4))},
                     {"last_hidden_state", hidden}};
    model.unused = {"vit.pooler.*"};
  } else {
    model.outputs = {{"last_hidden_state", hidden}};
    if (!file || tensors.has("pooler.weight")) {
      Scope s = g / "pooler";
      Value token = graph::select(s / "token", hidden, 0);
      Value pooled = dsl::Linear{settings.sizes.width}(s, token);
      model.outputs.push_back({"pooler_output", graph::tanh(s, pooled)});
    }
    model.unused = {"class_labels_classifier.*", "bbox_predictor.*"};
  }
  if (encoder.layers == 1) // the tables have no rows then
    for (const std::string prefix : {"", "vit."})
      for (const char *name :
           {"encoder.interpolation.mid_position_embeddings", "encoder.mid_position_embeddings"})
        model.unused.push_back(prefix + name);
  addStates(model, encoder, encoded);
  return model;
}

Family hfYolos() {
  return {.name = "hf-yolos",
          .key = "model_type",
          .values = "\"yolos\"",
          .matches = [](const Config &config) { return config.is("model_type", "yolos"); },
          .architectures = {detectorName, modelName},
          .import = importGraph,
          .keys = keys,
          .title = "YOLOS"};
}

} // namespace vitc::checkpoint
