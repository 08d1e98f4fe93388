//===- TokensTest.cpp - Where values go --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "ReferenceTesting.h"

#include <cmath>

using namespace vitc::vit;
using namespace vitc::reference;

TEST_CASE("patchify, conv order: a patch is a row, channel by channel") {
  // Two channels of 2 x 4 pixels, 0..7 and 8..15, in patches of 2 x 2.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2x4xf32>) -> tensor<?x2x8xf32> {
      %0 = vit.patchify %x conv [2, 2] : tensor<?x2x2x4xf32> -> tensor<?x2x8xf32>
      return %0 : tensor<?x2x8xf32>
    })",
                            {counting({1, 2, 2, 4})});
  checkTensor(outputs[0].tensor, {1, 2, 8},
              {0, 1, 4, 5, 8, 9, 12, 13, //
               2, 3, 6, 7, 10, 11, 14, 15});
}

TEST_CASE("patchify, unfold order: all patches of a channel before the next channel") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2x4xf32>) -> tensor<?x2x8xf32> {
      %0 = vit.patchify %x unfold [2, 2] : tensor<?x2x2x4xf32> -> tensor<?x2x8xf32>
      return %0 : tensor<?x2x8xf32>
    })",
                            {counting({2, 2, 2, 4})});
  checkTensor(outputs[0].tensor, {2, 2, 8}, {0,  1,  4,  5,  2,  3,  6,  7,  //
                                             8,  9,  12, 13, 10, 11, 14, 15, //
                                             16, 17, 20, 21, 18, 19, 22, 23, //
                                             24, 25, 28, 29, 26, 27, 30, 31});
}

TEST_CASE("patchify, unfold order: a token can straddle channels") {
  // 3 channels of one row of 4 pixels, patches of 1 x 2: 6 patches, two tokens of three patches.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x3x1x4xf32>) -> tensor<?x2x6xf32> {
      %0 = vit.patchify %x unfold [1, 2] : tensor<?x3x1x4xf32> -> tensor<?x2x6xf32>
      return %0 : tensor<?x2x6xf32>
    })",
                            {counting({1, 3, 1, 4})});
  checkTensor(outputs[0].tensor, {1, 2, 6}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

TEST_CASE("patchify of patches that are not square, leading rows and columns to fill") {
  // 4 x 2 pixels in patches of 2 x 1; a row of zeros first, a column of zeros last.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x1x4x2xf32>) -> tensor<?x5x3xf32> {
      %0 = vit.patchify %x conv [2, 1] lead 1 : tensor<?x1x4x2xf32> -> tensor<?x5x3xf32>
      return %0 : tensor<?x5x3xf32>
    })",
                            {counting({1, 1, 4, 2}, 1)});
  checkTensor(outputs[0].tensor, {1, 5, 3}, {0, 0, 0, 1, 3, 0, 2, 4, 0, 5, 7, 0, 6, 8, 0});
}

TEST_CASE("patchify, order bytes: lines of a patch with all channels, centred") {
  // 2 x 3 pixels of two channels, bytes 0 to 11, in patches of 2 x 1: (byte - 128) / 64.
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x3x2xui8>) -> tensor<?x4x5xf32> {
      %0 = vit.patchify %x bytes [2, 1] lead 1 : tensor<?x2x3x2xui8> -> tensor<?x4x5xf32>
      return %0 : tensor<?x4x5xf32>
    })",
                            {counting({1, 2, 3, 2})});
  auto of = [](double byte) { return (byte - 128) / 64; };
  checkTensor(outputs[0].tensor, {1, 4, 5}, {0,     0,     0,      0,      0, //
                                             of(0), of(1), of(6),  of(7),  0, //
                                             of(2), of(3), of(8),  of(9),  0, //
                                             of(4), of(5), of(10), of(11), 0});
}

TEST_CASE("prepend, select and broadcast") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2x2xf32>, %cls: tensor<2x2xf32>)
        -> (tensor<?x4x2xf32>, tensor<?x2xf32>, tensor<?x2x2xf32>) {
      %0 = vit.prepend %cls, %x : tensor<2x2xf32>, tensor<?x2x2xf32> -> tensor<?x4x2xf32>
      %1 = vit.select %0 token 2 : tensor<?x4x2xf32> -> tensor<?x2xf32>
      %2 = vit.broadcast %cls : tensor<2x2xf32> -> tensor<?x2x2xf32>
      return %0, %1, %2 : tensor<?x4x2xf32>, tensor<?x2xf32>, tensor<?x2x2xf32>
    })",
                            {counting({2, 2, 2}, 10), counting({2, 2}, 1)});
  checkTensor(outputs[0].tensor, {2, 4, 2},
              {1, 2, 3, 4, 10, 11, 12, 13, 1, 2, 3, 4, 14, 15, 16, 17});
  checkTensor(outputs[1].tensor, {2, 2}, {10, 11, 14, 15});
  checkTensor(outputs[2].tensor, {2, 2, 2}, {1, 2, 3, 4, 1, 2, 3, 4});
}

TEST_CASE("broadcast of a single token has rank 2") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x3xf32>, %cls: tensor<1x3xf32>) -> tensor<?x3xf32> {
      %0 = vit.broadcast %cls : tensor<1x3xf32> -> tensor<?x3xf32>
      return %0 : tensor<?x3xf32>
    })",
                            {counting({2, 3}), counting({1, 3}, 5)});
  checkTensor(outputs[0].tensor, {2, 3}, {5, 6, 7, 5, 6, 7});
}

TEST_CASE("slice, concat and pad of weights") {
  auto outputs = runProgram(R"(
    func.func @f(%a: tensor<3x2xf32>, %b: tensor<1x2xf32>)
        -> (tensor<2x2xf32>, tensor<4x2xf32>, tensor<4x3xf32>) {
      %0 = vit.slice %a rows 1 : tensor<3x2xf32> -> tensor<2x2xf32>
      %1 = vit.concat %b, %a : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
      %2 = vit.pad %a : tensor<3x2xf32> -> tensor<4x3xf32>
      return %0, %1, %2 : tensor<2x2xf32>, tensor<4x2xf32>, tensor<4x3xf32>
    })",
                            {counting({3, 2}, 1), counting({1, 2}, 10)});
  checkTensor(outputs[0].tensor, {2, 2}, {3, 4, 5, 6});
  checkTensor(outputs[1].tensor, {4, 2}, {10, 11, 1, 2, 3, 4, 5, 6});
  checkTensor(outputs[2].tensor, {4, 3}, {1, 2, 0, 3, 4, 0, 5, 6, 0, 0, 0, 0});
}

TEST_CASE("a slice can be one row without its dimension") {
  auto outputs = runProgram(R"(
    func.func @f(%a: tensor<3x2xf32>) -> tensor<2xf32> {
      %0 = vit.slice %a rows 1 : tensor<3x2xf32> -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })",
                            {counting({3, 2}, 1)});
  checkTensor(outputs[0].tensor, {2}, {3, 4});
}

TEST_CASE("reshape, permute and scaled rows of weights") {
  auto outputs = runProgram(R"(
    func.func @f(%a: tensor<4x3xf32>, %b: tensor<4xf32>)
        -> (tensor<3x2x2xf32>, tensor<2x2x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) {
      %0 = vit.reshape %a : tensor<4x3xf32> -> tensor<2x2x3xf32>
      %1 = vit.permute %0 [2, 0, 1] : tensor<2x2x3xf32> -> tensor<3x2x2xf32>
      %2 = vit.permute %0 [1, 0, 2] : tensor<2x2x3xf32> -> tensor<2x2x3xf32>
      %3 = vit.scale %a rows %b : tensor<4xf32> by 2.0 : tensor<4x3xf32> -> tensor<4x3xf32>
      %4 = vit.scale %a by -1.0 : tensor<4x3xf32> -> tensor<4x3xf32>
      return %1, %2, %3, %4
          : tensor<3x2x2xf32>, tensor<2x2x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
    })",
                            {counting({4, 3}, 1), counting({4}, 10)});
  checkTensor(outputs[0].tensor, {3, 2, 2}, {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12});
  checkTensor(outputs[1].tensor, {2, 2, 3}, {1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12});
  checkTensor(outputs[2].tensor, {4, 3}, {20, 40, 60, 88, 110, 132, 168, 192, 216, 260, 286, 312});
  checkTensor(outputs[3].tensor, {4, 3}, {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12});
}

TEST_CASE("slice and pad of vectors") {
  auto outputs = runProgram(R"(
    func.func @f(%a: tensor<4xf32>) -> (tensor<2xf32>, tensor<6xf32>) {
      %0 = vit.slice %a rows 2 : tensor<4xf32> -> tensor<2xf32>
      %1 = vit.pad %a : tensor<4xf32> -> tensor<6xf32>
      return %0, %1 : tensor<2xf32>, tensor<6xf32>
    })",
                            {counting({4}, 1)});
  checkTensor(outputs[0].tensor, {2}, {3, 4});
  checkTensor(outputs[1].tensor, {6}, {1, 2, 3, 4, 0, 0});
}

TEST_CASE("patchify: pixels that fill no patch are dropped") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x1x3x5xf32>) -> tensor<?x2x4xf32> {
      %0 = vit.patchify %x conv [2, 2] : tensor<?x1x3x5xf32> -> tensor<?x2x4xf32>
      return %0 : tensor<?x2x4xf32>
    })",
                            {counting({1, 1, 3, 5})});
  checkTensor(outputs[0].tensor, {1, 2, 4}, {0, 1, 5, 6, 2, 3, 7, 8});
}

TEST_CASE("append, a range of tokens, as tokens and as a grid, and their mean") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x3x2xf32>, %t: tensor<1x2xf32>)
        -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x1x2x2xf32>, tensor<?x2xf32>) {
      %0 = vit.append %x, %t : tensor<?x3x2xf32>, tensor<1x2xf32> -> tensor<?x4x2xf32>
      %1 = vit.slice_tokens %x from 1 : tensor<?x3x2xf32> -> tensor<?x2x2xf32>
      %2 = vit.slice_tokens %x from 0 : tensor<?x3x2xf32> -> tensor<?x1x2x2xf32>
      %3 = vit.mean_tokens %x from 1 : tensor<?x3x2xf32> -> tensor<?x2xf32>
      return %0, %1, %2, %3 : tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x1x2x2xf32>, tensor<?x2xf32>
    })",
                            {counting({2, 3, 2}), counting({1, 2}, 100)});
  checkTensor(outputs[0].tensor, {2, 4, 2},
              {0, 1, 2, 3, 4, 5, 100, 101, 6, 7, 8, 9, 10, 11, 100, 101});
  checkTensor(outputs[1].tensor, {2, 2, 2}, {2, 3, 4, 5, 8, 9, 10, 11});
  checkTensor(outputs[2].tensor, {2, 1, 2, 2}, {0, 1, 2, 3, 6, 7, 8, 9});
  checkTensor(outputs[3].tensor, {2, 2}, {3, 4, 9, 10});
}

TEST_CASE("merge_patches goes down before it goes right") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x8x1xf32>) -> tensor<?x2x4xf32> {
      %0 = vit.merge_patches %x grid [2, 4] : tensor<?x8x1xf32> -> tensor<?x2x4xf32>
      return %0 : tensor<?x2x4xf32>
    })",
                            {counting({2, 8, 1})});
  checkTensor(outputs[0].tensor, {2, 2, 4}, {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15});
}

namespace {
/// The only result of `text`, a function of weights that are given as inputs. Values of weights
/// have no batch, so an activation that nobody uses says that there is one image.
std::vector<double> tableOf(const std::string &op, const std::string &type,
                            const std::string &result, std::vector<Tensor> weights) {
  std::string parameter = weights.empty() ? "" : ", %t: " + type;
  std::vector<Tensor> inputs = {counting({1, 1, 1})};
  for (Tensor &weight : weights)
    inputs.push_back(std::move(weight));
  auto outputs =
      runProgram("func.func @f(%x: tensor<?x1x1xf32>" + parameter + ") -> " + result +
                     " {\n  %0 = " + op + " : " + (weights.empty() ? "" : type + " -> ") + result +
                     "\n  return %0 : " + result + "\n}\n",
                 std::move(inputs));
  return outputs[0].tensor.values;
}
void checkTable(const std::vector<double> &found, const std::vector<double> &expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == Approx(expected[i]).margin(1e-14));
}
} // namespace

// Values of torch.nn.functional.interpolate.
TEST_CASE("resample: both filters, with and without antialiasing, up and down") {
  checkTable(tableOf("vit.resample %t linear [1, 2] to [1, 4]", "tensor<2x1xf32>",
                     "tensor<4x1xf32>", {counting({2, 1})}),
             {0, 0.25, 0.75, 1});
  checkTable(tableOf("vit.resample %t cubic [1, 2] to [1, 4]", "tensor<2x1xf32>", "tensor<4x1xf32>",
                     {counting({2, 1})}),
             {-0.10546875, 0.2265625, 0.7734375, 1.10546875});
  checkTable(tableOf("vit.resample %t linear antialias [4, 1] to [2, 1]", "tensor<4x1xf32>",
                     "tensor<2x1xf32>", {counting({4, 1})}),
             {1.25 / 1.75, 3 - 1.25 / 1.75});
  // Two columns, two axes: a plane stays one where no edge is near.
  checkTable(tableOf("vit.resample %t linear [2, 2] to [3, 2]", "tensor<4x2xf32>",
                     "tensor<6x2xf32>", {counting({4, 2})}),
             {0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7});
}

TEST_CASE("relative_bias: rows by distance, and those of a class token") {
  // A window of 1 x 2 has the distances -1, 0 and 1.
  checkTable(tableOf("vit.relative_bias %t window [1, 2]", "tensor<3x1xf32>", "tensor<2x1x3xf32>",
                     {counting({3, 1}, 10)}),
             {11, 10, 0, 12, 11, 0});
  checkTable(tableOf("vit.relative_bias %t window [1, 2] lead 1", "tensor<6x1xf32>",
                     "tensor<3x1x3xf32>", {counting({6, 1}, 10)}),
             {15, 13, 13, 14, 11, 10, 14, 12, 11});
  // Down a column: a step of the window's two rows of distances, three apart.
  checkTable(tableOf("vit.relative_bias %t window [2, 1]", "tensor<3x2xf32>", "tensor<2x2x2xf32>",
                     {counting({3, 2})}),
             {2, 0, 3, 1, 4, 2, 5, 3});
  // Two distances side by side become three, those of a class token stay: 0, 1/2, 1, then 2, 3, 4.
  checkTable(tableOf("vit.relative_bias %t from [1, 2] window [1, 2] lead 1", "tensor<5x1xf32>",
                     "tensor<3x1x3xf32>", {counting({5, 1})}),
             {4, 2, 2, 3, 0.5, 0, 3, 1, 0.5});
}

TEST_CASE("rope_table: angles of places behind the first tokens") {
  checkTable(tableOf("vit.rope_table grid [2, 1] origin [1.0, 0.0] step [2.0, 0.0] rows [0.5, 0.0] "
                     "columns [0.0, 1.0] lead 1",
                     "", "tensor<3x4xf32>", {}),
             {1, 0, 1, 0, std::cos(0.5), std::sin(0.5), 1, 0, std::cos(1.5), std::sin(1.5), 1, 0});
}
