//===- PrintTest.cpp - The text of a graph ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "vitc/graph/Print.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace vitc::graph;
using Catch::Matchers::Contains;

TEST_CASE("the text of a small graph") {
  Graph g;
  Value x = input(g / "pixel_values", {batch, 1, 4, 6});
  x = patchify(g / "patches", x, PatchOrder::Unfold, 2, 3);
  Scope fc = g / "blocks" / 0 / "fc";
  x = linear(fc, x, weight(fc / "weight", {8, 6}));
  x = biasAdd(fc, x, weight(fc / "bias", {8}, {1, 8}));
  output(g, "logits", select(g / "first", x, 1));
  output(g, "tokens", x);
  CHECK(printMlir(g, {{{{"blocks.*.fc", "layer.*.dense", {"old.*.dense"}, {"turned.*"}}}, {"m."}},
                      {"mask", "pooler.*"}}) ==
        R"(module {
  func.func @forward(%pixel_values: tensor<?x1x4x6xf32> {vit.name = "pixel_values"})
      -> (tensor<?x8xf32> {vit.name = "logits"}, tensor<?x4x8xf32> {vit.name = "tokens"})
      attributes {vit.ignored = ["mask", "pooler.*"]} {
    %patches = vit.patchify %pixel_values unfold [2, 3] : tensor<?x1x4x6xf32> -> tensor<?x4x6xf32> loc("patches")
    %blocks.0.fc.weight = vit.weight "m.layer.0.dense.weight" aliases ["m.old.0.dense.weight"] transposed ["m.turned.0.weight"] : tensor<8x6xf32> loc("blocks.0.fc.weight")
    %blocks.0.fc = vit.linear %patches, %blocks.0.fc.weight : tensor<?x4x6xf32>, tensor<8x6xf32> -> tensor<?x4x8xf32> loc("blocks.0.fc")
    %blocks.0.fc.bias = vit.weight "m.layer.0.dense.bias" aliases ["m.old.0.dense.bias"] transposed ["m.turned.0.bias"] file_shape [1, 8] : tensor<8xf32> loc("blocks.0.fc.bias")
    %blocks.0.fc.bias_add = vit.bias_add %blocks.0.fc, %blocks.0.fc.bias : tensor<?x4x8xf32>, tensor<8xf32> -> tensor<?x4x8xf32> loc("blocks.0.fc")
    %first = vit.select %blocks.0.fc.bias_add token 1 : tensor<?x4x8xf32> -> tensor<?x8xf32> loc("first")
    return %first, %blocks.0.fc.bias_add : tensor<?x8xf32>, tensor<?x4x8xf32>
  }
}
)");
}

TEST_CASE("the form of every other op") {
  Graph g;
  Value x = input(g / "x", {batch, 5, 8});
  Value w = weight(g / "w", {6, 8});
  Value all = concat(g / "all", {w, slice(g / "s", w, 2, 2)});
  Value q = linear(g / "q", x, all);
  q = attention(g / "a", q, q, q, {3, 2, 0.3, Axis::Batch, {0, 1, 2}});
  Value c = weight(g / "c", {6});
  q = layerNorm(g / "n", q, c, c, 1e-12);
  q = scale(g / "sc", scale(g / "ls", q, 1, columns(c)), -0.5);
  q = gelu(g / "g", gelu(g / "gt", q, GeluForm::Tanh), GeluForm::Quick);
  q = tanh(g / "t", silu(g / "si", relu(g / "r", q)));
  Value p = prepend(g / "pre", weight(g / "cls", {2, 6}), mul(g / "m", q, q));
  p = position(g / "pos", p, weight(g / "table", {7, 6}));
  output(g, "p", add(g / "sum", p, p));
  output(g, "b", broadcast(g / "b", weight(g / "one", {1, 6})));
  Value turned = permute(g / "turned", reshape(g / "split", w, {2, 3, 8}), {1, 0, 2});
  turned = scale(g / "rows", reshape(g / "joined", turned, {6, 8}), 2, rows(c));
  output(g, "l", linear(g / "l", x, turned));
  std::string text = printMlir(g);
  const std::string t5 = "tensor<?x5x6xf32>";
  for (std::string line :
       {std::string("%s = vit.slice %w rows 2 : tensor<6x8xf32> -> tensor<2x8xf32>"),
        std::string(
            "%all = vit.concat %w, %s : (tensor<6x8xf32>, tensor<2x8xf32>) -> tensor<8x8xf32>"),
        "%a = vit.attention %q, %q, %q heads 3 head_dim 2 scale 0.3 axis batch offsets [0, 1, 2] : "
        "tensor<?x5x8xf32>, tensor<?x5x8xf32>, tensor<?x5x8xf32> -> " +
            t5,
        "%n = vit.layer_norm %a, %c, %c eps 1.0e-12 : " + t5 +
            ", tensor<6xf32>, tensor<6xf32> -> " + t5,
        "%ls = vit.scale %n columns %c : tensor<6xf32> by 1.0 : " + t5 + " -> " + t5,
        "%sc = vit.scale %ls by -0.5 : " + t5 + " -> " + t5,
        "%gt = vit.gelu tanh %sc : " + t5 + " -> " + t5,
        "%g = vit.gelu quick %gt : " + t5 + " -> " + t5, "%r = vit.relu %g : " + t5 + " -> " + t5,
        "%si = vit.silu %r : " + t5 + " -> " + t5, "%t = vit.tanh %si : " + t5 + " -> " + t5,
        "%m = vit.mul %t, %t : " + t5 + ", " + t5 + " -> " + t5,
        "%pre = vit.prepend %cls, %m : tensor<2x6xf32>, " + t5 + " -> tensor<?x7x6xf32>",
        std::string("%pos = vit.position %pre, %table : tensor<?x7x6xf32>, tensor<7x6xf32> -> "
                    "tensor<?x7x6xf32>"),
        std::string("%sum = vit.add %pos, %pos : tensor<?x7x6xf32>, tensor<?x7x6xf32> -> "
                    "tensor<?x7x6xf32>"),
        std::string("%split = vit.reshape %w : tensor<6x8xf32> -> tensor<2x3x8xf32>"),
        std::string(
            "%turned = vit.permute %split [1, 0, 2] : tensor<2x3x8xf32> -> tensor<3x2x8xf32>"),
        std::string("%rows = vit.scale %joined rows %c : tensor<6xf32> by 2.0 : tensor<6x8xf32> -> "
                    "tensor<6x8xf32>"),
        std::string("%b = vit.broadcast %one : tensor<1x6xf32> -> tensor<?x6xf32>")})
    CHECK_THAT(text, Contains("    " + line + " loc("));
}

TEST_CASE("what no output depends on is not printed") {
  Graph g;
  Value x = input(g / "x", {batch, 8});
  linear(g / "dead", x, weight(g / "w", {4, 8}));
  output(g, "y", relu(g / "y", x));
  CHECK_THAT(printMlir(g), !Contains("dead") && !Contains("vit.weight"));
}

TEST_CASE("names in IR are legal and different") {
  Graph g;
  Value x = input(g / "1 odd\"name", {batch, 8});
  x = relu(g / "same", x);
  x = relu(g / "same", x);
  x = relu(g / "same", x);
  output(g, "y", x);
  std::string text = printMlir(g);
  CHECK_THAT(text, Contains(R"(%v1_odd_name: tensor<?x8xf32> {vit.name = "1 odd\22name"})"));
  CHECK_THAT(text, Contains("%same = vit.relu %v1_odd_name"));
  CHECK_THAT(text, Contains("%same.relu = vit.relu %same "));
  CHECK_THAT(text, Contains("%same.relu_2 = vit.relu %same.relu "));
}

TEST_CASE("numbers read back exactly and have a point") {
  for (double value : {1e-12, 1e-5, 0.125, 1.0, 3e300, 1 / 3.0, 0.1, 5e-324}) {
    std::string text = detail::real(value);
    CHECK(std::strtod(text.c_str(), nullptr) == value);
    CHECK_THAT(text, Contains("."));
  }
  CHECK(detail::real(1e-12) == "1.0e-12");
}

TEST_CASE("keys: the rule's star, prefixes in order, as many names as there are, and no rule") {
  KeyScheme scheme = {{{"blocks.*.attn.q", "layers.*.q", {"layer.*.query", "l.*.q", "*.q"}},
                       {"norm", "layernorm"},
                       {"fc.weight", "fc.w", {}, {"turned", "w1"}},
                       {"head", "classifier", {}, {}, /*prefixed=*/false}},
                      {"", "vit."}};
  Keys keys = keysOf(scheme, "blocks.11.attn.q.bias");
  CHECK(keys.key == "layers.11.q.bias");
  CHECK(keys.aliases == std::vector<std::string>{"layer.11.query.bias", "l.11.q.bias", "11.q.bias",
                                                 "vit.layers.11.q.bias", "vit.layer.11.query.bias",
                                                 "vit.l.11.q.bias", "vit.11.q.bias"});
  keys = keysOf(scheme, "head.weight");
  CHECK(keys.key == "classifier.weight");
  CHECK(keys.aliases.empty());
  CHECK(keysOf(scheme, "fc.weight").transposed ==
        std::vector<std::string>{"turned", "w1", "vit.turned", "vit.w1"});
  CHECK(keysOf(scheme, "normal.weight").key == "normal.weight"); // "norm" ends at a dot
  CHECK(keysOf(scheme, "blocks.0.extra.weight").key == "blocks.0.extra.weight");
}
