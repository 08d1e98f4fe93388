//===- TokensTest.cpp - Where values go --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "ReferenceTesting.h"

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
