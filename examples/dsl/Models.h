//===- Models.h - Models in the DSL ----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Sizes are checked here, by the compiler, long before anything runs.
//===----------------------------------------------------------------------===//
#ifndef VITC_EXAMPLES_DSL_MODELS_H
#define VITC_EXAMPLES_DSL_MODELS_H

#include <vitc/dsl.h>

namespace models {
using namespace vitc::dsl;

/// What varies among plain Vision Transformers.
struct Sizes {
  std::int64_t channels, image, patch, width, layers, heads, mlp, classes;
};

/// Patches, class token, position, pre-norm blocks, classes from the class token.
constexpr Graph classifier(Sizes size) {
  Graph g;
  Value x = input(g / "pixel_values", {batch, size.channels, size.image, size.image});
  x = PatchEmbed{size.patch, size.patch, size.width}(g / "patch_embed", x);
  x = ClassToken{}(g / "cls_token", x);
  x = Position{}(g / "pos_embed", x);
  Scope blocks = g / "blocks";
  for (std::int64_t i = 0; i < size.layers; ++i)
    x = EncoderBlock{size.heads, size.mlp}(blocks / i, x);
  x = LayerNorm{}(g / "norm", x);
  output(g, "logits", Head{size.classes}(g / "head", x));
  return g;
}

/// Handwritten digits of 32 x 32 grey pixels.
constexpr Graph digits() {
  return classifier({.channels = 1,
                     .image = 32,
                     .patch = 4,
                     .width = 128,
                     .layers = 4,
                     .heads = 2,
                     .mlp = 512,
                     .classes = 10});
}
static_assert(outputShape<digits>("logits") == Shape{batch, 10});

/// ViT-B/16 at 224 x 224, 1000 classes.
constexpr Graph vitB16() {
  return classifier({.channels = 3,
                     .image = 224,
                     .patch = 16,
                     .width = 768,
                     .layers = 12,
                     .heads = 12,
                     .mlp = 3072,
                     .classes = 1000});
}
static_assert(outputShape<vitB16>("logits") == Shape{batch, 1000});
static_assert(flops<vitB16>() == 35'127'656'448);
static_assert(parameters<vitB16>() == 86'567'656);

/// A block of one's own: attention and MLP side by side on the same norm, as in ViT-22B, with the
/// gated MLP of many later models.
constexpr Value gatedParallelBlock(Scope s, Value x) {
  Value h = LayerNorm{.eps = 1e-6}(s / "norm", x);
  Value a = Attention{.heads = 4}(s / "attn", h);
  Value gate = silu(s / "silu", Linear{.out = 384, .bias = false}(s / "gate", h));
  Value up = Linear{.out = 384, .bias = false}(s / "up", h);
  Value m = Linear{.out = 192}(s / "down", mul(s / "gated", gate, up));
  return residual(s / "residual", x, add(s / "sum", a, m));
}

constexpr Graph gated() {
  Graph g;
  Value x = input(g / "pixel_values", {batch, 3, 96, 64}); // height 96, width 64
  x = PatchEmbed{.patchHeight = 16, .patchWidth = 16, .width = 192}(g / "patch_embed", x);
  x = ClassToken{}(g / "cls_token", x);
  x = Position{}(g / "pos_embed", x);
  for (std::int64_t i = 0; i < 6; ++i)
    x = gatedParallelBlock(g / "blocks" / i, x);
  x = LayerNorm{.eps = 1e-6}(g / "norm", x);
  output(g, "last_hidden_state", x);
  output(g, "logits", Head{.classes = 5}(g / "head", x));
  return g;
}
static_assert(outputShape<gated>("last_hidden_state") == Shape{batch, 25, 192});

/// Six layers with the weights of one, as in ALBERT. Without shared() it would not compile: a
/// second weight of one name is most often a forgotten index.
constexpr Graph tied() {
  Graph g;
  Value x = input(g / "pixel_values", {batch, 3, 64, 64});
  x = PatchEmbed{16, 16, 192}(g / "patch_embed", x);
  x = ClassToken{}(g / "cls_token", x);
  x = Position{}(g / "pos_embed", x);
  for (int i = 0; i < 6; ++i)
    x = EncoderBlock{.heads = 3, .mlp = 768}(shared(g / "block"), x);
  output(g, "logits", Head{.classes = 5}(g / "head", x));
  return g;
}
static_assert(parameters<tied>() == 596'933); // of which 444'864 are the layer's

} // namespace models
#endif // VITC_EXAMPLES_DSL_MODELS_H
