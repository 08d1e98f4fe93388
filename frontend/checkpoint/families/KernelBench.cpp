//===- KernelBench.cpp - The ViT of KernelBench, level 3, problem 28 -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Bug for bug. The module unfolds the image without permuting it, so a "patch"
// is C*p*p consecutive values of [C, H/p, W/p, p, p]; and it hands [batch,
// tokens, width] to an encoder that reads [sequence, batch, width], so images
// attend to each other and tokens do not. `batch_first` is its twin without
// the second bug. Blocks are PyTorch's defaults: post-norm, ReLU, eps 1e-5,
// packed q|k|v.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Registry.h"
#include "vitc/dsl/Layers.h"

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr const char *architectureName = "kernelbench_vit";

/// Names of plain modules, of the published one, and of its Triton version, which stores three
/// matrices transposed.
static graph::KeyScheme keys(StringRef) {
  // clang-format off
  return {{
      {"patch_embed.weight", "patch.weight", {"patch_to_embedding.weight"}, {"patch_weight"}},
      {"patch_embed.bias", "patch.bias", {"patch_to_embedding.bias", "patch_bias"}},
      {"cls_token", "cls_token"},
      {"pos_embed", "pos_embedding"},
      {"blocks.*.attn.in_proj.weight", "transformer.layers.*.self_attn.in_proj_weight"},
      {"blocks.*.attn.in_proj.bias", "transformer.layers.*.self_attn.in_proj_bias"},
      {"blocks.*.attn.proj", "transformer.layers.*.self_attn.out_proj"},
      {"blocks.*.norm1", "transformer.layers.*.norm1"},
      {"blocks.*.norm2", "transformer.layers.*.norm2"},
      {"blocks.*.mlp.fc1", "transformer.layers.*.linear1"},
      {"blocks.*.mlp.fc2", "transformer.layers.*.linear2"},
      {"head.fc1.weight", "fc1.weight", {"mlp_head.0.weight"}, {"mlp_w1"}},
      {"head.fc1.bias", "fc1.bias", {"mlp_head.0.bias", "mlp_b1"}},
      {"head.fc2.weight", "fc2.weight", {"mlp_head.3.weight"}, {"mlp_w2"}},
      {"head.fc2.bias", "fc2.bias", {"mlp_head.3.bias", "mlp_b2"}},
  }};
  // clang-format on
}

/// nn.MultiheadAttention: q, k and v are rows of one matrix.
static Value packedAttention(Scope s, Value x, int64_t heads, graph::Axis axis) {
  int64_t width = s.shape(x).width();
  Scope packed = s / "in_proj";
  Value weights = graph::weight(packed / "weight", {3 * width, width});
  Value biases = graph::weight(packed / "bias", {3 * width});
  Value qkv[3];
  const Scope places[3] = {s / "q", s / "k", s / "v"};
  for (int i = 0; i < 3; ++i) {
    Scope place = places[i];
    Value w = graph::slice(place / "weight", weights, i * width, width);
    Value b = graph::slice(place / "bias", biases, i * width, width);
    qkv[i] = graph::biasAdd(place, graph::linear(place, x, w), b);
  }
  graph::Heads how{heads, width / heads};
  how.axis = axis;
  Value y = graph::attention(s, qkv[0], qkv[1], qkv[2], how);
  return dsl::Linear{width}(s / "proj", y);
}

/// nn.TransformerEncoderLayer.
static Value block(Scope s, Value x, int64_t heads, int64_t mlp, graph::Axis axis) {
  Scope attn = s / "attn", feed = s / "mlp";
  x = dsl::residual(attn / "residual", x, packedAttention(attn, x, heads, axis));
  x = dsl::LayerNorm{1e-5}(s / "norm1", x);
  Value h = dsl::Mlp{mlp, dsl::Activation::Relu}(feed, x);
  x = dsl::residual(feed / "residual", x, h);
  return dsl::LayerNorm{1e-5}(s / "norm2", x);
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *) {
  ImportedGraph model;
  model.architecture = config.text("architecture", architectureName);
  Size image = config.sizes("image_size");
  Size patch = config.sizes("patch_size");
  int64_t classes = config.size("num_classes");
  int64_t width = config.size("dim");
  int64_t depth = config.size("depth", std::nullopt, /*most=*/1000);
  int64_t heads = config.size("heads");
  int64_t mlp = config.size("mlp_dim");
  int64_t channels = config.size("channels", 3);
  bool batchFirst = config.flag("batch_first", false);
  config.harmless({"dropout", "emb_dropout"});
  config.fixedImageSize("image_size", image, patch);
  config.expectDivides("heads", heads, "dim", width);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  graph::Axis axis = batchFirst ? graph::Axis::Tokens : graph::Axis::Batch;
  Value x = graph::input(g / "pixel_values", {graph::batch, channels, image.height, image.width});
  x = dsl::PatchEmbed{patch.height, patch.width, width,
                      graph::PatchOrder::Unfold}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  x = dsl::Position{}(g / "pos_embed", x);
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < depth && !g.problem.found; ++i)
    x = block(blocks / i, x, heads, mlp, axis);
  Scope head = g / "head";
  Value token = graph::select(head / "token", x, 0);
  Value h = graph::gelu(head / "gelu", dsl::Linear{mlp}(head / "fc1", token));
  Value logits = dsl::Linear{classes}(head / "fc2", h);

  model.outputs = {{"logits", logits}, {"last_hidden_state", x}};
  return model;
}

Family kernelBench() {
  return {
      .name = "kernelbench",
      .key = "architecture",
      .values = "\"kernelbench_vit\"",
      .matches = [](const Config &config) { return config.is("architecture", architectureName); },
      .architectures = {architectureName},
      .import = importGraph,
      .keys = keys,
      .source = "KernelBench",
      .title = "ViT (level 3, problem 28), bug for bug",
      .summary = "`\"architecture\": \"kernelbench_vit\"`"};
}

} // namespace vitc::checkpoint
