//===- Mma.cpp - The tensor core's instructions ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Mma.h"

using namespace vitc::cost;

// All devices of the table multiply tf32 at half the rate of f16 (their data sheets: 82.6 of 165.2
// TFLOP/s on the RTX 4090, 494 of 989 on the H200). A product of f32 is three of tf32.
// clang-format off
//                                m   n   k  bytes rate instructions
static constexpr MmaShape half = {16, 8, 16, 2,    1.0, 1}; // f16 and bf16
static constexpr MmaShape tf32 = {16, 8,  8, 4,    0.5, 1};
static constexpr MmaShape f32  = {16, 8,  8, 4,    0.5, 3};
// clang-format on

const MmaShape &vitc::cost::mmaOf(const Work &work) {
  return work.inputBytes == 2 ? half : work.threefold ? f32 : tf32;
}
