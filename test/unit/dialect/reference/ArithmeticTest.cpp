//===- ArithmeticTest.cpp - Numbers a reader can check -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "ReferenceTesting.h"

#include <cmath>

using namespace vitc::vit;
using namespace vitc::reference;

TEST_CASE("position adds a table to every image, bias_add a vector to every row") {
  auto outputs =
      runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %t: tensor<2x2xf32>, %b: tensor<2xf32>)
        -> (tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<2x2xf32>) {
      %0 = vit.position %x, %t : tensor<?x2x2xf32>, tensor<2x2xf32> -> tensor<?x2x2xf32>
      %1 = vit.bias_add %x, %b : tensor<?x2x2xf32>, tensor<2xf32> -> tensor<?x2x2xf32>
      %2 = vit.bias_add %t, %b : tensor<2x2xf32>, tensor<2xf32> -> tensor<2x2xf32>
      return %0, %1, %2 : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<2x2xf32>
    })",
                 {counting({2, 2, 2}), counting({2, 2}, 10, 10), counting({2}, 100, 100)});
  checkTensor(outputs[0].tensor, {2, 2, 2}, {10, 21, 32, 43, 14, 25, 36, 47});
  checkTensor(outputs[1].tensor, {2, 2, 2}, {100, 201, 102, 203, 104, 205, 106, 207});
  checkTensor(outputs[2].tensor, {2, 2}, {110, 220, 130, 240});
}

TEST_CASE("elementwise functions") {
  // Values by hand from their series and from tables of erf and tanh.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>,
        tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>) {
      %0 = vit.gelu erf %x : tensor<?x3xf32> -> tensor<?x3xf32>
      %1 = vit.gelu tanh %x : tensor<?x3xf32> -> tensor<?x3xf32>
      %2 = vit.gelu quick %x : tensor<?x3xf32> -> tensor<?x3xf32>
      %3 = vit.relu %x : tensor<?x3xf32> -> tensor<?x3xf32>
      %4 = vit.silu %x : tensor<?x3xf32> -> tensor<?x3xf32>
      %5 = vit.tanh %x : tensor<?x3xf32> -> tensor<?x3xf32>
      return %0, %1, %2, %3, %4, %5 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>,
        tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>
    })",
                            {{{1, 3}, {-1, 0, 2}}});
  checkTensor(outputs[0].tensor, {1, 3}, {-0.15865525393145705, 0, 1.9544997361036416});
  checkTensor(outputs[1].tensor, {1, 3}, {-0.15880800939172324, 0, 1.954597694087775});
  checkTensor(outputs[2].tensor, {1, 3},
              {-1 / (1 + std::exp(1.702)), 0, 2 / (1 + std::exp(-3.404))});
  checkTensor(outputs[3].tensor, {1, 3}, {0, 0, 2});
  checkTensor(outputs[4].tensor, {1, 3}, {-0.2689414213699951, 0, 1.7615941559557649});
  checkTensor(outputs[5].tensor, {1, 3}, {-0.7615941559557649, 0, 0.9640275800758169});
}

TEST_CASE("a type rounds nothing") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x3xf32>) -> tensor<?x3xf16> {
      %0 = vit.cast %x : tensor<?x3xf32> -> tensor<?x3xf16>
      return %0 : tensor<?x3xf16>
    })",
                            {{{1, 3}, {1e-30, 2.00001, 1e30}}});
  CHECK(outputs[0].tensor.values == std::vector<double>{1e-30, 2.00001, 1e30});
}

TEST_CASE("scale, add and mul") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %y: tensor<?x2x2xf32>, %c: tensor<2xf32>)
        -> (tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>) {
      %0 = vit.scale %x by 5.0e-01 : tensor<?x2x2xf32> -> tensor<?x2x2xf32>
      %1 = vit.scale %x columns %c : tensor<2xf32> by 2.0 : tensor<?x2x2xf32> -> tensor<?x2x2xf32>
      %2 = vit.add %x, %y : tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x2x2xf32>
      %3 = vit.mul %x, %y : tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x2x2xf32>
      return %0, %1, %2, %3
          : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>
    })",
                            {counting({1, 2, 2}, 1), counting({1, 2, 2}, 10), {{2}, {3, -1}}});
  checkTensor(outputs[0].tensor, {1, 2, 2}, {0.5, 1, 1.5, 2});
  checkTensor(outputs[1].tensor, {1, 2, 2}, {6, -4, 18, -8});
  checkTensor(outputs[2].tensor, {1, 2, 2}, {11, 13, 15, 17});
  checkTensor(outputs[3].tensor, {1, 2, 2}, {10, 22, 36, 52});
}

TEST_CASE("layer_norm divides the variance by the width and adds eps under the root") {
  // Rows 1 3 (mean 2, variance 1) and 0 4 (mean 2, variance 4), eps 0.5625 = 1.25^2 - 1.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %g: tensor<2xf32>, %b: tensor<2xf32>)
        -> tensor<?x2x2xf32> {
      %0 = vit.layer_norm %x, %g, %b eps 0.5625
          : tensor<?x2x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<?x2x2xf32>
      return %0 : tensor<?x2x2xf32>
    })",
                            {{{1, 2, 2}, {1, 3, 0, 4}}, {{2}, {10, 20}}, {{2}, {1, 2}}});
  double root = std::sqrt(4.5625);
  checkTensor(outputs[0].tensor, {1, 2, 2},
              {1 - 10 / 1.25, 2 + 20 / 1.25, 1 - 2 * 10 / root, 2 + 2 * 20 / root});
}

TEST_CASE("rms_norm divides by the root of the mean square and adds eps under it") {
  // Rows 1 3 (mean square 5) and 0 4 (8), eps 1.25 = 2.5^2 - 5.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %g: tensor<2xf32>) -> tensor<?x2x2xf32> {
      %0 = vit.rms_norm %x, %g eps 1.25 : tensor<?x2x2xf32>, tensor<2xf32> -> tensor<?x2x2xf32>
      return %0 : tensor<?x2x2xf32>
    })",
                            {{{1, 2, 2}, {1, 3, 0, 4}}, {{2}, {10, 20}}});
  checkTensor(outputs[0].tensor, {1, 2, 2}, {4, 24, 0, 80 / std::sqrt(9.25)});
}

TEST_CASE("norms of rows whose squares leave f64 are no numbers") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %g: tensor<2xf32>, %b: tensor<2xf32>)
        -> (tensor<?x2x2xf32>, tensor<?x2x2xf32>) {
      %0 = vit.layer_norm %x, %g, %b eps 0.5
          : tensor<?x2x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<?x2x2xf32>
      %1 = vit.rms_norm %x, %g eps 0.5 : tensor<?x2x2xf32>, tensor<2xf32> -> tensor<?x2x2xf32>
      return %0, %1 : tensor<?x2x2xf32>, tensor<?x2x2xf32>
    })",
                            {{{1, 2, 2}, {1e300, 3, 0, 4}}, {{2}, {10, 20}}, {{2}, {1, 2}}});
  for (const auto &output : outputs)
    for (int i = 0; i < 4; ++i)
      CHECK(std::isnan(output.tensor.values[i]) == (i < 2));
}

TEST_CASE("linear multiplies by the transposed weight") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x3xf32>, %w: tensor<2x3xf32>) -> tensor<?x2x2xf32> {
      %0 = vit.linear %x, %w : tensor<?x2x3xf32>, tensor<2x3xf32> -> tensor<?x2x2xf32>
      return %0 : tensor<?x2x2xf32>
    })",
                            {counting({1, 2, 3}, 1), {{2, 3}, {1, 0, -1, 2, 1, 0}}});
  checkTensor(outputs[0].tensor, {1, 2, 2}, {-2, 4, -2, 13});
}

// Attention with Q = [0; a], K = [0; 1], V = [v0; v1] and scale 1: the first row weighs both values
// alike, the second by 1 and e^a.
static double weighed(double a, double v0, double v1) {
  return (v0 + std::exp(a) * v1) / (1 + std::exp(a));
}

TEST_CASE("attention over the tokens of each image") {
  auto outputs = runProgram(
      R"(
    func.func @f(%q: tensor<?x2x1xf32>, %k: tensor<?x2x1xf32>, %v: tensor<?x2x1xf32>)
        -> tensor<?x2x1xf32> {
      %0 = vit.attention %q, %k, %v heads 1 head_dim 1 scale 1.0 axis tokens offsets [0, 0, 0]
          : tensor<?x2x1xf32>, tensor<?x2x1xf32>, tensor<?x2x1xf32> -> tensor<?x2x1xf32>
      return %0 : tensor<?x2x1xf32>
    })",
      {{{2, 2, 1}, {0, 1, 0, 2}}, {{2, 2, 1}, {0, 1, 0, 1}}, {{2, 2, 1}, {10, 20, 30, 50}}});
  checkTensor(outputs[0].tensor, {2, 2, 1}, {15, weighed(1, 10, 20), 40, weighed(2, 30, 50)});
}

TEST_CASE("attention over the batch, for each token by itself") {
  // The numbers of the last test with images and tokens exchanged.
  auto outputs = runProgram(
      R"(
    func.func @f(%q: tensor<?x2x1xf32>, %k: tensor<?x2x1xf32>, %v: tensor<?x2x1xf32>)
        -> tensor<?x2x1xf32> {
      %0 = vit.attention %q, %k, %v heads 1 head_dim 1 scale 1.0 axis batch offsets [0, 0, 0]
          : tensor<?x2x1xf32>, tensor<?x2x1xf32>, tensor<?x2x1xf32> -> tensor<?x2x1xf32>
      return %0 : tensor<?x2x1xf32>
    })",
      {{{2, 2, 1}, {0, 0, 1, 2}}, {{2, 2, 1}, {0, 0, 1, 1}}, {{2, 2, 1}, {10, 30, 20, 50}}});
  checkTensor(outputs[0].tensor, {2, 2, 1}, {15, 40, weighed(1, 10, 20), weighed(2, 30, 50)});
}

TEST_CASE("attention over the batch of one token per image") {
  auto outputs = runProgram(R"(
    func.func @f(%q: tensor<?x1xf32>, %k: tensor<?x1xf32>, %v: tensor<?x1xf32>)
        -> tensor<?x1xf32> {
      %0 = vit.attention %q, %k, %v heads 1 head_dim 1 scale 1.0 axis batch offsets [0, 0, 0]
          : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?x1xf32>
      return %0 : tensor<?x1xf32>
    })",
                            {{{2, 1}, {0, 2}}, {{2, 1}, {0, 1}}, {{2, 1}, {30, 50}}});
  checkTensor(outputs[0].tensor, {2, 1}, {40, weighed(2, 30, 50)});
}

TEST_CASE("attention reads heads of a packed operand at offsets") {
  // Columns: unused, q0 q1, k0 k1, v0 v1, unused; two heads of one column, scale 1/2.
  auto outputs =
      runProgram(R"(
    func.func @f(%x: tensor<?x2x8xf32>) -> tensor<?x2x2xf32> {
      %0 = vit.attention %x, %x, %x heads 2 head_dim 1 scale 0.5 axis tokens offsets [1, 3, 5]
          : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32> -> tensor<?x2x2xf32>
      return %0 : tensor<?x2x2xf32>
    })",
                 {{{1, 2, 8}, {99, 0, 2, 0, 0, 10, 30, 99, 99, 2, 6, 1, 1, 20, 50, 99}}});
  checkTensor(outputs[0].tensor, {1, 2, 2},
              {15, weighed(1, 30, 50), weighed(1, 10, 20), weighed(3, 30, 50)});
}

TEST_CASE("attention of one query to all tokens") {
  auto outputs =
      runProgram(R"(
    func.func @f(%q: tensor<?x1xf32>, %k: tensor<?x2x1xf32>, %v: tensor<?x2x1xf32>)
        -> tensor<?x1xf32> {
      %0 = vit.attention %q, %k, %v heads 1 head_dim 1 scale 1.0 axis tokens offsets [0, 0, 0]
          : tensor<?x1xf32>, tensor<?x2x1xf32>, tensor<?x2x1xf32> -> tensor<?x1xf32>
      return %0 : tensor<?x1xf32>
    })",
                 {{{2, 1}, {1, 2}}, {{2, 2, 1}, {0, 1, 0, 1}}, {{2, 2, 1}, {10, 20, 30, 50}}});
  checkTensor(outputs[0].tensor, {2, 1}, {weighed(1, 10, 20), weighed(2, 30, 50)});
}

TEST_CASE("softmax of large scores does not overflow") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x1xf32>) -> tensor<?x2x1xf32> {
      %0 = vit.attention %x, %x, %x heads 1 head_dim 1 scale 1.0 axis tokens offsets [0, 0, 0]
          : tensor<?x2x1xf32>, tensor<?x2x1xf32>, tensor<?x2x1xf32> -> tensor<?x2x1xf32>
      return %0 : tensor<?x2x1xf32>
    })",
                            {{{1, 2, 1}, {1000, -1000}}});
  checkTensor(outputs[0].tensor, {1, 2, 1}, {1000, -1000});
}

TEST_CASE("rope turns pairs by the token's angles, and leaves other columns") {
  // Token 0 by a quarter turn, token 1 not at all.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x6xf32>, %t: tensor<2x2xf32>) -> tensor<?x2x6xf32> {
      %0 = vit.rope %x, %t columns 4 : tensor<?x2x6xf32>, tensor<2x2xf32> -> tensor<?x2x6xf32>
      return %0 : tensor<?x2x6xf32>
    })",
                            {counting({1, 2, 6}), Tensor{{2, 2}, {0, 1, 1, 0}}});
  checkTensor(outputs[0].tensor, {1, 2, 6}, {-1, 0, -3, 2, 4, 5, 6, 7, 8, 9, 10, 11});
}

TEST_CASE("norms of heads, and one without a scale") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x4xf32>, %g: tensor<2xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
      %0 = vit.layer_norm %x, %g, %g eps 1.0e-30 groups 2 : tensor<?x4xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<?x4xf32>
      %1 = vit.rms_norm %x eps 1.0e-30 groups 2 : tensor<?x4xf32> -> tensor<?x4xf32>
      return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
    })",
                            {Tensor{{1, 4}, {1, 3, -7, 7}}, Tensor{{2}, {2, 5}}});
  double root = std::sqrt(5.0);
  checkTensor(outputs[0].tensor, {1, 4}, {0, 10, 0, 10});
  checkTensor(outputs[1].tensor, {1, 4}, {1 / root, 3 / root, -1, 1});
}

TEST_CASE("attention adds its bias to the scaled scores of each head") {
  // Keys of zeros: the scores are the bias alone. One query, two keys, two heads.
  auto outputs = runProgram(R"(
    func.func @f(%q: tensor<?x1x2xf32>, %k: tensor<?x2x2xf32>, %v: tensor<?x2x2xf32>, %b: tensor<1x2x3xf32>) -> tensor<?x1x2xf32> {
      %0 = vit.attention %q, %k, %v bias %b : tensor<1x2x3xf32> heads 2 head_dim 1 scale 3.0 axis tokens offsets [0, 0, 0]
          : tensor<?x1x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x1x2xf32>
      return %0 : tensor<?x1x2xf32>
    })",
                            {counting({1, 1, 2}, 1), Tensor{{1, 2, 2}, {0, 0, 0, 0}},
                             Tensor{{1, 2, 2}, {1, 10, 2, 20}},
                             Tensor{{1, 2, 3}, {0, std::log(3.0), 99, std::log(4.0), 0, 99}}});
  checkTensor(outputs[0].tensor, {1, 1, 2}, {1.75, 12});
}

TEST_CASE("windows of a rolled grid keep strangers apart") {
  // One row of four tokens, windows of two, rolled by one: (1, 2), then (3, 0), who are strangers.
  auto outputs = runProgram(R"(
    func.func @f(%q: tensor<?x4x1xf32>, %v: tensor<?x4x1xf32>) -> (tensor<?x4x1xf32>, tensor<?x4x1xf32>) {
      %0 = vit.attention %q, %q, %v heads 1 head_dim 1 scale 1.0 axis tokens offsets [0, 0, 0] windows <grid = [1, 4], size = [1, 2], shift = [0, 1]>
          : tensor<?x4x1xf32>, tensor<?x4x1xf32>, tensor<?x4x1xf32> -> tensor<?x4x1xf32>
      %1 = vit.attention %q, %q, %v heads 1 head_dim 1 scale 1.0 axis tokens offsets [0, 0, 0] windows <grid = [1, 4], size = [1, 2], shift = [0, 0]>
          : tensor<?x4x1xf32>, tensor<?x4x1xf32>, tensor<?x4x1xf32> -> tensor<?x4x1xf32>
      return %0, %1 : tensor<?x4x1xf32>, tensor<?x4x1xf32>
    })",
                            {Tensor{{1, 4, 1}, {0, 0, 0, 0}}, Tensor{{1, 4, 1}, {1, 2, 4, 8}}});
  checkTensor(outputs[0].tensor, {1, 4, 1}, {1, 3, 3, 8});
  checkTensor(outputs[1].tensor, {1, 4, 1}, {1.5, 1.5, 6, 6});
}
