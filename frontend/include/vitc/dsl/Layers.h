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
using graph::Grid;
using graph::Literal;
using graph::PatchOrder;
using graph::Resampling;
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

enum class NormKind : std::uint8_t { Layer, Rms };

/// One or the other.
struct Norm {
  NormKind kind = NormKind::Layer;
  double eps = 1e-6;

  constexpr Value operator()(Scope s, Value x) const {
    return kind == NormKind::Layer ? LayerNorm{eps}(s, x) : RmsNorm{eps}(s, x);
  }
};

/// x / ||x||, row by row.
constexpr Value l2Normalise(Scope s, Value x) {
  return graph::scale(s, graph::rmsNorm(s, x, 1e-30), graph::attentionScale(s.shape(x).width()));
}

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
/// `pixelRows`: stored as a linear of (y, x, channel), not as a convolution.
struct PatchEmbed {
  std::int64_t patchHeight, patchWidth, width;
  PatchOrder order = PatchOrder::Conv;
  bool bias = true;
  bool pixelRows = false;

  constexpr Value operator()(Scope s, Value pixels) const {
    Value x = graph::patchify(s / "patchify", pixels, order, patchHeight, patchWidth);
    Value y = graph::linear(s, x, weight(s / "weight", s.shape(pixels)[1], s.shape(x).width()));
    return bias ? graph::biasAdd(s, y, graph::weight(s / "bias", {width})) : y;
  }

private:
  constexpr Value weight(Scope s, std::int64_t channels, std::int64_t columns) const {
    if (pixelRows) {
      Value w = graph::weight(s, {width, patchHeight, patchWidth, channels}, {width, columns});
      return graph::reshape(s, graph::permute(s, w, {0, 3, 1, 2}), {width, columns});
    }
    // A convolution's weight has four dimensions in the file; unfolded patches had a linear.
    Shape fileShape =
        order == PatchOrder::Conv ? Shape{width, channels, patchHeight, patchWidth} : Shape();
    return graph::weight(s, {width, columns}, fileShape);
  }
};

/// A learned token before the patches; stored as [1, 1, width].
struct ClassToken {
  constexpr Value operator()(Scope s, Value x) const {
    std::int64_t width = s.shape(x).width();
    return graph::prepend(s, graph::weight(s, {1, width}, {1, 1, width}), x);
  }
};

/// A table of positions for `grid`, behind rows of `lead` tokens and before those of `tail`, from
/// one learned for the grid `learned`. `matrix`: stored as [tokens, width] and not as [1, tokens,
/// width].
struct PositionTable {
  Grid grid, learned;
  std::int64_t lead = 0;
  Resampling how = {};
  bool matrix = false;
  std::int64_t tail = 0;

  constexpr Value operator()(Scope s, std::int64_t width) const {
    std::int64_t rows = this->rows();
    return resampled(s, graph::weight(s, {rows, width}, matrix ? Shape() : Shape{1, rows, width}));
  }

  /// Rows of the learned table.
  constexpr std::int64_t rows() const { return lead + learned.places() + tail; }

  /// From `table`, which is that.
  constexpr Value resampled(Scope s, Value table) const {
    if (grid == learned)
      return table;
    std::int64_t places = learned.places();
    Value image = lead + tail ? graph::slice(s, table, lead, places) : table;
    image = graph::resample(s, image, learned, grid, how);
    if (!lead && !tail)
      return image;
    Value before = lead ? graph::slice(s, table, 0, lead) : Value();
    Value after = tail ? graph::slice(s, table, lead + places, tail) : Value();
    return !tail   ? graph::concat(s, {before, image})
           : !lead ? graph::concat(s, {image, after})
                   : graph::concat(s, {before, image, after});
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

/// How the linears of query, key and value are stored.
enum class QkvWeights : std::uint8_t {
  Separate,    ///< q.weight, q.bias, k.weight, ...
  Packed,      ///< qkv.weight, one below the other, and qkv.bias
  PackedBiased ///< qkv.weight, and q_bias, k_bias and v_bias for themselves
};

/// Which of them have a bias.
struct QkvBias {
  bool q = true, k = true, v = true;
};

/// Turning queries and keys by a table (graph::ropeTable). `halves`: the model pairs column i of a
/// head with column i + headDim / 2, and its weights are permuted so that pairs are neighbours.
struct Rope {
  Value table = {};
  bool halves = false;
};

/// Self-attention with linears q, k, v before and proj after it. Unless `headDim` is given, the
/// width must be a multiple of `heads`.
struct Attention {
  std::int64_t heads;
  bool qkvBias = true;      ///< false: none has one
  std::int64_t headDim = 0; ///< 0: width / heads
  QkvWeights weights = QkvWeights::Separate;
  QkvBias biased = {};
  bool projBias = true;
  Rope rope = {};
  Norm qkNorm = {NormKind::Layer, 0};    ///< of each head of q and k; eps 0: none
  Norm innerNorm = {NormKind::Layer, 0}; ///< before proj; eps 0: none
  graph::Heads how = {};                 ///< bias, windows and scale; heads and sizes are set here
  bool projectsQuery = true;             ///< false: there is no linear q
  std::int64_t keyHeads = 0; ///< of k and v, each for several of q (weights Separate); 0: as many

  constexpr Value operator()(Scope s, Value x) const { return over(s, x, x); }

  /// What `query` finds in the tokens of `x`, which has its width.
  constexpr Value over(Scope s, Value query, Value x) const {
    std::int64_t width = s.shape(x).width();
    if (heads < 1 || headDim < 0 || (headDim == 0 && width % heads))
      return graph::fail(s, graph::Op::Attention, "a number of heads that divides the width",
                         {width}, {heads});
    std::int64_t size = headDim ? headDim : width / heads;
    if (keyHeads && (keyHeads < 0 || heads % keyHeads || weights != QkvWeights::Separate))
      return graph::fail(s, graph::Op::Attention,
                         "key heads that divide the heads, and separate weights", {heads},
                         {keyHeads});
    Value packed;
    if (weights != QkvWeights::Separate)
      packed = graph::weight(s / "qkv" / "weight", {3 * heads * size, width});
    Value packedBias;
    if (weights == QkvWeights::Packed && qkvBias)
      packedBias = graph::weight(s / "qkv" / "bias", {3 * heads * size});
    const Scope places[3] = {s / "q", s / "k", s / "v"};
    const Scope biases[3] = {s / "q_bias", s / "k_bias", s / "v_bias"};
    const Scope norms[2] = {s / "q_norm", s / "k_norm"};
    const bool hasBias[3] = {qkvBias && biased.q, qkvBias && biased.k, qkvBias && biased.v};
    Value qkv[3];
    for (int i = 0; i < 3; ++i) {
      Scope at = places[i];
      if (i == 0 && !projectsQuery) {
        qkv[i] = query;
        continue;
      }
      std::int64_t rows = (i && keyHeads ? keyHeads : heads) * size;
      Value w = packed.id >= 0 ? graph::slice(at / "weight", packed, i * rows, rows)
                               : graph::weight(at / "weight", {rows, width});
      w = repeated(at / "weight", w, size);
      Value y = graph::linear(at, i ? x : query, i < 2 ? paired(at / "weight", w, size) : w);
      if (hasBias[i]) {
        Value b = packedBias.id >= 0 ? graph::slice(at / "bias", packedBias, i * rows, rows)
                  : weights == QkvWeights::PackedBiased ? graph::weight(biases[i], {rows})
                                                        : graph::weight(at / "bias", {rows});
        b = repeated(at / "bias", b, size);
        y = graph::biasAdd(at, y, i < 2 ? paired(at / "bias", b, size) : b);
      }
      if (i < 2 && qkNorm.eps > 0)
        y = normHeads(norms[i], y, size);
      if (i < 2 && rope.table.id >= 0)
        y = graph::rope(at / "rope", y, rope.table);
      qkv[i] = y;
    }
    graph::Heads heading = how;
    heading.heads = heads;
    heading.headDim = size;
    Value y = graph::attention(s, qkv[0], qkv[1], qkv[2], heading);
    if (innerNorm.eps > 0)
      y = innerNorm(s / "norm", y);
    return Linear{width, projBias}(s / "proj", y);
  }

private:
  /// The rows of each key head once for every head of queries that it serves.
  constexpr Value repeated(Scope s, Value w, std::int64_t size) const {
    if (s.graph->problem.found) // and maybe size 0
      return w;
    std::int64_t count = s.shape(w)[0] / size;
    if (count == heads)
      return w;
    std::vector<Value> all;
    for (std::int64_t head = 0; head < heads; ++head) {
      std::int64_t keyHead = head * count / heads;
      bool again = head && keyHead == (head - 1) * count / heads;
      all.push_back(again ? all.back() : graph::slice(s, w, keyHead * size, size));
    }
    return graph::concat(s, all);
  }
  /// Rows of a head i and i + headDim / 2 become neighbours.
  constexpr Value paired(Scope s, Value w, std::int64_t size) const {
    if (rope.table.id < 0 || !rope.halves)
      return w;
    Shape shape = s.shape(w);
    if (size % 2)
      return graph::fail(s, graph::Op::Rope, "an even head size, not", {size}, shape);
    if (shape.rank == 1) {
      w = graph::reshape(s, w, {heads, 2, size / 2});
      return graph::reshape(s, graph::permute(s, w, {0, 2, 1}), shape);
    }
    w = graph::reshape(s, w, {heads, 2, size / 2, shape[1]});
    return graph::reshape(s, graph::permute(s, w, {0, 2, 1, 3}), shape);
  }
  /// Weights of a norm are for the columns of a head, so they are paired as one head.
  constexpr Value normHeads(Scope s, Value y, std::int64_t size) const {
    auto vector = [&](Scope at) {
      Value w = graph::weight(at, {size});
      if (rope.table.id < 0 || !rope.halves)
        return w;
      w = graph::permute(at, graph::reshape(at, w, {2, size / 2}), {1, 0});
      return graph::reshape(at, w, {size});
    };
    Value scale = vector(s / "weight");
    if (qkNorm.kind == NormKind::Rms)
      return graph::rmsNorm(s, y, scale, qkNorm.eps, heads);
    return graph::layerNorm(s, y, scale, vector(s / "bias"), qkNorm.eps, heads);
  }
};

/// How the gate of an MLP is stored. `fc1` is what it gates.
enum class Gate : std::uint8_t {
  None,
  Separate,    ///< gate, fc1
  PackedFirst, ///< fc1 has the rows of the gate, then the others
  PackedLast   ///< fc1 has the others first
};

/// fc1 to `hidden` columns, an activation, fc2 back to the width. With a gate, the activation is of
/// the gate, and fc1 is multiplied by it.
struct Mlp {
  std::int64_t hidden;
  Activation activation = Activation::Gelu;
  bool bias = true;
  Gate gate = Gate::None;
  Norm innerNorm = {NormKind::Layer, 0}; ///< before fc2; eps 0: none

  constexpr Value operator()(Scope s, Value x) const {
    Value h = gate == Gate::None ? activate(s, Linear{hidden, bias}(s / "fc1", x), activation)
                                 : gated(s, x);
    if (innerNorm.eps > 0)
      h = innerNorm(s / "norm", h);
    return Linear{s.shape(x).width(), bias}(s / "fc2", h);
  }

private:
  constexpr Value gated(Scope s, Value x) const {
    if (gate == Gate::Separate) {
      Value h = activate(s, Linear{hidden, bias}(s / "gate", x), activation);
      return graph::mul(s / "mul", h, Linear{hidden, bias}(s / "fc1", x));
    }
    Scope at = s / "fc1";
    Value w = graph::weight(at / "weight", {2 * hidden, s.shape(x).width()});
    Value b = bias ? graph::weight(at / "bias", {2 * hidden}) : Value();
    auto half = [&](Scope place, bool second) {
      std::int64_t first = second ? hidden : 0;
      Value y = graph::linear(place, x, graph::slice(place / "weight", w, first, hidden));
      return bias ? graph::biasAdd(place, y, graph::slice(place / "bias", b, first, hidden)) : y;
    };
    bool last = gate == Gate::PackedLast;
    Value h = activate(s, half(s / "gate", last), activation);
    return graph::mul(s / "mul", h, half(at, !last));
  }
};

/// One learned token asks all others; an MLP with a norm before it and a residual follows.
struct AttentionPool {
  Attention attention;
  Mlp mlp; ///< hidden 0: none
  Norm norm;

  constexpr Value operator()(Scope s, Value x) const {
    std::int64_t width = s.shape(x).width();
    Scope probe = s / "probe", feed = s / "mlp";
    Value query = graph::broadcast(probe, graph::weight(probe, {1, width}, {1, 1, width}));
    Value pooled = attention.over(s / "attn", query, x);
    if (!mlp.hidden)
      return pooled;
    Value h = mlp(feed, norm(s / "norm", pooled));
    return residual(feed / "residual", pooled, h);
  }
};

/// A pre-norm block. `layerScale`: a factor for each column of both branches, named ls1 and ls2.
struct Block {
  Attention attention;
  Mlp mlp;
  Norm norm;
  bool layerScale = false;

  constexpr Value operator()(Scope s, Value x) const {
    Scope attn = s / "attn", feed = s / "mlp";
    Value h = attention(attn, norm(s / "norm1", x));
    x = residual(attn / "residual", x, scaled(s / "ls1", h));
    h = mlp(feed, norm(s / "norm2", x));
    return residual(feed / "residual", x, scaled(s / "ls2", h));
  }

private:
  constexpr Value scaled(Scope s, Value h) const {
    if (!layerScale)
      return h;
    return graph::scale(s, h, 1, graph::columns(graph::weight(s, {s.shape(h).width()})));
  }
};

/// The pre-norm block of ViT.
struct EncoderBlock {
  std::int64_t heads, mlp;
  double eps = 1e-12;
  Activation activation = Activation::Gelu;
  bool qkvBias = true;

  constexpr Value operator()(Scope s, Value x) const {
    Block block = {Attention{heads, qkvBias}, Mlp{mlp, activation}, Norm{NormKind::Layer, eps}};
    return block(s, x);
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
