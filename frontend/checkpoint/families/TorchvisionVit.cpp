//===- TorchvisionVit.cpp - torchvision's VisionTransformer ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// torchvision publishes state dicts alone. Tensors tell every size but the number
// of heads, which have 64 columns in all of its models; a config.json with
// "architecture": "torchvision_vit" and the arguments of the class says it too.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/Registry.h"
#include "weights/TensorNames.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr const char *architectureName = "torchvision_vit";

/// Aliases are of files from before torchvision 0.12.
static graph::KeyScheme keys(StringRef) {
  // clang-format off
  return {{
      {"patch_embed", "conv_proj"},
      {"cls_token", "class_token"},
      {"pos_embed", "encoder.pos_embedding"},
      {"blocks.*.norm1", "encoder.layers.encoder_layer_*.ln_1"},
      {"blocks.*.norm2", "encoder.layers.encoder_layer_*.ln_2"},
      {"blocks.*.attn.qkv.weight", "encoder.layers.encoder_layer_*.self_attention.in_proj_weight"},
      {"blocks.*.attn.qkv.bias", "encoder.layers.encoder_layer_*.self_attention.in_proj_bias"},
      {"blocks.*.attn.proj", "encoder.layers.encoder_layer_*.self_attention.out_proj"},
      {"blocks.*.mlp.fc1", "encoder.layers.encoder_layer_*.mlp.0", {"encoder.layers.encoder_layer_*.mlp.linear_1"}},
      {"blocks.*.mlp.fc2", "encoder.layers.encoder_layer_*.mlp.3", {"encoder.layers.encoder_layer_*.mlp.linear_2"}},
      {"norm", "encoder.ln"},
      {"pre_logits", "heads.pre_logits"},
      {"head", "heads.head"},
  }};
  // clang-format on
}

/// The weight of a name in the graph; NULL where there is none.
static const vitrt::FileTensor *find(const vitrt::TensorNames &tensors, std::string_view name) {
  graph::Keys all = graph::keysOf(keys(""), name);
  all.aliases.push_back(all.key);
  for (const std::string &key : all.aliases)
    if (auto found = tensors.find(key); found && *found)
      return *found;
  return nullptr;
}

static void hintSizes(Config &config, const vitrt::TensorNames &tensors) {
  auto extent = [&](std::string_view name, size_t rank, size_t i) -> int64_t {
    const vitrt::FileTensor *tensor = find(tensors, name);
    return tensor && tensor->shape.size() == rank ? tensor->shape[i] : 0;
  };
  auto hint = [&](StringRef key, int64_t size) {
    if (size)
      config.hint(key, size);
  };
  hint("hidden_dim", extent("cls_token", 3, 2));
  hint("in_channels", extent("patch_embed.weight", 4, 1));
  hint("mlp_dim", extent("blocks.0.mlp.fc1.weight", 2, 0));
  hint("num_classes", extent("head.weight", 2, 0));
  hint("representation_size", extent("pre_logits.weight", 2, 0));
  int64_t layers = 0;
  while (layers < 1000 && find(tensors, fmt::format("blocks.{}.norm1.weight", layers)))
    ++layers;
  hint("num_layers", layers);
  int64_t patch = extent("patch_embed.weight", 4, 2), places = extent("pos_embed", 3, 1) - 1;
  hint("patch_size", patch);
  for (int64_t side = 1; side * side <= places; ++side)
    if (side * side == places)
      hint("image_size", side * patch);
}

/// Heads have 64 columns in all published models.
static int64_t readHeads(Config &config, int64_t width) {
  constexpr int64_t size = 64;
  if (config.has("num_heads") || config.failed())
    return config.size("num_heads");
  if (width % size) {
    config.fail("num_heads", fmt::format("expected a number, found none, and the width {} is no "
                                         "multiple of {}, the head size of torchvision's models; "
                                         "write it in a config.json",
                                         width, size));
    return 1;
  }
  config.note("num_heads", fmt::format("is missing; {} is taken, heads of {} columns, as all of "
                                       "torchvision's models have",
                                       width / size, size));
  return width / size;
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *tensors) {
  ImportedGraph model;
  model.architecture = architectureName;
  if (tensors)
    hintSizes(config, *tensors);
  Size image = config.sizes("image_size"), patch = config.sizes("patch_size");
  int64_t width = config.size("hidden_dim");
  int64_t layers = config.size("num_layers", std::nullopt, /*most=*/1000);
  int64_t heads = readHeads(config, width);
  int64_t mlp = config.size("mlp_dim");
  int64_t channels = config.size("in_channels", 3);
  int64_t classes = config.size("num_classes", 1000);
  int64_t representation = config.count("representation_size", 0);
  config.harmless({"architecture", "dropout", "attention_dropout"});
  config.fixedImageSize("image_size", image, patch);
  config.expectDivides("num_heads", heads, "hidden_dim", width);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Value x = graph::input(g / "pixel_values", {graph::batch, channels, image.height, image.width});
  x = dsl::PatchEmbed{patch.height, patch.width, width}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  x = dsl::Position{}(g / "pos_embed", x);
  dsl::Norm norm = {dsl::NormKind::Layer, 1e-6};
  dsl::Block block = {{.heads = heads, .weights = dsl::QkvWeights::Packed}, {mlp}, norm};
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < layers && !g.problem.found; ++i)
    x = block(blocks / i, x);
  x = norm(g / "norm", x);
  Value token = graph::select(g / "token", x, 0), pooled = token;
  if (representation) {
    Scope at = g / "pre_logits";
    token = graph::tanh(at / "tanh", dsl::Linear{representation}(at, token));
  }
  Value patches = graph::gridOfTokens(g / "patch_grid", x, 1, gridOf(image, patch));
  model.outputs = {{"logits", dsl::Linear{classes}(g / "head", token)},
                   {"pooler_output", pooled, /*isDefault=*/false},
                   {"last_hidden_state", x, /*isDefault=*/false},
                   {"patch_grid", patches, /*isDefault=*/false}};
  return model;
}

Family torchvisionVit() {
  return {
      .name = "torchvision-vit",
      .key = "architecture",
      .values = "\"torchvision_vit\"",
      .matches = [](const Config &config) { return config.is("architecture", architectureName); },
      .architectures = {architectureName},
      .import = importGraph,
      .keys = keys,
      .matchesTensors =
          [](const vitrt::TensorNames &tensors) {
            return tensors.has("conv_proj.weight") && tensors.has("encoder.pos_embedding");
          },
      .source = "torchvision",
      .title = "ViT",
      .summary = "`VisionTransformer`: a state dict alone, or with a config of its arguments"};
}

} // namespace vitc::checkpoint
