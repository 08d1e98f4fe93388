//===- Layers.h - Layers of a Vision Transformer ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A layer is a plain aggregate with its sizes; called with a place and a value
// it adds its weights and ops there. The width of what comes in is never
// repeated. Blocks of one's own are constexpr functions of the same form:
//
//   constexpr Value block(Scope s, Value x) {
//     Value h = LayerNorm{1e-6}(s / "norm", x);
//     h = Mlp{.hidden = 256}(s / "mlp", h);
//     return residual(s / "residual", x, h);
//   }
//
// The importers build their models of these too.
//===----------------------------------------------------------------------===//
#ifndef VITC_DSL_LAYERS_H
#define VITC_DSL_LAYERS_H

#include "vitc/graph/Graph.h"

namespace vitc::dsl {

// The vocabulary of graphs, without the names that are layers here.
using graph::Axis;
using graph::batch;
using graph::GeluForm;
using graph::Graph;
using graph::Literal;
using graph::PatchOrder;
using graph::Scope;
using graph::Shape;
using graph::Value;

/// What the MLP of a block applies between its two linears.
enum class Activation : std::uint8_t { Gelu, GeluTanh, GeluQuick, Relu, Silu, Tanh };

/// x * transpose(weight) + bias, with `out` columns. Weights: weight [out, in], bias [out].
struct Linear {
  std::int64_t out;
  bool bias = true;

  constexpr Value operator()(Scope s, Value x) const {
    Value w = graph::weight(s / "weight", {out, s.shape(x).width()});
    Value y = graph::linear(s, x, w);
    if (!bias)
      return y;
    return graph::biasAdd(s, y, graph::weight(s / "bias", {out}));
  }
};

/// Weights: weight [width], bias [width].
struct LayerNorm {
  double eps = 1e-12;

  constexpr Value operator()(Scope s, Value x) const {
    Shape vector = {s.shape(x).width()};
    Value scale = graph::weight(s / "weight", vector);
    return graph::layerNorm(s, x, scale, graph::weight(s / "bias", vector), eps);
  }
};

/// Weights: weight [width].
struct RmsNorm {
  double eps = 1e-6;

  constexpr Value operator()(Scope s, Value x) const {
    return graph::rmsNorm(s, x, graph::weight(s / "weight", {s.shape(x).width()}), eps);
  }
};

struct Gelu {
  GeluForm form = GeluForm::Erf;
  constexpr Value operator()(Scope s, Value x) const { return graph::gelu(s, x, form); }
};

/// Adds the activation below `s`, under its own name.
constexpr Value activate(Scope s, Value x, Activation kind) {
  switch (kind) {
  case Activation::Gelu:
    return graph::gelu(s / "gelu", x, GeluForm::Erf);
  case Activation::GeluTanh:
    return graph::gelu(s / "gelu", x, GeluForm::Tanh);
  case Activation::GeluQuick:
    return graph::gelu(s / "gelu", x, GeluForm::Quick);
  case Activation::Relu:
    return graph::relu(s / "relu", x);
  case Activation::Silu:
    return graph::silu(s / "silu", x);
  case Activation::Tanh:
    return graph::tanh(s / "tanh", x);
  }
  return {};
}

/// x + h, the end of every branch.
constexpr Value residual(Scope s, Value x, Value h) { return graph::add(s, x, h); }

/// Pixels to tokens: patches of height x width, each through a linear of `width` columns.
struct PatchEmbed {
  std::int64_t patchHeight, patchWidth, width;
  PatchOrder order = PatchOrder::Conv;

  constexpr Value operator()(Scope s, Value pixels) const {
    Value x = graph::patchify(s / "patchify", pixels, order, patchHeight, patchWidth);
    std::int64_t channels = s.shape(pixels)[1];
    // A convolution's weight has four dimensions in the file; unfolded patches had a linear.
    Shape fileShape =
        order == PatchOrder::Conv ? Shape{width, channels, patchHeight, patchWidth} : Shape();
    Value w = graph::weight(s / "weight", {width, s.shape(x).width()}, fileShape);
    Value y = graph::linear(s, x, w);
    return graph::biasAdd(s, y, graph::weight(s / "bias", {width}));
  }
};

/// A learned token before the patches; stored as [1, 1, width].
struct ClassToken {
  constexpr Value operator()(Scope s, Value x) const {
    std::int64_t width = s.shape(x).width();
    return graph::prepend(s, graph::weight(s, {1, width}, {1, 1, width}), x);
  }
};

/// A learned embedding for every token; stored as [1, tokens, width].
struct Position {
  constexpr Value operator()(Scope s, Value x) const {
    Shape shape = s.shape(x);
    Value table = graph::weight(s, {shape[1], shape[2]}, {1, shape[1], shape[2]});
    return graph::position(s, x, table);
  }
};

/// Self-attention with linears q, k, v before and proj after it. The width must be a multiple of
/// `heads`.
struct Attention {
  std::int64_t heads;
  bool qkvBias = true;

  constexpr Value operator()(Scope s, Value x) const {
    std::int64_t width = s.shape(x).width();
    if (heads < 1 || width % heads)
      return graph::fail(s, graph::Op::Attention, "a number of heads that divides the width",
                         {width}, {heads});
    Value q = Linear{width, qkvBias}(s / "q", x);
    Value k = Linear{width, qkvBias}(s / "k", x);
    Value v = Linear{width, qkvBias}(s / "v", x);
    graph::Heads how{heads, width / heads};
    return Linear{width}(s / "proj", graph::attention(s, q, k, v, how));
  }
};

/// fc1 to `hidden` columns, an activation, fc2 back to the width.
struct Mlp {
  std::int64_t hidden;
  Activation activation = Activation::Gelu;

  constexpr Value operator()(Scope s, Value x) const {
    Value h = Linear{hidden}(s / "fc1", x);
    h = activate(s, h, activation);
    return Linear{s.shape(x).width()}(s / "fc2", h);
  }
};

/// The pre-norm block of ViT.
struct EncoderBlock {
  std::int64_t heads, mlp;
  double eps = 1e-12;
  Activation activation = Activation::Gelu;
  bool qkvBias = true;

  constexpr Value operator()(Scope s, Value x) const {
    Scope attn = s / "attn", feed = s / "mlp";
    Value h = LayerNorm{eps}(s / "norm1", x);
    x = residual(attn / "residual", x, Attention{heads, qkvBias}(attn, h));
    h = LayerNorm{eps}(s / "norm2", x);
    return residual(feed / "residual", x, Mlp{mlp, activation}(feed, h));
  }
};

/// Classes from one token: the class token, which is the first.
struct Head {
  std::int64_t classes;

  constexpr Value operator()(Scope s, Value x) const {
    return Linear{classes}(s, graph::select(s / "token", x, 0));
  }
};

} // namespace vitc::dsl
#endif // VITC_DSL_LAYERS_H
