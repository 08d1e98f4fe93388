//===- Vit.h - Small Vision Transformers for tests --------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What passes tell apart, small enough for the reference interpreter.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_MODELS_VIT_H
#define VITC_TEST_MODELS_VIT_H

#include "vitc/dsl.h"

namespace vitc::test {

struct VitChoices {
  std::int64_t width = 32, heads = 2, mlp = 20; // 20 is no multiple of 8
  bool qkvBias = true;
  bool packed = false;   ///< one linear for query, key and value
  bool postNorm = false; ///< norms behind the residuals, as in KernelBench's ViT
  bool overBatch = false;
  bool gated = false; ///< silu(gate) * fc1 in place of gelu(fc1)
  bool logits = true, lastHiddenState = false;
};

constexpr dsl::Value attentionOf(const VitChoices &c, dsl::Scope s, dsl::Value x) {
  using namespace dsl;
  graph::Heads how{.heads = c.heads, .headDim = c.width / c.heads};
  how.axis = c.overBatch ? Axis::Batch : Axis::Tokens;
  Value q, k, v;
  if (c.packed) {
    q = k = v = Linear{3 * c.width, c.qkvBias}(s / "qkv", x);
    how.offsets[1] = c.width, how.offsets[2] = 2 * c.width;
  } else {
    q = Linear{c.width, c.qkvBias}(s / "q", x);
    k = Linear{c.width, c.qkvBias}(s / "k", x);
    v = Linear{c.width, c.qkvBias}(s / "v", x);
  }
  return Linear{c.width}(s / "proj", graph::attention(s, q, k, v, how));
}

constexpr dsl::Value mlpOf(const VitChoices &c, dsl::Scope s, dsl::Value x) {
  using namespace dsl;
  if (!c.gated)
    return Mlp{c.mlp}(s, x);
  Value h = Linear{c.mlp}(s / "fc1", x);
  Value gate = silu(s / "silu", Linear{c.mlp, false}(s / "gate", x));
  return Linear{c.width}(s / "fc2", mul(s / "gated", gate, h));
}

/// Two blocks on the 2 x 2 patches of 3 x 10 x 10 pixels; the 75 values of a patch are no multiple
/// of
/// 8. Outputs logits [batch, 7] and last_hidden_state [batch, 5, width].
constexpr dsl::Graph vit(const VitChoices &c) {
  using namespace dsl;
  Graph g;
  Value x = input(g / "pixel_values", {batch, 3, 10, 10});
  x = PatchEmbed{5, 5, c.width}(g / "patch_embed", x);
  x = Position{}(g / "pos_embed", ClassToken{}(g / "cls_token", x));
  const LayerNorm norm{1e-5};
  for (std::int64_t i = 0; i < 2; ++i) {
    Scope s = g / "blocks" / i, attn = s / "attn", mlp = s / "mlp";
    if (c.postNorm) {
      x = norm(s / "norm1", residual(attn / "residual", x, attentionOf(c, attn, x)));
      x = norm(s / "norm2", residual(mlp / "residual", x, mlpOf(c, mlp, x)));
    } else {
      x = residual(attn / "residual", x, attentionOf(c, attn, norm(s / "norm1", x)));
      x = residual(mlp / "residual", x, mlpOf(c, mlp, norm(s / "norm2", x)));
    }
  }
  x = norm(g / "norm", x);
  if (c.logits)
    output(g, "logits", Head{7}(g / "head", x));
  if (c.lastHiddenState)
    output(g, "last_hidden_state", x);
  return g;
}

} // namespace vitc::test
#endif // VITC_TEST_MODELS_VIT_H
