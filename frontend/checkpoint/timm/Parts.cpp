//===- Parts.cpp - What timm's transformers have in common -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Parts.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitc::checkpoint::timm {

using graph::Scope;
using graph::Value;

Value embed(graph::Graph &g, const Embedding &e) {
  const Sizes &s = e.sizes;
  Value x =
      graph::input(g / "pixel_values", {graph::batch, s.channels, s.seen.height, s.seen.width});
  Scope patches = g / "patch_embed";
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width, graph::PatchOrder::Conv,
                      e.patchBias}(patches, x);
  if (e.patchNorm)
    x = (*e.patchNorm)(patches / "norm", x);
  auto addPositions = [&](int64_t lead) {
    Scope at = g / "pos_embed";
    dsl::PositionTable table = {e.grid(), gridOf(s.image, s.patch), lead, e.how};
    x = graph::position(at, x, table(at, s.width));
  };
  if (e.positions && e.patchesAlone)
    addPositions(0);
  if (e.registers) {
    Scope at = g / "reg_token";
    x = graph::prepend(at, graph::weight(at, {e.registers, s.width}, {1, e.registers, s.width}), x);
  }
  if (e.distToken)
    x = dsl::ClassToken{}(g / "dist_token", x);
  if (e.classToken)
    x = dsl::ClassToken{}(g / "cls_token", x);
  if (e.positions && !e.patchesAlone)
    addPositions(e.prefix());
  return x;
}

std::string readPooling(Config &args, bool hasClassToken) {
  std::string kind = args.text("global_pool");
  if (!is_contained({"token", "avg", "map", "prr", ""}, kind))
    args.failFound("global_pool", "token, avg, map or prr, as others are not supported");
  else if (kind == "token" && !hasClassToken)
    args.fail("global_pool", "expected avg or map, as the model has no class token, found token");
  return kind;
}

/// AttentionPoolLatent: a learned query, then a residual MLP.
static Value attentionPool(Scope s, Value x, const Pooling &p) {
  int64_t width = s.shape(x).width();
  Scope packed = s / "kv";
  Value latent =
      graph::broadcast(s / "latent", graph::weight(s / "latent", {1, width}, {1, 1, width}));
  Value query = dsl::Linear{width}(s / "q", latent);
  Value weights = graph::weight(packed / "weight", {2 * width, width});
  Value biases = graph::weight(packed / "bias", {2 * width});
  auto half = [&](Scope at, int64_t first) {
    Value y = graph::linear(at, x, graph::slice(at / "weight", weights, first, width));
    return graph::biasAdd(at, y, graph::slice(at / "bias", biases, first, width));
  };
  Value key = half(s / "k", 0), value = half(s / "v", width);
  x = graph::attention(s, query, key, value, {.heads = p.heads, .headDim = width / p.heads});
  x = dsl::Linear{width}(s / "proj", x);
  Scope feed = s / "mlp";
  Value h = dsl::Mlp{p.hidden, p.activation}(feed, p.norm(s / "norm", x));
  return dsl::residual(feed / "residual", x, h);
}

Value pool(graph::Graph &g, Value x, const Pooling &p) {
  Scope s = g / "pool";
  int64_t tokens = g.shape(x)[1];
  int64_t first = p.includePrefix ? 0 : p.prefix;
  if (p.kind == "map") {
    if (first)
      x = graph::sliceTokens(s / "patches", x, first, tokens - first);
    x = attentionPool(g / "attn_pool", x, p);
  } else if (p.kind == "prr") { // attention without weights, over all tokens
    x = graph::attention(s, x, x, x, {.heads = p.heads, .headDim = g.shape(x).width() / p.heads});
    x = p.classToken ? graph::select(s, x, 0) : graph::meanTokens(s, x, 0);
  } else if (p.kind == "avg")
    x = graph::meanTokens(s, x, first);
  else if (p.kind == "token")
    x = graph::select(s, x, 0);
  return p.fcNorm ? (*p.fcNorm)(g / "fc_norm", x) : x;
}

void addStates(ImportedGraph &model, const std::vector<Value> &states) {
  for (auto [i, state] : enumerate(states))
    model.outputs.push_back(
        {{"hidden_states", static_cast<int64_t>(i)}, state, /*isDefault=*/false});
}

void addOutputs(ImportedGraph &model, Value hidden, Value pooled, const Embedding &embedding) {
  graph::Graph &g = model.graph;
  int64_t classes = embedding.sizes.classes;
  if (classes)
    model.outputs.push_back({"logits", dsl::Linear{classes}(g / "head", pooled)});
  model.outputs.push_back({"pooler_output", pooled, /*isDefault=*/classes == 0});
  model.outputs.push_back({"last_hidden_state", hidden, /*isDefault=*/false});
  model.outputs.push_back(
      {"patch_grid",
       graph::gridOfTokens(g / "patch_grid", hidden, embedding.prefix(), embedding.grid()),
       /*isDefault=*/false});
}

} // namespace vitc::checkpoint::timm
