//===- GraphTest.cpp - Shapes, problems and figures of graphs --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "vitc/graph/Print.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace vitc::graph;

namespace {

/// The problem that `build` leaves, "" for none.
template <class Build> std::string problemOf(Build build) {
  Graph g;
  build(g);
  return problemText(g);
}

Value pixels(Graph &g) { return input(g / "x", {batch, 3, 8, 12}); }
Value tokens(Graph &g) { return input(g / "x", {batch, 5, 32}); }

} // namespace

TEST_CASE("every op infers the shape of its result") {
  Graph g;
  Value patches = patchify(g / "p", pixels(g), PatchOrder::Conv, 4, 2);
  CHECK(g.shape(patches) == Shape{batch, 2 * 6, 3 * 4 * 2});
  Value x = linear(g / "l", patches, weight(g / "w", {32, 24}));
  CHECK(g.shape(x) == Shape{batch, 12, 32});
  x = prepend(g / "c", weight(g / "cls", {1, 32}, {1, 1, 32}), x);
  CHECK(g.shape(x) == Shape{batch, 13, 32});
  x = position(g / "pos", x, weight(g / "table", {13, 32}));
  x = layerNorm(g / "n", x, weight(g / "s", {32}), weight(g / "b", {32}), 1e-6);
  Value packed = weight(g / "packed", {96, 32});
  Value third = slice(g / "third", packed, 64, 32);
  CHECK(g.shape(third) == Shape{32, 32});
  CHECK(g.shape(concat(g / "again", {packed, third})) == Shape{128, 32});
  std::vector<Value> many(9, third);
  CHECK(g.shape(concat(g / "many", many)) == Shape{9 * 32, 32});
  Value split = reshape(g / "split", packed, {3, 2, 16, 32});
  CHECK(g.shape(permute(g / "turned", split, {0, 2, 3, 1})) == Shape{3, 16, 32, 2});
  CHECK(g.shape(scale(g / "rows", packed, 2, rows(weight(g / "r", {96})))) == Shape{96, 32});
  Value qkv = linear(g / "qkv", x, packed);
  Value y = attention(g / "a", qkv, qkv, qkv, {4, 8, 0, Axis::Tokens, {0, 32, 64}});
  CHECK(g.shape(y) == Shape{batch, 13, 32});
  CHECK(g[y].number == Approx(1 / std::sqrt(8.0)).epsilon(1e-15));
  y = scale(g / "ls", y, 0.5, columns(weight(g / "gamma", {32})));
  y = mul(g / "m", add(g / "r", x, y), gelu(g / "gelu", x, GeluForm::Quick));
  y = tanh(g / "t", silu(g / "si", relu(g / "re", scale(g / "sc", y, 2))));
  Value one = select(g / "sel", biasAdd(g / "ba", y, weight(g / "bias", {32})), 12);
  CHECK(g.shape(one) == Shape{batch, 32});
  CHECK(g.shape(broadcast(g / "one", weight(g / "t1", {1, 7}))) == Shape{batch, 7});
  CHECK(g.shape(broadcast(g / "two", weight(g / "t2", {2, 7}))) == Shape{batch, 2, 7});
  CHECK(problemText(g) == "");
}

TEST_CASE("what does not fit is named with place, op and both shapes") {
  CHECK(problemOf([](Graph &g) {
          linear(g / "blocks" / 3 / "fc1", tokens(g), weight(g / "w", {64, 48}));
        }) == "blocks.3.fc1: vit.linear expected a weight of shape 64x32, found 64x48");
  CHECK(problemOf([](Graph &g) { patchify(g / "p", pixels(g), PatchOrder::Unfold, 4, 5); }) ==
        "p: vit.patchify expected patches (height, width) that divide an image of ?x3x8x12, found "
        "4x5");
  CHECK(
      problemOf([](Graph &g) { patchify(g / "p", pixels(g), PatchOrder::Conv, 4, 13); }) ==
      "p: vit.patchify expected patches (height, width) that fit into an image of ?x3x8x12, found "
      "4x13");
  CHECK(problemOf([](Graph &g) { patchify(g / "p", tokens(g), PatchOrder::Conv, 4, 4); }) ==
        "p: vit.patchify expected pixels of shape ?x3x224x224, found ?x5x32");
  CHECK(problemOf([](Graph &g) { prepend(g / "c", weight(g / "w", {1, 31}), tokens(g)); }) ==
        "c: vit.prepend expected rows of shape 1x32, found 1x31");
  CHECK(problemOf([](Graph &g) { position(g / "c", tokens(g), weight(g / "w", {4, 32})); }) ==
        "c: vit.position expected a table of shape 5x32, found 4x32");
  CHECK(problemOf([](Graph &g) { select(g / "c", tokens(g), 5); }) ==
        "c: vit.select expected a token below 5, found 5");
  CHECK(problemOf([](Graph &g) { select(g / "c", tokens(g), -1); }) ==
        "c: vit.select expected a token below 5, found -1");
  CHECK(problemOf([](Graph &g) { biasAdd(g / "c", tokens(g), weight(g / "b", {31})); }) ==
        "c: vit.bias_add expected a bias of shape 32, found 31");
  CHECK(problemOf([](Graph &g) {
          layerNorm(g / "c", tokens(g), weight(g / "s", {32}), weight(g / "b", {5}), 1e-6);
        }) == "c: vit.layer_norm expected shift of shape 32, found 5");
  CHECK(problemOf([](Graph &g) {
          layerNorm(g / "c", tokens(g), weight(g / "s", {32}), weight(g / "b", {32}), 0);
        }) ==
        "c: vit.layer_norm expected a positive eps that f32 holds with input ?x5x32, found 0");
  CHECK(problemOf([](Graph &g) { add(g / "c", tokens(g), input(g / "y", {batch, 6, 32})); }) ==
        "c: vit.add expected operands of one shape ?x5x32, found ?x6x32");
  CHECK(problemOf([](Graph &g) { slice(g / "c", weight(g / "w", {96, 8}), 90, 7); }) ==
        "c: vit.slice expected rows (first, count) of a weight of shape 96x8, found 90x7");
  CHECK(problemOf([](Graph &g) {
          concat(g / "c", {weight(g / "a", {4, 8}), weight(g / "b", {4, 9})});
        }) == "c: vit.concat expected weights of shape 4x8, found 4x9");
  CHECK(problemOf([](Graph &g) { weight(g / "c", {2, 8}, {1, 2, 9}); }) ==
        "c: vit.weight expected a shape in the file with the elements of 2x8, found 1x2x9");
  CHECK(problemOf([](Graph &g) { scale(g / "c", tokens(g), 1, columns(weight(g / "w", {31}))); }) ==
        "c: vit.scale expected columns of shape 32, found 31");
  CHECK(problemOf([](Graph &g) {
          scale(g / "c", weight(g / "m", {4, 8}), 1, rows(weight(g / "w", {8})));
        }) == "c: vit.scale expected rows of shape 4, found 8");
  CHECK(problemOf([](Graph &g) { scale(g / "c", tokens(g), 1, rows(weight(g / "w", {5}))); }) ==
        "c: vit.scale expected a weight to scale rows of, such as 1x32, found ?x5x32");
  CHECK(problemOf([](Graph &g) { reshape(g / "c", weight(g / "w", {4, 8}), {5, 6}); }) ==
        "c: vit.reshape expected a weight with the elements of 5x6, found 4x8");
  CHECK(problemOf([](Graph &g) { reshape(g / "c", tokens(g), {5, 32}); }) ==
        "c: vit.reshape expected a weight with the elements of 5x32, found ?x5x32");
  for (std::initializer_list<int> order :
       {std::initializer_list<int>{0, 0}, {0}, {0, 1, 2}, {1, 2}, {-1, 0}, {0, 1, 1}})
    CHECK(problemOf([&](Graph &g) { permute(g / "c", weight(g / "w", {4, 8}), order); }) ==
          "c: vit.permute expected each dimension once of a weight, as many as 2, found 4x8");
  CHECK(problemOf([](Graph &g) { concat(g / "c", {weight(g / "w", {4, 8})}); }) ==
        "c: vit.concat expected operands, at least 2, found 1");
  CHECK(problemOf([](Graph &g) { broadcast(g / "c", tokens(g)); }) ==
        "c: vit.broadcast expected a weight of shape 1x32, found ?x5x32");
}

TEST_CASE("attention checks heads, tokens and offsets") {
  auto attend = [](Shape q, Shape k, Shape v, Heads how) {
    return problemOf([&](Graph &g) {
      attention(g / "a", input(g / "q", q), input(g / "k", k), input(g / "v", v), how);
    });
  };
  Shape x = {batch, 5, 32};
  CHECK(attend(x, x, x, {4, 8}) == "");
  CHECK(attend({batch, 32}, x, x, {4, 8}) == ""); // one query
  CHECK(attend(x, x, x, {5, 8}) == "a: vit.attention expected heads * head size columns at the "
                                   "offset, so at least ?x5x40, found ?x5x32");
  CHECK(attend(x, x, x, {2, 8, 0, Axis::Tokens, {0, 17, 0}}) ==
        "a: vit.attention expected heads * head size columns at the offset, so at least ?x5x33, "
        "found ?x5x32");
  CHECK(attend(x, x, {batch, 6, 32}, {4, 8}) ==
        "a: vit.attention expected a value of shape ?x5x32, found ?x6x32");
  CHECK(attend(x, {batch, 32}, {batch, 32}, {4, 8}) ==
        "a: vit.attention expected a key of shape ?x1x32, found ?x32");
  CHECK(attend({batch, 32}, x, x, {4, 8, 0, Axis::Batch}) ==
        "a: vit.attention expected a query of shape ?x5x32, found ?x32");
  CHECK(attend(x, x, x, {0, 8}) ==
        "a: vit.attention expected heads and head size up to 1048576x1048576, found 0x8");
}

TEST_CASE("sizes are checked before they can overflow") {
  CHECK(problemOf([](Graph &g) { input(g / "x", {batch, 2, 3, 4, 5}); }) ==
        "x: vit.input expected positive sizes and elements up to 1099511627776, found ?x2x3x0");
  std::int64_t huge = std::int64_t(1) << 62;
  CHECK_THAT(problemOf([&](Graph &g) { weight(g / "w", {huge, huge}); }),
             Catch::Matchers::Contains("elements up to 1099511627776"));
  CHECK_THAT(problemOf([&](Graph &g) { weight(g / "w", {4, -2}); }),
             Catch::Matchers::Contains("positive sizes"));
  CHECK(problemOf([&](Graph &g) { slice(g / "s", weight(g / "w", {4, 2}), huge, huge); }) != "");
}

TEST_CASE("the first problem stays, and later ops do nothing") {
  Graph g;
  Value x = tokens(g);
  Value bad = select(g / "first", x, 9);
  CHECK(bad.id < 0);
  std::size_t size = g.nodes.size();
  add(g / "second", bad, x);
  select(g / "third", x, 10);
  output(g, "y", x);
  CHECK(g.nodes.size() == size);
  CHECK(g.outputs.empty());
  CHECK_THAT(problemText(g), Catch::Matchers::StartsWith("first: "));
  CHECK(printMlir(g) ==
        "error: " + problemText(g) + "\n"); // which vitc refuses, and no file is empty
  CHECK(printMlir(Graph()) == "error: model: expected outputs, at least 1, found 0\n");
}

TEST_CASE("values of another graph are refused, whatever their number; those of a copy are not") {
  Graph graph, other;
  Value x = input(graph / "x", {batch, 8}), stranger = input(other / "x", {batch, 16});
  Value y = gelu(graph / "gelu", x, GeluForm::Erf);
  Graph copy = graph;
  CHECK(relu(copy / "relu", y).id == 2);
  CHECK(problemText(copy).empty());
  CHECK(relu(graph / "relu", stranger).id == -1);
  CHECK(problemText(graph) ==
        "relu: vit.input expected a value of this graph, not of another one; of "
        "numbers below 2, found 0");
  output(copy, "y", relu(other / "relu", stranger)); // number 1, as the gelu has here
  CHECK(copy.problem.found);
}

TEST_CASE("figures count what outputs depend on") {
  Graph g;
  Value x = input(g / "x", {batch, 10, 32});
  Value y = linear(g / "used", x, weight(g / "w", {16, 32}));
  linear(g / "unused", x, weight(g / "v", {64, 32}));
  Heads how{2, 8};
  Value z = attention(g / "a", y, y, y, how);
  output(g, "z", z);
  CHECK(parameters(g) == 16 * 32);
  CHECK(flops(g) == 2 * 10 * 16 * 32 + 4 * 10 * 10 * 16);
  CHECK(outputShape(g, "z") == Shape{batch, 10, 16});
  CHECK(outputShape(g, "other") == Shape{});
  how.axis = Axis::Batch;
  output(g, "over_batch", attention(g / "b", z, z, z, how));
  CHECK(flops(g, 7) - flops(g, 6) == 4 * 10 * 16); // one more key for each of its tokens
}

TEST_CASE("the scale of attention is exact for exact squares") {
  for (int n = 1; n <= 256; ++n)
    CHECK(attentionScale(n) == Approx(1 / std::sqrt(double(n))).epsilon(1e-15));
  CHECK(attentionScale(64) == 0.125);
  CHECK(attentionScale(16) == 0.25);
}

TEST_CASE("every weight has a name of its own") {
  auto layers = [](auto place) {
    return problemOf([&](Graph &g) {
      Value x = tokens(g);
      for (int i = 0; i < 100; ++i)
        x = linear(g / "fc", x, weight(place(g, i) / "weight", {32, 32}));
      output(g, "y", x);
    });
  };
  CHECK(layers([](Graph &g, int i) { return g / "blocks" / i; }) == "");
  CHECK(layers([](Graph &g, int) { return shared(g / "block"); }) == "");
  CHECK(layers([](Graph &g, int) { return shared(Scope{&g}) / "block"; }) == "");
  const std::string forgotten =
      "blocks.weight: vit.weight expected a name of its own or a shared() "
      "place: there is a weight of shape 32x32, found 32x32";
  CHECK(layers([](Graph &g, int) { return g / "blocks"; }) == forgotten);
  // However it is spelled.
  CHECK(problemOf([](Graph &g) {
          weight(g / "a" / 12 / "b", {4});
          weight(g / "a.12" / "b", {4});
        }) ==
        "a.12.b: vit.weight expected a name of its own or a shared() place: there is a weight "
        "of shape 4, found 4");
}

TEST_CASE("a shared weight is one node, with one shape") {
  Graph g;
  Value first = weight(shared(g / "w"), {4, 8}, {1, 4, 8});
  CHECK(weight(shared(g / "w"), {4, 8}, {1, 4, 8}).id == first.id);
  CHECK(g.nodes.size() == 1);
  CHECK(problemOf([](Graph &g) {
          weight(g / "w", {4, 8});
          weight(shared(g / "w"), {8, 4});
        }) == "w: vit.weight expected the shape of the weight that it shares, 4x8, found 8x4");
  CHECK(problemOf([](Graph &g) {
          weight(g / "w", {4, 8});
          weight(shared(g / "w"), {4, 8}, {1, 4, 8});
        }) ==
        "w: vit.weight expected the shape in the file of the weight that it shares, 4x8, found "
        "1x4x8");
}

TEST_CASE("inputs and outputs have names of their own") {
  CHECK(problemOf([](Graph &g) {
          tokens(g);
          tokens(g);
        }) == "x: vit.input expected a name of its own: there is an input of shape ?x5x32, found "
              "?x5x32");
  CHECK(problemOf([](Graph &g) {
          Value x = tokens(g);
          output(g, "y", x);
          output(g, "y", select(g / "one", x, 0));
        }) ==
        "y: vit.select expected an output name of its own: there is an output of shape ?x5x32, "
        "found ?x32");
}

TEST_CASE("what vitc cannot compute is refused at once") {
  CHECK(problemOf([](Graph &g) { weight(g / "w", {}); }) ==
        "w: vit.weight expected sizes, at least 1, found 0");
  CHECK(problemOf([](Graph &g) {
          mul(g / "m", weight(g / "a", {4, 8}), weight(g / "b", {4, 8}));
        }) == "m: vit.mul expected an activation of shape ?x1x8, found 4x8");
  CHECK(problemOf([](Graph &g) { rmsNorm(g / "n", tokens(g), weight(g / "s", {32}), 1e-300); }) ==
        "n: vit.rms_norm expected a positive eps that f32 holds with input ?x5x32, found 1e-300");
  for (auto [factor, text] : {std::pair(1e300, "1e300"),
                              {-1e-300, "-1e-300"},
                              {std::nan(""), "nan"},
                              {-HUGE_VAL, "-inf"},
                              {5e-324, "4.94066e-324"},
                              {1.7976931348623157e308, "1.79769e308"},
                              {-3.5e38, "-3.5e38"}})
    CHECK(problemOf([&](Graph &g) { scale(g / "s", tokens(g), factor); }) ==
          std::string("s: vit.scale expected a factor that f32 holds with input ?x5x32, found ") +
              text);
  CHECK(problemOf([](Graph &g) { scale(g / "s", tokens(g), 0); }) == "");
  CHECK(problemOf([](Graph &g) {
          Value x = tokens(g);
          attention(g / "a", x, x, x, {4, 8, 3e38});
        }) ==
        "a: vit.attention expected a scale that f32 holds with a query of shape ?x5x32, found "
        "3e38");
}
