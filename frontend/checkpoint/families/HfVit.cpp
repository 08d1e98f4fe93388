//===- HfVit.cpp - HuggingFace ViT -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// ViTForImageClassification and ViTModel, with the defaults of ViTConfig.
// Pre-norm blocks, class token first. For other sizes of images the table of positions is resampled
// bicubically, without antialiasing.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/Registry.h"
#include "weights/TensorNames.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using dsl::Activation;
using graph::Scope;
using graph::Value;

static constexpr const char *classifierName = "ViTForImageClassification", *modelName = "ViTModel";

/// Keys of transformers 5, aliases of transformers 4.
static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"blocks.*.norm1", "layers.*.layernorm_before", {"encoder.layer.*.layernorm_before"}},
      {"blocks.*.norm2", "layers.*.layernorm_after", {"encoder.layer.*.layernorm_after"}},
      {"blocks.*.attn.q", "layers.*.attention.q_proj", {"encoder.layer.*.attention.attention.query"}},
      {"blocks.*.attn.k", "layers.*.attention.k_proj", {"encoder.layer.*.attention.attention.key"}},
      {"blocks.*.attn.v", "layers.*.attention.v_proj", {"encoder.layer.*.attention.attention.value"}},
      {"blocks.*.attn.proj", "layers.*.attention.o_proj", {"encoder.layer.*.attention.output.dense"}},
      {"blocks.*.mlp.fc1", "layers.*.mlp.fc1", {"encoder.layer.*.intermediate.dense"}},
      {"blocks.*.mlp.fc2", "layers.*.mlp.fc2", {"encoder.layer.*.output.dense"}},
      {"norm", "layernorm"},
      {"pooler", "pooler.dense"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = architecture == classifierName ? std::vector{"vit."} : std::vector{"", "vit."};
  return scheme;
}

namespace {
/// The settings of ViTConfig that decide the encoder.
struct Settings {
  HfSizes sizes;
  bool qkvBias;
  Activation activation;
};
} // namespace

/// The encoder, and its last hidden state after the final norm.
static Value encoder(graph::Graph &g, const Settings &settings) {
  const HfSizes &s = settings.sizes;
  Value x =
      graph::input(g / "pixel_values", {graph::batch, s.channels, s.seen.height, s.seen.width});
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  Scope position = g / "pos_embed";
  dsl::PositionTable table = {gridOf(s.seen, s.patch), gridOf(s.image, s.patch), /*lead=*/1};
  x = graph::position(position, x, table(position, s.width));
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < s.layers && !g.problem.found; ++i)
    x = dsl::EncoderBlock{s.heads, s.mlp, s.eps, settings.activation, settings.qkvBias}(blocks / i,
                                                                                        x);
  return dsl::LayerNorm{s.eps}(g / "norm", x);
}

/// The weight of a name in the graph, whatever class the file is of; NULL where there is none, and
/// for two of it, which are refused later.
static const vitrt::FileTensor *find(const vitrt::TensorNames &tensors, std::string_view name) {
  graph::Keys all = graph::keysOf(keys(modelName), name);
  all.aliases.push_back(all.key);
  for (const std::string &key : all.aliases)
    if (auto found = tensors.find(key); found && *found)
      return *found;
  return nullptr;
}

/// Published ViTModels come with and without a pooler; the config does not say.
static bool hasPooler(const vitrt::TensorNames *tensors) {
  return !tensors || find(*tensors, "pooler.weight");
}

/// Extent `i` of a weight of rank `rank`, or 0.
static int64_t extent(const vitrt::TensorNames &tensors, std::string_view name, size_t rank,
                      size_t i) {
  const vitrt::FileTensor *tensor = find(tensors, name);
  return tensor && tensor->shape.size() == rank ? tensor->shape[i] : 0;
}

/// Tells the config what tensors say of its sizes, for those that it leaves out.
static void hintSizes(Config &config, const vitrt::TensorNames &tensors) {
  auto hint = [&](StringRef key, std::string_view name, size_t rank, size_t i) {
    if (int64_t size = extent(tensors, name, rank, i))
      config.hint(key, size);
  };
  hint("hidden_size", "cls_token", 3, 2);
  hint("num_channels", "patch_embed.weight", 4, 1);
  hint("intermediate_size", "blocks.0.mlp.fc1.weight", 2, 0);
  if (!config.has("id2label"))
    hint("num_labels", "head.weight", 2, 0);
  int64_t layers = 0;
  while (layers < 1000 && find(tensors, "blocks." + std::to_string(layers) + ".norm1.weight"))
    ++layers;
  if (layers)
    config.hint("num_hidden_layers", layers);
  if (layers)
    config.hint("qkv_bias", find(tensors, "blocks.0.attn.q.bias") != nullptr);
  Size patch = {extent(tensors, "patch_embed.weight", 4, 2),
                extent(tensors, "patch_embed.weight", 4, 3)};
  if (!patch.height || !patch.width)
    return;
  config.hint("patch_size", patch);
  int64_t patches = extent(tensors, "pos_embed", 3, 1) - 1, side = 1;
  while (side * side < patches)
    ++side;
  if (patches > 0 && side * side == patches)
    config.hint("image_size", Size{side * patch.height, side * patch.width});
}

/// The class of a config that names none.
static std::string readClass(Config &config, const vitrt::TensorNames *tensors) {
  const StringRef known[] = {classifierName, modelName};
  if (tensors) {
    bool classifier = find(*tensors, "head.weight");
    return readArchitecture(config, known, classifier ? classifierName : modelName,
                            classifier ? "the file has 'classifier.weight'"
                                       : "the file has no 'classifier.weight'");
  }
  for (const char *key : {"id2label", "num_labels"})
    if (config.has(key))
      return readArchitecture(config, known, classifierName, fmt::format("there is '{}'", key));
  return readArchitecture(config, known, modelName,
                          "there are neither weights nor 'id2label' nor 'num_labels'");
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *tensors) {
  ImportedGraph model;
  model.architecture = readClass(config, tensors);
  if (tensors)
    hintSizes(config, *tensors);
  config.harmless({"model_type"}); // which found this family
  HfSizes sizes = readSizes(config, HfSizes());
  Settings settings = {sizes, config.flag("qkv_bias", true),
                       readActivation(config, "hidden_act", "gelu")};
  bool classifier = model.architecture == classifierName;
  int64_t classes = readClassCount(config);
  config.harmless({"pooler_output_size"}); // which may be null
  int64_t poolerWidth =
      config.has("pooler_output_size") ? config.size("pooler_output_size") : sizes.width;
  Activation poolerAct = Activation::Tanh;
  if (classifier)
    config.harmless({"pooler_act"}); // the class has no pooler
  else
    poolerAct = readActivation(config, "pooler_act", "tanh");
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Value hidden = encoder(g, settings);
  if (classifier) {
    model.unused = {"vit.embeddings.mask_token", "vit.pooler.*", "pooler.*"};
    model.outputs = {{"logits", dsl::Head{classes}(g / "head", hidden)},
                     {"last_hidden_state", hidden, /*isDefault=*/false}};
    return model;
  }
  model.unused = {"embeddings.mask_token", "vit.embeddings.mask_token"};
  model.outputs = {{"last_hidden_state", hidden}};
  if (hasPooler(tensors)) {
    Scope pooler = g / "pooler";
    Value x = graph::select(pooler / "token", hidden, 0);
    x = dsl::activate(pooler, dsl::Linear{poolerWidth}(pooler, x), poolerAct);
    model.outputs.push_back({"pooler_output", x});
  }
  return model;
}

Family hfVit() {
  return {.name = "hf-vit",
          .key = "model_type",
          .values = "\"vit\"",
          .matches = [](const Config &config) { return config.is("model_type", "vit"); },
          .architectures = {classifierName, modelName},
          .import = importGraph,
          .keys = keys};
}

} // namespace vitc::checkpoint
